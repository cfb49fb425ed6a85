package dev.reactiveevents.r2dbc;

import dev.reactiveevents.CheckReturnValue;
import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.Failure;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Result;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * The tables of a channel: the queue table, and beside it a small one that ends in {@code _maintenance} and knows their
 * version. All methods can be repeated. They fail with {@link EventException.Misconfigured} if a permission is missing, and
 * as a channel's other methods if the database is away. Where a channel needs no tables, they do nothing. On
 * {@link BackendType#ADVANCED_QUEUE} its queues are made, started, looked for and dropped with them.
 */
public final class EventSchema {

    private static final String VERSION = "SELECT version FROM ${table:maintenance} WHERE task = 'schema'";

    private final Database database;
    private final Dialect dialect;
    private final QueueTable table;
    private final String settings;
    private final boolean needed;
    private final @Nullable QueueSchema queues;

    EventSchema(Database database, Dialect dialect, QueueTable table, String settings) {
        this(database, dialect, table, settings, true, null);
    }

    /** That of a channel whose events are in queues, and its dead letters in the table. */
    static EventSchema withQueues(
            Database database, Dialect dialect, QueueTable table, String settings, QueueSchema queues) {
        return new EventSchema(database, dialect, table, settings, true, queues);
    }

    /** That of a channel which keeps nothing. */
    static EventSchema notNeeded(Database database, Dialect dialect, QueueTable table) {
        return new EventSchema(database, dialect, table, "", false, null);
    }

    private EventSchema(
            Database database,
            Dialect dialect,
            QueueTable table,
            String settings,
            boolean needed,
            @Nullable QueueSchema queues) {
        this.database = database;
        this.dialect = dialect;
        this.table = table;
        this.settings = settings;
        this.needed = needed;
        this.queues = queues;
    }

    /**
     * The tables of a channel.
     *
     * @param channel the channel
     * @return its tables
     */
    public static EventSchema of(R2dbcEventChannel channel) {
        return channel.schema();
    }

    /**
     * The tables of a channel, and the queues of some of its channels: on {@link BackendType#ADVANCED_QUEUE} where the option
     * {@code aq_queue} names a queue for each. Elsewhere the same as without them.
     *
     * @param channel the channel
     * @param channels the names of the channels
     * @return its tables and queues
     */
    public static EventSchema of(R2dbcEventChannel channel, String... channels) {
        EventSchema schema = channel.schema();
        QueueSchema some = schema.queues;
        return some == null
                ? schema
                : withQueues(
                        schema.database, schema.dialect, schema.table, schema.settings, some.of(List.of(channels)));
    }

    /**
     * Creates what is missing: the schema if one was named, the tables, and what later versions add. Many processes may do
     * so at the same time. Settings such as the fillfactor count when the table is created.
     *
     * @return completes when the tables are there and up to date; cancelling leaves what was done by then
     */
    @CheckReturnValue
    public Mono<Void> migrate() {
        return !needed ? Mono.empty() : migrateTables().then(queues == null ? Mono.empty() : queues.create());
    }

    private Mono<Void> migrateTables() {
        return version()
                .onErrorResume(EventException.Misconfigured.class, missing -> Mono.just(0))
                .filter(version -> version < newest())
                .flatMap(version -> ddl().flatMap(this::apply))
                .retryWhen(Retry.backoff(5, Duration.ofMillis(50))
                        .filter(EventException.Unavailable.class::isInstance)
                        .onRetryExhaustedThrow((spec, signal) -> signal.failure()));
    }

    /**
     * Looks whether the tables are there and up to date.
     *
     * @return completes if so; otherwise fails with {@link EventException.Misconfigured}, which says what to do
     */
    @CheckReturnValue
    public Mono<Void> validate() {
        return !needed ? Mono.empty() : validateTables().then(queues == null ? Mono.empty() : queues.validate());
    }

    private Mono<Void> validateTables() {
        return version()
                .flatMap(version -> version >= newest()
                        ? Mono.empty()
                        : Mono.error(new EventException.Misconfigured(
                                "The table " + table + " on " + dialect.name() + " has version " + version
                                        + ", and version " + newest()
                                        + " is needed; run EventSchema.of(channel).migrate().",
                                null)));
    }

    /**
     * The DDL that {@link #migrate()} would apply to an empty database, for a tool such as Flyway or Liquibase. Does not
     * connect.
     *
     * @return SQL statements, each with a semicolon at the end of a line; on Oracle blocks of PL/SQL, each with a slash as its
     *     last line
     */
    public String script() {
        if (!needed) {
            return "";
        }
        String schema = table.schema() == null ? null : dialect.createSchema(table.schema());
        return (schema == null ? "" : schema + ";\n\n")
                + String.join("\n", files())
                + (queues == null ? "" : queues.script());
    }

    /**
     * Drops the tables, with all events in them.
     *
     * @return completes when they are gone, also if there were none
     */
    @CheckReturnValue
    public Mono<Void> drop() {
        return !needed ? Mono.empty() : (queues == null ? Mono.<Void>empty() : queues.drop()).then(dropTables());
    }

    private Mono<Void> dropTables() {
        return database.transaction(
                "Dropping the table " + table,
                connection -> dropIfThere(connection, "${table}")
                        .then(Mono.defer(() -> dropIfThere(connection, "${table:maintenance}"))));
    }

    /** For H2 a schema that is missing is an error, also where its tables need not be there. */
    private Mono<Void> dropIfThere(Connection connection, String name) {
        return execute(connection, dialect.dropTable(table.fill(name, dialect.quote())))
                .onErrorComplete(
                        failure -> failure instanceof R2dbcException told && dialect.classify(told) == Failure.MISSING);
    }

    private int newest() {
        return dialect.migrations().size();
    }

    private Mono<Integer> version() {
        return database.statement("Reading the version of the table " + table, this::version);
    }

    private Mono<Integer> version(Connection connection) {
        return Flux.from(connection
                        .createStatement(table.fill(VERSION, dialect.quote()))
                        .execute())
                .concatMap(result -> result.map(row -> Objects.requireNonNull(row.get("version", Integer.class))))
                .next()
                .defaultIfEmpty(0);
    }

    /** The first file makes the version known, and the others follow from there. */
    private Mono<Void> apply(List<List<String>> files) {
        return database.transaction(
                "Creating the table " + table,
                connection -> dialect.prepareMigration(connection, table)
                        .then(Mono.defer(() -> apply(connection, files.get(0))))
                        .then(Mono.defer(() -> version(connection)))
                        .flatMapMany(version -> Flux.fromIterable(files).skip(version))
                        .concatMap(file -> apply(connection, file))
                        .then());
    }

    private static Mono<Void> apply(Connection connection, List<String> statements) {
        return Flux.fromIterable(statements)
                .concatMap(statement -> execute(connection, statement))
                .then();
    }

    private static Mono<Void> execute(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    private Mono<List<List<String>>> ddl() {
        return Mono.fromCallable(() -> files().stream().map(dialect::statements).toList())
                .subscribeOn(Schedulers.boundedElastic());
    }

    private List<String> files() {
        return dialect.migrations().stream()
                .map(this::read)
                .map(file -> table.fill(file.replace("${settings}", settings), dialect.quote()))
                .toList();
    }

    private String read(String resource) {
        try (InputStream file = dialect.getClass().getResourceAsStream(resource)) {
            return new String(Objects.requireNonNull(file, resource).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
