package dev.reactiveevents.r2dbc;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.Wrapped;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A database of a test's own, of either kind, and what a test does in it behind the library's back. */
record TestDatabase(ConnectionFactory connections) {

    private static final Pattern ID =
            Pattern.compile("'([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})'");

    private static final Duration LIMIT = Duration.ofSeconds(60);

    static TestDatabase postgres() {
        return new TestDatabase(ConnectionFactories.get(PostgresServer.freshDatabase()));
    }

    static TestDatabase mariaDb() {
        return new TestDatabase(ConnectionFactories.get(MariaDbServer.freshDatabase()));
    }

    static TestDatabase h2() {
        return new TestDatabase(
                ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1"));
    }

    /** The same database over connections that a test has changed. */
    ConnectionFactory changed(Function<Mono<Connection>, Mono<Connection>> change) {
        return new Changed(connections, change);
    }

    private record Changed(ConnectionFactory unwrap, Function<Mono<Connection>, Mono<Connection>> change)
            implements ConnectionFactory, Wrapped<ConnectionFactory> {

        @Override
        public Publisher<? extends Connection> create() {
            return change.apply(Mono.from(unwrap.create()));
        }

        @Override
        public ConnectionFactoryMetadata getMetadata() {
            return unwrap.getMetadata();
        }
    }

    ConnectionPool pool(int size) {
        return new ConnectionPool(ConnectionPoolConfiguration.builder(connections)
                .initialSize(0)
                .maxSize(size)
                .build());
    }

    R2dbcEventChannelBuilder builder() {
        return builder(connections);
    }

    static R2dbcEventChannelBuilder builder(ConnectionFactory connections) {
        return Channels.tableQueue(connections).queueTable("queue").shutdownTimeout(Duration.ofMillis(200));
    }

    TestDatabase migrated() {
        EventSchema.of(builder().build()).migrate().block(LIMIT);
        return this;
    }

    void execute(String... statements) {
        PostgresServer.execute(
                connections,
                Stream.of(statements).map(sql -> inItsWords(connections, sql)).toArray(String[]::new));
    }

    <T> List<T> query(String sql, Class<T> type) {
        return query(connections, sql, type);
    }

    static <T> List<T> query(ConnectionFactory connections, String sql, Class<T> type) {
        return Objects.requireNonNull(Flux.usingWhen(
                        connections.create(),
                        connection -> Flux.from(connection
                                        .createStatement(inItsWords(connections, sql))
                                        .execute())
                                .concatMap(result -> result.map(row -> Objects.requireNonNull(row.get(0, type)))),
                        Connection::close)
                .collectList()
                .block(LIMIT));
    }

    /** MySQL and MariaDB quote names by another character, and have other names for long integers and for ids. */
    String inItsWords(String sql) {
        return inItsWords(connections, sql);
    }

    private static String inItsWords(ConnectionFactory connections, String sql) {
        String product = connections.getMetadata().getName();
        return product.equals("MySQL") || product.equals("MariaDB")
                ? ID.matcher(sql.replace('"', '`').replace("AS BIGINT)", "AS SIGNED)"))
                        .replaceAll("X'$1$2$3$4$5'")
                : sql;
    }

    long number(String sql) {
        return query(sql, Long.class).get(0);
    }

    /** Looks again and again until a number is so. */
    void await(String sql, long expected) {
        Mono.fromSupplier(() -> number(sql))
                .subscribeOn(Schedulers.boundedElastic())
                .filter(number -> number == expected)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                .block(LIMIT);
    }

    /** A transaction that stays open. */
    Transaction transaction(String... statements) {
        Connection connection =
                Objects.requireNonNull(Mono.from(connections.create()).block(LIMIT));
        Mono.from(connection.beginTransaction()).block(LIMIT);
        Transaction transaction = new Transaction(connection, sql -> inItsWords(connections, sql));
        transaction.execute(statements);
        return transaction;
    }

    record Transaction(Connection connection, UnaryOperator<String> words) implements AutoCloseable {

        void execute(String... statements) {
            Flux.fromArray(statements)
                    .concatMap(
                            sql -> connection.createStatement(words.apply(sql)).execute())
                    .concatMap(result -> result.map(row -> true))
                    .then()
                    .block(LIMIT);
        }

        void rollback() {
            Mono.from(connection.rollbackTransaction()).block(LIMIT);
        }

        /** Rolls back what is still open. */
        @Override
        public void close() {
            Mono.from(connection.close()).block(LIMIT);
        }
    }
}
