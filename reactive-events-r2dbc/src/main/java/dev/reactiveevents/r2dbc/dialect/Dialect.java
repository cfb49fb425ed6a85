package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A kind of database. Found by {@link ServiceLoader}, or given to the channel's builder. Stateless.
 */
public interface Dialect {

    /** {@return the name of the database, for messages} */
    String name();

    /**
     * Whether this dialect is for a driver.
     *
     * @param product the name in the metadata of the driver's {@code ConnectionFactory}
     * @return whether it is
     */
    boolean serves(String product);

    /** {@return the backends that this kind of database can have, by their names in options, the default one first} */
    default List<String> backends() {
        return List.of("table_queue");
    }

    /** {@return how long a subscription waits before it looks for events although nothing told of any} */
    default Duration pollInterval() {
        return Duration.ofSeconds(1);
    }

    /** {@return for how long events are leased} */
    default Duration lease() {
        return Duration.ofSeconds(30);
    }

    /**
     * How soon a subscription looks again after it has found events, although nothing told of more. Each look in vain
     * doubles the time, until it is the poll interval.
     *
     * @return the poll interval, unless overridden
     */
    default Duration pollAfterActivity() {
        return pollInterval();
    }

    /** {@return what names are quoted with} */
    default char quote() {
        return '"';
    }

    /** {@return whether the driver works on the thread that calls it, so that it must be called where blocking is allowed} */
    default boolean blocks() {
        return false;
    }

    /** {@return whether the driver blocks the thread that asks it for a connection; as {@link #blocks()}, unless overridden} */
    default boolean blocksToConnect() {
        return blocks();
    }

    /** {@return whether a batch of events is stored by one statement, and so all or none without a transaction} */
    default boolean insertsAtOnce() {
        return false;
    }

    /**
     * {@return the resources that hold the DDL, relative to this class, in their order} Statements end with a semicolon at
     * the end of a line; the first file can be applied again; each records its number in the maintenance table. Names are
     * placeholders of {@link QueueTable#fill}; <code>${settings}</code> stands for the settings.
     */
    List<String> migrations();

    /**
     * Takes a file of {@link #migrations()} apart.
     *
     * @param file its text, with names and settings
     * @return its statements, as they are sent; by default what ends with a semicolon at the end of a line, without that
     */
    default List<String> statements(String file) {
        return Stream.of(file.split(";\\s*(\\R|$)"))
                .filter(statement -> !statement.isBlank())
                .toList();
    }

    /**
     * How a schema is created that may be there.
     *
     * @param schema its name
     * @return the statement; {@code null} where a schema must be there
     */
    default @Nullable String createSchema(String schema) {
        return "CREATE SCHEMA IF NOT EXISTS " + quote() + schema + quote();
    }

    /**
     * How a table is dropped that may be there.
     *
     * @param name its name in quotes, with its schema if that was named
     * @return the statement; it may fail if there is none, as {@link Failure#MISSING}
     */
    default String dropTable(String name) {
        return "DROP TABLE IF EXISTS " + name;
    }

    /**
     * What to run for a user who may not use the tables.
     *
     * @param table the table
     * @return one or more statements, in a sentence that begins with run
     */
    default String grant(QueueTable table) {
        return "GRANT SELECT, INSERT, UPDATE, DELETE ON " + table.fill("${table}, ${table:maintenance}", quote())
                + " TO that user";
    }

    /** {@return what can be set for the storage of the queue table} */
    default List<SchemaSetting> settings() {
        return List.of();
    }

    /**
     * Says what an error means. The default knows only the standard's classes of SQLSTATE: that a table or a schema is
     * {@link Failure#MISSING} each database says in a way of its own, and a migration begins by finding so.
     *
     * @param failure the driver's error
     * @return its meaning
     */
    default Failure classify(R2dbcException failure) {
        return SqlStates.classify(failure);
    }

    /**
     * Looks once, at the first connection, whether the database will do.
     *
     * @param factory where the connection is from
     * @param connection the connection
     * @return completes if it does, errors with what to do if not
     */
    default Mono<Void> verify(ConnectionFactory factory, Connection connection) {
        return Mono.empty();
    }

    /**
     * Begins a transaction in which each statement sees what is committed.
     *
     * @param connection the connection
     * @return completes when it has begun
     */
    default Mono<Void> begin(Connection connection) {
        return Mono.from(connection.beginTransaction());
    }

    /**
     * Whether claims and settlements of this dialect's statements begin a transaction and commit it, all in one trip to the
     * database. If one fails, that is to be rolled back.
     *
     * @return false, unless overridden: each is run in a transaction
     */
    default boolean transactsAtOnce() {
        return false;
    }

    /**
     * Commits a transaction that {@link #begin} began.
     *
     * @param connection the connection
     * @return completes when it is committed; also if it had failed before, and is undone by that
     */
    default Mono<Void> commit(Connection connection) {
        return Mono.from(connection.commitTransaction());
    }

    /**
     * Ends a transaction that failed or was cancelled, in whatever state it is.
     *
     * @param connection the connection
     * @return completes when it is undone
     */
    default Mono<Void> rollback(Connection connection) {
        return Mono.from(connection.rollbackTransaction());
    }

    /**
     * Makes the transaction wait until it is the only one that changes schemas, as far as the database can do so, and creates
     * the table's schema if there is none.
     *
     * @param connection the connection, in a transaction
     * @param table the table
     * @return completes when this is done
     */
    Mono<Void> prepareMigration(Connection connection, QueueTable table);

    /**
     * The statements of a queue table.
     *
     * @param table the table
     * @param retention how long acknowledged events are kept; zero to delete them
     * @return its statements
     */
    QueueStatements statements(QueueTable table, Duration retention);

    /**
     * The statements around handlers that work in the transaction which settles their event.
     *
     * @param table the table
     * @param statements its statements
     * @return what stands around; {@code null}, the default, if there is nothing: transactional handlers are then refused
     */
    default @Nullable TransactionStatements transactions(QueueTable table, QueueStatements statements) {
        return null;
    }

    /**
     * The statements of a queue table for dead letters, withdrawal and inspection.
     *
     * @param table the table
     * @return its statements; {@code null}, the default, if there are none: the channel then refuses what needs them
     */
    default @Nullable UpkeepStatements upkeep(QueueTable table) {
        return null;
    }

    /**
     * The calls of the queues that the database has itself.
     *
     * @param table the table that keeps their dead letters
     * @return them; {@code null}, the default, if it has none
     */
    default @Nullable AdvancedQueueStatements advancedQueue(QueueTable table) {
        return null;
    }
}
