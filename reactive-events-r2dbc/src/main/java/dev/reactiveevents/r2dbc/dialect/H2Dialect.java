package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.EventException;
import io.r2dbc.spi.Closeable;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Wrapped;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;

/** H2 2.2 and later, in the application's process or as a server. */
public final class H2Dialect implements Dialect {

    private static final String DIES_WITH_ITS_LAST_CONNECTION = """
            SELECT DATABASE_PATH() IS NULL AND NOT EXISTS (
                SELECT 1 FROM INFORMATION_SCHEMA.SETTINGS
                WHERE SETTING_NAME = 'DB_CLOSE_DELAY' AND SETTING_VALUE = '-1') AS dies
            """;

    /** Creates the dialect. */
    public H2Dialect() {}

    @Override
    public String name() {
        return "H2";
    }

    @Override
    public boolean serves(String product) {
        return product.equals("H2");
    }

    @Override
    public boolean blocks() {
        return true;
    }

    @Override
    public List<String> migrations() {
        return List.of("/dev/reactiveevents/r2dbc/schema/h2/0001_queue.sql");
    }

    /** Two who store one id, or create one table, at the same time are in conflict here: the second finds it done. */
    @Override
    public Failure classify(R2dbcException failure) {
        return switch (SqlStates.of(failure)) {
            case "HYT00", "90131", "23505", "42S01", "42S11" -> Failure.CONFLICT;
            case "42S02", "42S03", "42S04", "42S22", "90079" -> Failure.MISSING;
            case "90096" -> Failure.FORBIDDEN;
            case "90013", "90149" -> Failure.ACCESS;
            case "90007", "90067", "90098", "90121" -> Failure.DISCONNECTED;
            default -> SqlStates.classify(failure);
        };
    }

    /** A factory that can be closed keeps the database alive itself. */
    @Override
    public Mono<Void> verify(ConnectionFactory factory, Connection connection) {
        if (driverOf(factory) instanceof Closeable) {
            return Mono.empty();
        }
        return Sql.query(
                        connection.createStatement(DIES_WITH_ITS_LAST_CONNECTION),
                        row -> Sql.required(row, "dies", Boolean.class))
                .filter(dies -> dies)
                .<Void>flatMap(dies -> Mono.error(new EventException.Misconfigured(
                        "The in-memory H2 database would vanish with its last connection, and its events with it; add"
                                + " DB_CLOSE_DELAY=-1 to its URL, as in r2dbc:h2:mem:///name?options=DB_CLOSE_DELAY=-1.",
                        null)))
                .then();
    }

    private static Object driverOf(ConnectionFactory factory) {
        Object driver = factory;
        while (driver instanceof Wrapped<?> wrapped && wrapped.unwrap() != null) {
            driver = wrapped.unwrap();
        }
        return driver;
    }

    /** Each DDL statement commits by itself here, so that there is nothing to lock: they can all be repeated. */
    @Override
    public Mono<Void> prepareMigration(Connection connection, QueueTable table) {
        return table.schema() == null
                ? Mono.empty()
                : Sql.execute(connection, "CREATE SCHEMA IF NOT EXISTS \"" + table.schema() + '"');
    }

    @Override
    public QueueStatements statements(QueueTable table, Duration retention) {
        return new H2Statements(table, retention);
    }

    @Override
    public TransactionStatements transactions(QueueTable table, QueueStatements statements) {
        return new H2Transactions(table, statements);
    }

    @Override
    public UpkeepStatements upkeep(QueueTable table) {
        return new H2Upkeep(table);
    }
}
