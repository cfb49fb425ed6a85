package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;
import reactor.core.publisher.Flux;

/**
 * A real PostgreSQL for tests, one for each JVM: the one that the environment variable {@code REACTIVE_EVENTS_POSTGRES_URL}
 * names ({@code r2dbc:postgresql://user:password@host/database}), else one in Docker where Docker answers, else the embedded
 * binary.
 */
public final class PostgresServer {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration FILLING_LIMIT = Duration.ofMinutes(5);

    private PostgresServer() {}

    private static final class Shared {
        static final String URL = start();

        private static String start() {
            String given = System.getenv("REACTIVE_EVENTS_POSTGRES_URL");
            if (given != null && !given.isBlank()) {
                return given;
            }
            return DockerClientFactory.instance().isDockerAvailable() ? container() : embedded();
        }

        /** Removed by Testcontainers itself when the JVM ends. */
        @SuppressWarnings("resource")
        private static String container() {
            PostgreSQLContainer server =
                    new PostgreSQLContainer("postgres:18").withCommand("postgres", "-c", "max_connections=200");
            server.start();
            return "r2dbc:postgresql://" + server.getUsername() + ":" + server.getPassword() + "@" + server.getHost()
                    + ":" + server.getFirstMappedPort() + "/" + server.getDatabaseName();
        }

        /** Stopped by its own shutdown hook when the JVM ends. */
        private static String embedded() {
            try {
                return url(builder().start().getPort());
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }

    /** What is committed survives the server's processes, which is what is killed here, but no loss of power: disks differ. */
    private static EmbeddedPostgres.Builder builder() {
        return EmbeddedPostgres.builder()
                .setPGStartupWait(LIMIT)
                .setServerConfig("max_connections", "200")
                .setServerConfig("fsync", "off")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("synchronous_commit", "on");
    }

    private static String url(int port) {
        return "r2dbc:postgresql://postgres@localhost:" + port + "/postgres";
    }

    /** {@return the URL of the shared server's database; starts the server at the first call} */
    public static String url() {
        return Shared.URL;
    }

    /** {@return connections to the shared server's database, not pooled} */
    public static ConnectionFactory connectionFactory() {
        return ConnectionFactories.get(url());
    }

    /** {@return the URL of a new, empty database on the shared server} */
    public static String freshDatabase() {
        String name = "test_" + UUID.randomUUID().toString().replace("-", "");
        execute(connectionFactory(), "CREATE DATABASE " + name);
        return url().replaceFirst("/[^/?]*(\\?.*)?$", "/" + name + "$1");
    }

    /** {@return a {@link #freshDatabase()} with the table {@code queue}} */
    public static ConnectionFactory migratedDatabase() {
        ConnectionFactory database = ConnectionFactories.get(freshDatabase());
        R2dbcEventChannel events = R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .queueTable("queue")
                .build();
        EventSchema.of(events).migrate().then(events.shutdown()).block(LIMIT);
        return database;
    }

    /**
     * Runs SQL, for what a test needs beside the library, and be it a million rows.
     *
     * @param connections where
     * @param statements what, each by itself
     */
    public static void execute(ConnectionFactory connections, String... statements) {
        Flux.usingWhen(
                        connections.create(),
                        connection -> Flux.fromArray(statements)
                                .concatMap(
                                        sql -> connection.createStatement(sql).execute())
                                .concatMap(Result::getRowsUpdated),
                        Connection::close)
                .then()
                .block(FILLING_LIMIT);
    }

    /** An embedded server of a test's own that can be stopped and started again at the same place, with its data. */
    public static final class Restartable implements AutoCloseable {

        private final Path data;
        private final String[] settings;
        private int port;
        private EmbeddedPostgres server;

        /**
         * Starts a server.
         *
         * @param settings of the server, each as {@code name=value}
         */
        public Restartable(String... settings) {
            this.settings = settings;
            try {
                data = Files.createTempDirectory("reactive-events-postgres");
                server = configured().start();
                port = server.getPort();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        private EmbeddedPostgres.Builder configured() {
            EmbeddedPostgres.Builder builder = builder().setDataDirectory(data).setCleanDataDirectory(false);
            for (String setting : settings) {
                String[] parts = setting.split("=", 2);
                builder.setServerConfig(parts[0], parts[1]);
            }
            return builder;
        }

        /** {@return its URL, the same after a restart} */
        public String url() {
            return PostgresServer.url(port);
        }

        /** Stops the server. Connections break. */
        public void stop() {
            try {
                server.close();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        /** Starts it again. */
        public void start() {
            try {
                server = configured().setPort(port).start();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }

        @Override
        public void close() {
            stop();
            deleteData(data.toFile());
        }

        private static void deleteData(File file) {
            File[] children = file.listFiles();
            if (children != null) {
                for (File child : children) {
                    deleteData(child);
                }
            }
            file.delete();
        }
    }
}
