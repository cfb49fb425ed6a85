package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** PostgreSQL 13 and later. */
public final class PostgresDialect implements Dialect {

    /**
     * Pins the plans: a plan made while the table was nearly empty would otherwise outlive a burst, and read all of it for
     * each batch. Set for the transaction only, because the connection belongs to others as well.
     */
    static final String BEGIN = """
            BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
            SET LOCAL enable_seqscan = off;
            SET LOCAL enable_bitmapscan = off;
            SET LOCAL enable_sort = off;
            SET LOCAL enable_nestloop = off;
            SET LOCAL jit = off;
            SET LOCAL plan_cache_mode = force_generic_plan""";

    /** Of a claim: one that is lost is a redelivery. */
    static final String BEGIN_CLAIM = BEGIN + "; SET LOCAL synchronous_commit = off";

    /** Creates the dialect. */
    public PostgresDialect() {}

    @Override
    public String name() {
        return "PostgreSQL";
    }

    @Override
    public boolean serves(String product) {
        return product.equals("PostgreSQL");
    }

    @Override
    public List<String> backends() {
        return List.of("listen_notify", "listen_notify_durable", "table_queue");
    }

    @Override
    public boolean insertsAtOnce() {
        return true;
    }

    @Override
    public List<String> migrations() {
        return List.of("/dev/reactiveevents/r2dbc/schema/postgresql/0001_queue.sql");
    }

    @Override
    public List<SchemaSetting> settings() {
        return List.of(
                new SchemaSetting("fillfactor", 85, 10, 100, true),
                new SchemaSetting("autovacuum_vacuum_scale_factor", 0.01, 0, 100, false),
                new SchemaSetting("autovacuum_vacuum_threshold", 1_000, 0, Integer.MAX_VALUE, true),
                new SchemaSetting("autovacuum_vacuum_insert_scale_factor", null, 0, 100, false),
                new SchemaSetting("autovacuum_vacuum_insert_threshold", null, -1, Integer.MAX_VALUE, true),
                new SchemaSetting("autovacuum_vacuum_cost_delay", null, 0, 100, false),
                new SchemaSetting("autovacuum_vacuum_cost_limit", null, 1, 10_000, true),
                new SchemaSetting("autovacuum_analyze_scale_factor", 0.02, 0, 100, false),
                new SchemaSetting("autovacuum_analyze_threshold", 1_000, 0, Integer.MAX_VALUE, true));
    }

    @Override
    public Failure classify(R2dbcException failure) {
        return switch (SqlStates.of(failure)) {
            case "42P01", "42703", "3F000" -> Failure.MISSING;
            case "42501" -> Failure.FORBIDDEN;
            case "3D000" -> Failure.ACCESS;
            case "57P01", "57P02" -> Failure.DISCONNECTED;
            case "54000", "54001", "54023" -> Failure.DATA;
            default -> SqlStates.classify(failure);
        };
    }

    @Override
    public Mono<Void> begin(Connection connection) {
        return Sql.execute(connection, BEGIN);
    }

    @Override
    public boolean transactsAtOnce() {
        return true;
    }

    /** A transaction that failed is undone by it; the driver's own call makes an error of that. */
    @Override
    public Mono<Void> commit(Connection connection) {
        return Sql.execute(connection, "COMMIT");
    }

    /** Also where there is none, which the driver's own call would not send. */
    @Override
    public Mono<Void> rollback(Connection connection) {
        return Sql.execute(connection, "ROLLBACK");
    }

    /** Looks before it creates a schema, because creating needs a permission even where there is nothing to create. */
    @Override
    public Mono<Void> prepareMigration(Connection connection, QueueTable table) {
        Mono<Void> lock = Sql.execute(
                connection, "SELECT pg_advisory_xact_lock(hashtextextended('dev.reactiveevents.schema', 0))");
        String schema = table.schema();
        return schema == null ? lock : lock.then(createSchema(connection, schema));
    }

    private Mono<Void> createSchema(Connection connection, String schema) {
        Flux<Integer> existing = Sql.query(
                connection
                        .createStatement("SELECT 1 FROM pg_namespace WHERE nspname = $1")
                        .bind(0, schema),
                row -> Sql.required(row, "?column?", Integer.class));
        return existing.hasElements()
                .flatMap(exists -> exists
                        ? Mono.empty()
                        : Sql.execute(connection, "CREATE SCHEMA IF NOT EXISTS \"" + schema + '"'));
    }

    @Override
    public QueueStatements statements(QueueTable table, Duration retention) {
        return new PostgresStatements(table, retention);
    }

    @Override
    public TransactionStatements transactions(QueueTable table, QueueStatements statements) {
        return new PostgresTransactions(table, (PostgresStatements) statements);
    }

    @Override
    public UpkeepStatements upkeep(QueueTable table) {
        return new PostgresUpkeep(table);
    }
}
