package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.ConnectionFactories;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.mysql.MySQLContainer;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * A real MySQL for tests, one for each JVM: the one that the environment variable {@code REACTIVE_EVENTS_MYSQL_URL} names
 * ({@code r2dbc:mysql://user:password@host/database}), else one in Docker where Docker answers, else the embedded binary,
 * which needs Linux on x86-64 and the library {@code libaio.so.1}. Where there is none, tests are skipped, and say why.
 */
final class MySqlServer {

    private static final String ARCHIVE = "/mysql-Linux-amd64.tar.gz";
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private MySqlServer() {}

    /** Either a URL, or why there is none. */
    private record Found(String url, @Nullable String missing) {}

    private static final class Shared {
        static final Found FOUND = start();

        private static Found start() {
            String given = System.getenv("REACTIVE_EVENTS_MYSQL_URL");
            Found found = given != null && !given.isBlank()
                    ? new Found(given, null)
                    : DockerClientFactory.instance().isDockerAvailable() ? new Found(container(), null) : embedded();
            if (found.missing() != null) {
                System.err.println(found.missing());
            }
            return found;
        }

        /** Removed by Testcontainers itself when the JVM ends. */
        @SuppressWarnings("resource")
        private static String container() {
            MySQLContainer server =
                    new MySQLContainer("mysql:8.4").withUsername("root").withPassword("test");
            server.setCommand("--max-connections=500");
            server.start();
            return "r2dbc:mysql://root:test@" + server.getHost() + ":" + server.getFirstMappedPort() + "/"
                    + server.getDatabaseName();
        }

        private static Found embedded() {
            try {
                return Embedded.start();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            } catch (InterruptedException failure) {
                throw new IllegalStateException(failure);
            }
        }
    }

    static boolean isThere() {
        return Shared.FOUND.missing() == null;
    }

    /** {@return the URL of the shared server's database; starts the server at the first call} */
    static String url() {
        Assumptions.assumeTrue(isThere(), Shared.FOUND.missing());
        return Shared.FOUND.url();
    }

    /** {@return the URL of a new, empty database on the shared server} */
    static String freshDatabase() {
        return MariaDbServer.freshDatabase(url());
    }

    /** The binary of an artifact whose own Java classes are not used. */
    private static final class Embedded {

        private static Found start() throws IOException, InterruptedException {
            InputStream archive = MySqlServer.class.getResourceAsStream(ARCHIVE);
            boolean linux = System.getProperty("os.name").equals("Linux")
                    && System.getProperty("os.arch").equals("amd64");
            if (archive == null || !linux) {
                return missing("its embedded binary is for Linux on x86-64");
            }
            Path directory = Files.createTempDirectory("reactive-events-mysql");
            unpack(archive, directory);
            String refusal = refusal(directory);
            if (!refusal.isEmpty()) {
                delete(directory.toFile());
                return missing("its embedded binary does not run here (" + refusal + ")");
            }
            run(directory, "--initialize-insecure").waitFor();
            int port = freePort();
            Process server = run(
                    directory,
                    "--port=" + port,
                    "--mysqlx=OFF",
                    "--max-connections=500",
                    // a commit survives the server's process, as on PostgreSQL here, and waits for no disk
                    "--innodb-flush-log-at-trx-commit=2",
                    "--sync-binlog=0");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> end(server, directory)));
            String url = "r2dbc:mysql://root@127.0.0.1:" + port + "/mysql?sslMode=disabled";
            awaitConnection(url, server, directory);
            return new Found(url, null);
        }

        private static Found missing(String why) {
            return new Found(
                    "",
                    "SKIPPED: there is no MySQL: " + why
                            + ". Install libaio, start Docker, or name a server by REACTIVE_EVENTS_MYSQL_URL.");
        }

        private static void unpack(InputStream archive, Path directory) throws IOException, InterruptedException {
            Path file = directory.resolve("mysql.tar.gz");
            try (archive) {
                Files.copy(archive, file);
            }
            int code = new ProcessBuilder("tar", "xzf", file.toString(), "-C", directory.toString())
                    .inheritIO()
                    .start()
                    .waitFor();
            if (code != 0) {
                throw new IOException("tar ended with " + code);
            }
            Files.delete(file);
        }

        /** What the loader says against it; empty if it runs. */
        private static String refusal(Path directory) throws IOException, InterruptedException {
            Process version = new ProcessBuilder(
                            directory.resolve("bin/mysqld").toString(), "--no-defaults", "--version")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(version.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return version.waitFor() == 0 ? "" : said;
        }

        private static Process run(Path directory, String... arguments) throws IOException {
            List<String> command = new ArrayList<>(List.of(
                    directory.resolve("bin/mysqld").toString(),
                    "--no-defaults",
                    "--basedir=" + directory,
                    "--datadir=" + directory.resolve("data"),
                    "--socket=" + directory.resolve("socket"),
                    "--pid-file=" + directory.resolve("pid")));
            if ("root".equals(System.getProperty("user.name"))) {
                command.add("--user=root");
            }
            command.addAll(List.of(arguments));
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            directory.resolve("log").toFile()))
                    .start();
        }

        private static int freePort() throws IOException {
            try (ServerSocket socket = new ServerSocket(0)) {
                return socket.getLocalPort();
            }
        }

        private static void awaitConnection(String url, Process server, Path directory) throws IOException {
            boolean connected = Boolean.TRUE.equals(Mono.from(
                            ConnectionFactories.get(url).create())
                    .flatMap(connection -> Mono.from(connection.close()).thenReturn(true))
                    .retryWhen(Retry.fixedDelay(300, Duration.ofMillis(200)).filter(refused -> server.isAlive()))
                    .onErrorReturn(false)
                    .block(LIMIT.multipliedBy(2)));
            if (!connected) {
                throw new IOException("MySQL did not start: " + Files.readString(directory.resolve("log")));
            }
        }

        /** Its data is of no use to anybody, so that it need not stop in order. */
        private static void end(Process server, Path directory) {
            server.destroyForcibly().onExit().join();
            delete(directory.toFile());
        }

        private static void delete(File file) {
            File[] children = file.listFiles();
            if (children != null) {
                for (File child : children) {
                    delete(child);
                }
            }
            file.delete();
        }
    }
}
