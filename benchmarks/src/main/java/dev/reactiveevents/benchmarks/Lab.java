package dev.reactiveevents.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.r2dbc.R2dbcEventChannelBuilder;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The database that everything is measured on: embedded, with its default durability, or a given one. */
final class Lab implements AutoCloseable {

    /** What each contestant has at most. */
    static final int CONNECTIONS = 10;

    static final String CHANNEL = "orders";

    private static final String PAYLOAD = "jsonb_build_object('order', n, 'customer', 'anna', 'note', repeat('x', 60))";

    private final @Nullable EmbeddedPostgres server;
    private final String url;
    private final Connection admin;
    private final int version;

    private Lab(@Nullable EmbeddedPostgres server, String url) throws SQLException {
        this.server = server;
        this.url = url;
        this.admin = connectJdbc();
        this.version = (int) number("SELECT current_setting('server_version_num')::int");
    }

    static Lab at(@Nullable String url) throws IOException, SQLException {
        if (url != null) {
            return new Lab(null, url);
        }
        EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("synchronous_commit", "on")
                .start();
        return new Lab(server, "r2dbc:postgresql://postgres@localhost:" + server.getPort() + "/postgres");
    }

    String url() {
        return url;
    }

    String conditions() throws SQLException {
        return "PostgreSQL " + version / 10_000 + "." + version % 100 + ", fsync " + text("SHOW fsync")
                + ", synchronous_commit " + text("SHOW synchronous_commit") + ", shared_buffers "
                + text("SHOW shared_buffers") + "; " + Runtime.getRuntime().availableProcessors() + " cores, Java "
                + Runtime.version().feature();
    }

    // == Connections ==

    ConnectionFactory connections() {
        return ConnectionFactories.get(url);
    }

    ConnectionPool pool() {
        return new ConnectionPool(ConnectionPoolConfiguration.builder(connections())
                .initialSize(CONNECTIONS)
                .maxSize(CONNECTIONS)
                .build());
    }

    HikariDataSource dataSource() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(jdbcUrl());
        config.setUsername(user());
        config.setPassword(password());
        config.setMaximumPoolSize(CONNECTIONS);
        return new HikariDataSource(config);
    }

    Connection connectJdbc() throws SQLException {
        return DriverManager.getConnection(jdbcUrl(), user(), password());
    }

    private String jdbcUrl() {
        URI uri = URI.create(url.substring("r2dbc:".length()));
        return "jdbc:postgresql://" + uri.getHost() + ":" + (uri.getPort() < 0 ? 5432 : uri.getPort()) + uri.getPath();
    }

    private String user() {
        return String.valueOf(ConnectionFactoryOptions.parse(url).getValue(ConnectionFactoryOptions.USER));
    }

    private String password() {
        Object password = ConnectionFactoryOptions.parse(url).getValue(ConnectionFactoryOptions.PASSWORD);
        return password == null ? "" : password.toString();
    }

    // == A queue table ==

    /** A channel as a user would build it, over a pool and a table of its own. */
    static R2dbcEventChannel channel(ConnectionPool pool, String table, Duration retention) {
        return channel(pool, table, retention, BackendType.TABLE_QUEUE);
    }

    static R2dbcEventChannel channel(ConnectionPool pool, String table, Duration retention, BackendType backend) {
        return builder(pool, table, retention).backend(backend).build();
    }

    static R2dbcEventChannelBuilder builder(ConnectionPool pool, String table, Duration retention) {
        return R2dbcEventChannel.builder(pool)
                .backend(BackendType.TABLE_QUEUE)
                .queueTable(table)
                .retention(retention);
    }

    void createTable(String table) {
        ConnectionPool pool = pool();
        R2dbcEventChannel channel = channel(pool, table, Duration.ZERO);
        EventSchema schema = EventSchema.of(channel);
        schema.drop().then(schema.migrate()).then(channel.shutdown()).block();
        pool.dispose();
    }

    /** Leaves the table with these events and no others. */
    void refill(String table, int events) {
        execute("TRUNCATE " + table);
        add(table, events, 1);
        tidy(table);
    }

    /** Adds events that are due, dealt out to this many channels. */
    void add(String table, int events, int channels) {
        String channel = channels == 1 ? "'" + CHANNEL + "'" : "'" + CHANNEL + "' || n % " + channels;
        insert(table, events, channel, "NULL", "'ready'", "statement_timestamp()", "NULL");
    }

    /** Adds events that are due, dealt out to this many keys of one channel in turn. */
    void addWithKeys(String table, int events, String name, int keys) {
        String key = "'" + name + "' || n % " + keys;
        insert(table, events, "'" + CHANNEL + "'", key, "'ready'", "statement_timestamp()", "NULL");
    }

    void addAcked(String table, int events) {
        insert(table, events, "'" + CHANNEL + "'", "NULL", "'acked'", "NULL", "statement_timestamp()");
    }

    void addDelayed(String table, int events) {
        insert(
                table,
                events,
                "'" + CHANNEL + "'",
                "NULL",
                "'ready'",
                "statement_timestamp() + interval '1 day'",
                "NULL");
    }

    private void insert(
            String table, int events, String channel, String key, String status, String available, String settled) {
        execute("INSERT INTO " + table
                + " (event_id, channel, event_key, payload, status, deliver_at, available_at, created_at,"
                + " settled_at) SELECT " + (version >= 180_000 ? "uuidv7()" : "gen_random_uuid()") + ", " + channel
                + ", " + key + ", " + PAYLOAD + ", " + status + ", statement_timestamp(), " + available
                + ", statement_timestamp(), " + settled + " FROM generate_series(1, " + events + ") n");
    }

    /** So that no round pays for what another one left. */
    void tidy(String table) {
        execute("VACUUM (ANALYZE) " + table);
        execute("CHECKPOINT");
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
        try (Statement statement = admin.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    long number(String sql) {
        return Long.parseLong(text(sql));
    }

    private String text(String sql) {
        try (Statement statement = admin.createStatement();
                ResultSet result = statement.executeQuery(sql)) {
            result.next();
            return result.getString(1);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    @Override
    public void close() throws SQLException, IOException {
        admin.close();
        if (server != null) {
            server.close();
        }
    }
}
