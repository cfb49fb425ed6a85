package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.EventException;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import reactor.core.publisher.Mono;

/**
 * MySQL 8 and MariaDB 10.6, which a driver serves alike: either driver may be connected to either server, so that all statements
 * are such as both understand.
 */
abstract class MySqlFamily implements Dialect {

    private static final int DUPLICATE = 1062;
    private static final Pattern VERSION = Pattern.compile("(?:5\\.5\\.5-)?(\\d+)\\.(\\d+)\\.(\\d+).*");

    private final String name;

    MySqlFamily(String name) {
        this.name = name;
    }

    @Override
    public String name() {
        return name;
    }

    /** The name that the driver of this database gives. */
    @Override
    public boolean serves(String product) {
        return product.equals(name);
    }

    @Override
    public Duration pollInterval() {
        return Duration.ofMillis(250);
    }

    @Override
    public Duration pollAfterActivity() {
        return Duration.ofMillis(10);
    }

    @Override
    public Duration lease() {
        return Duration.ofSeconds(5);
    }

    @Override
    public char quote() {
        return MySqlText.QUOTE;
    }

    @Override
    public boolean insertsAtOnce() {
        return true;
    }

    @Override
    public List<String> migrations() {
        return List.of("/dev/reactiveevents/r2dbc/schema/mysql/0001_queue.sql");
    }

    /** By the number, because most errors of this family have the SQLSTATE of "general error". */
    @Override
    public Failure classify(R2dbcException failure) {
        return switch (failure.getErrorCode()) {
            case 1205, 1213, 1020, 1637, 3101 -> Failure.CONFLICT;
            case 1049, 1051, 1054, 1146 -> Failure.MISSING;
            case 1044, 1142, 1143, 1227, 1370 -> Failure.FORBIDDEN;
            case 1045, 1698 -> Failure.ACCESS;
            case 1040,
                    1053,
                    1077,
                    1078,
                    1079,
                    1080,
                    1152,
                    1158,
                    1159,
                    1160,
                    1161,
                    1184,
                    1203,
                    1226,
                    1927,
                    2006,
                    2013,
                    3169,
                    4031 -> Failure.DISCONNECTED;
            case 1048, 1153, 1264, 1265, 1366, 1406 -> Failure.DATA;
            default -> SqlStates.classify(failure);
        };
    }

    static boolean isDuplicate(R2dbcException failure) {
        return failure.getErrorCode() == DUPLICATE;
    }

    @Override
    public Mono<Void> verify(ConnectionFactory factory, Connection connection) {
        return Sql.query(
                        connection.createStatement("SELECT VERSION() AS version"),
                        row -> Sql.required(row, "version", String.class))
                .single()
                .flatMap(version -> isNewEnough(version)
                        ? Mono.empty()
                        : Mono.error(new EventException.Misconfigured(
                                "The server is of version " + version
                                        + ", but MySQL 8.0.4 or later or MariaDB 10.6 or later"
                                        + " is needed, for SKIP LOCKED and JSON_TABLE; use such a server.",
                                null)));
    }

    /** Distributions write versions in many ways; what cannot be read is let through, and fails at its first statement. */
    static boolean isNewEnough(String version) {
        Matcher parts = VERSION.matcher(version);
        if (!parts.matches()) {
            return true;
        }
        int major = Integer.parseInt(parts.group(1));
        int minor = Integer.parseInt(parts.group(2));
        boolean mariaDb = version.contains("MariaDB");
        return mariaDb
                ? major > 10 || major == 10 && minor >= 6
                : major > 8 || major == 8 && (minor > 0 || Integer.parseInt(parts.group(3)) >= 4);
    }

    /** Under REPEATABLE READ, the usual one here, claims would lock the gaps into which others publish. */
    @Override
    public Mono<Void> begin(Connection connection) {
        return Mono.from(connection.beginTransaction(IsolationLevel.READ_COMMITTED));
    }

    /** Each DDL statement commits by itself here, so that there is nothing to lock: they can all be repeated. */
    @Override
    public Mono<Void> prepareMigration(Connection connection, QueueTable table) {
        String schema = table.schema();
        return schema == null
                ? Mono.empty()
                : Sql.query(
                                connection
                                        .createStatement("SELECT 1 AS there FROM information_schema.SCHEMATA"
                                                + " WHERE SCHEMA_NAME = ?")
                                        .bind(0, schema),
                                row -> true)
                        .hasElements()
                        .flatMap(there -> there
                                ? Mono.empty()
                                : Sql.execute(connection, "CREATE SCHEMA IF NOT EXISTS `" + schema + '`'));
    }

    @Override
    public QueueStatements statements(QueueTable table, Duration retention) {
        return new MySqlStatements(table, retention);
    }

    @Override
    public TransactionStatements transactions(QueueTable table, QueueStatements statements) {
        return new MySqlTransactions(table, statements);
    }

    @Override
    public UpkeepStatements upkeep(QueueTable table) {
        return new MySqlUpkeep(table);
    }
}
