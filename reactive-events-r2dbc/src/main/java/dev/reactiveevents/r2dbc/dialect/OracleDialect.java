package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.EventException;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Oracle 19c and later. Checked by a grammar of PL/SQL and, as far as it is plain SQL, run on H2 in its mode for Oracle; not run on
 * an Oracle server. Advanced Queuing was tried on a model of it.
 */
public final class OracleDialect implements Dialect {

    private static final int OLDEST = 19;
    private static final Pattern VERSION = Pattern.compile("(\\d{1,4})\\..*");

    private static final String SERVER = """
            SELECT (SELECT MAX(p.version) FROM product_component_version p WHERE p.product LIKE 'Oracle%') AS version,
                   (SELECT MAX(n.value) FROM nls_session_parameters n WHERE n.parameter = 'NLS_COMP') AS comparison
              FROM dual""";

    /** Creates the dialect. */
    public OracleDialect() {}

    @Override
    public String name() {
        return "Oracle";
    }

    @Override
    public boolean serves(String product) {
        return product.equals("Oracle Database");
    }

    @Override
    public List<String> backends() {
        return List.of("table_queue", "advanced_queue");
    }

    /** It looks for resources on the class path and for the server's address there; if that fails, no answer comes at all. */
    @Override
    public boolean blocksToConnect() {
        return true;
    }

    @Override
    public List<SchemaSetting> settings() {
        return List.of(new SchemaSetting("in_memory", null, 0, 1, true));
    }

    @Override
    public List<String> migrations() {
        return List.of("/dev/reactiveevents/r2dbc/schema/oracle/0001_queue.sql");
    }

    /** As SQL*Plus and Flyway do: a block ends at a line that is a slash. */
    @Override
    public List<String> statements(String file) {
        return Stream.of(file.split("\\R/\\s*(\\R|$)"))
                .map(String::strip)
                .filter(statement -> !statement.isEmpty())
                .toList();
    }

    /** A schema is a user here. */
    @Override
    public @Nullable String createSchema(String schema) {
        return null;
    }

    /** Only the latest versions know {@code IF EXISTS}. */
    @Override
    public String dropTable(String name) {
        return "DROP TABLE " + name + " PURGE";
    }

    /** One for each table, and no more in a statement. */
    @Override
    public String grant(QueueTable table) {
        String grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO that user";
        return table.fill(grant + " and " + grant.replace("${table}", "${table:maintenance}"));
    }

    @Override
    public Failure classify(R2dbcException failure) {
        return OracleErrors.classify(failure);
    }

    @Override
    public Mono<Void> verify(ConnectionFactory factory, Connection connection) {
        return OracleRow.query(connection.createStatement(SERVER), row -> {
                    requireNewEnough(row.get("version", String.class));
                    requireBinary(row.get("comparison", String.class));
                    return true;
                })
                .then();
    }

    private static void requireNewEnough(@Nullable String version) {
        Matcher major = VERSION.matcher(version == null ? "" : version);
        if (major.matches() && Integer.parseInt(major.group(1)) < OLDEST) {
            throw new EventException.Misconfigured(
                    "The Oracle server is of version " + version + ", but " + OLDEST
                            + "c or later is needed; use such a server.",
                    null);
        }
    }

    private static void requireBinary(@Nullable String comparison) {
        if (comparison != null && !comparison.equals("BINARY")) {
            throw new EventException.Misconfigured(
                    "The sessions compare text by NLS_COMP = " + comparison
                            + ", so that different channels and keys could be taken for one; run"
                            + " ALTER SESSION SET NLS_COMP = BINARY in each of them.",
                    null);
        }
    }

    /** A transaction begins with its first statement, so that nothing need be sent. */
    @Override
    public Mono<Void> begin(Connection connection) {
        return Mono.from(connection.setAutoCommit(false));
    }

    /** To commit by itself again commits what is open, and leaves the connection as it was. */
    @Override
    public Mono<Void> commit(Connection connection) {
        return Mono.from(connection.setAutoCommit(true));
    }

    @Override
    public Mono<Void> rollback(Connection connection) {
        return Mono.from(connection.rollbackTransaction())
                .then(Mono.defer(() -> Mono.from(connection.setAutoCommit(true))));
    }

    /** Each DDL statement commits by itself here, so that there is nothing to lock: they can all be repeated. */
    @Override
    public Mono<Void> prepareMigration(Connection connection, QueueTable table) {
        return Mono.empty();
    }

    @Override
    public QueueStatements statements(QueueTable table, Duration retention) {
        return new OracleStatements(table, retention);
    }

    @Override
    public TransactionStatements transactions(QueueTable table, QueueStatements statements) {
        return new OracleTransactions(this, table, statements);
    }

    @Override
    public UpkeepStatements upkeep(QueueTable table) {
        return new OracleUpkeep(table);
    }

    @Override
    public AdvancedQueueStatements advancedQueue(QueueTable table) {
        return new OracleQueue(table);
    }
}
