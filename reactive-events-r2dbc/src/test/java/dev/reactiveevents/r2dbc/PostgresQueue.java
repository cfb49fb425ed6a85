package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.Option;
import io.r2dbc.spi.Row;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A queue table of a test's own on the PostgreSQL server of the build, and what a test does behind the library's back. */
final class PostgresQueue implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final String url = PostgresServer.url();
    private final String table = "queue_" + UUID.randomUUID().toString().substring(0, 8);
    private final ConnectionFactory direct = ConnectionFactories.get(url);
    private final List<ConnectionPool> pools = new ArrayList<>();
    private final List<R2dbcEventChannel> channels = new ArrayList<>();

    PostgresQueue() {
        EventSchema.of(Channels.tableQueue(direct).queueTable(table).build())
                .migrate()
                .block(LIMIT);
    }

    String url() {
        return url;
    }

    String table() {
        return table;
    }

    ConnectionFactory direct() {
        return direct;
    }

    // == Channels ==

    /** A pool whose sessions can be told from others by their application name. */
    ConnectionPool pool(String applicationName, int size) {
        ConnectionFactoryOptions options = ConnectionFactoryOptions.parse(url)
                .mutate()
                .option(Option.valueOf("applicationName"), applicationName)
                .build();
        ConnectionPool pool = new ConnectionPool(ConnectionPoolConfiguration.builder(ConnectionFactories.get(options))
                .initialSize(0)
                .maxSize(size)
                .build());
        pools.add(pool);
        return pool;
    }

    R2dbcEventChannelBuilder builder(ConnectionFactory database) {
        return Channels.tableQueue(database).queueTable(table).shutdownTimeout(Duration.ofMillis(200));
    }

    R2dbcEventChannel open(R2dbcEventChannelBuilder builder) {
        R2dbcEventChannel channel = builder.build();
        channels.add(channel);
        return channel;
    }

    // == Behind the library's back ==

    <T> List<T> query(String sql, Function<Row, T> read) {
        return Objects.requireNonNull(Flux.usingWhen(
                        direct.create(),
                        connection -> Flux.from(connection
                                        .createStatement(sql.replace("${table}", table))
                                        .execute())
                                .flatMap(result -> result.map((row, metadata) -> read.apply(row))),
                        Connection::close)
                .collectList()
                .block(LIMIT));
    }

    long number(String sql) {
        return query(sql, row -> row.get(0, Long.class)).get(0);
    }

    void execute(String... statements) {
        Flux.usingWhen(
                        direct.create(),
                        connection -> Flux.fromIterable(Arrays.asList(statements))
                                .concatMap(sql -> Flux.from(connection
                                                .createStatement(sql.replace("${table}", table))
                                                .execute())
                                        .flatMap(result -> result.getRowsUpdated())),
                        Connection::close)
                .then()
                .block(LIMIT);
    }

    /** Keeps everybody else from the table until closed. */
    Lock lock() {
        return new Lock("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE");
    }

    /** Waits until a session of this application waits for a lock, and ends it. */
    void killWhenBlocked(String applicationName) {
        assertThat(awaitBlocked("pg_terminate_backend(pid)", applicationName, 1))
                .isEqualTo(1);
    }

    /** Waits until a session of this application waits for a lock. */
    void awaitBlocked(String applicationName) {
        awaitBlocked(applicationName, 1);
    }

    /** Waits until this many do. */
    void awaitBlocked(String applicationName, int sessions) {
        awaitBlocked("pid", applicationName, sessions);
    }

    private Long awaitBlocked(String counted, String applicationName, int sessions) {
        String blocked = "SELECT count(" + counted + ") FROM pg_stat_activity WHERE application_name = '"
                + applicationName + "' AND wait_event_type = 'Lock'";
        return Mono.fromSupplier(() -> number(blocked))
                .subscribeOn(Schedulers.boundedElastic())
                .filter(count -> count >= sessions)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                .block(LIMIT);
    }

    long kill(String applicationName) {
        return number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '"
                + applicationName + "'");
    }

    @Override
    public void close() {
        Flux.fromIterable(channels).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
        Flux.fromIterable(pools).flatMap(ConnectionPool::disposeLater).blockLast(LIMIT);
        execute("DROP TABLE ${table} CASCADE");
    }

    /** An open transaction that holds something. */
    final class Lock implements AutoCloseable {

        private final Connection connection =
                Objects.requireNonNull(Mono.from(direct.create()).block(LIMIT));

        Lock(String sql) {
            Mono.from(connection.beginTransaction()).block(LIMIT);
            execute(sql);
        }

        void execute(String sql) {
            Flux.from(connection.createStatement(sql).execute())
                    .flatMap(result -> result.getRowsUpdated())
                    .then()
                    .block(LIMIT);
        }

        void rollback() {
            Mono.from(connection.rollbackTransaction()).block(LIMIT);
        }

        void commit() {
            Mono.from(connection.commitTransaction()).block(LIMIT);
        }

        @Override
        public void close() {
            Mono.from(connection.close()).block(LIMIT);
        }
    }
}
