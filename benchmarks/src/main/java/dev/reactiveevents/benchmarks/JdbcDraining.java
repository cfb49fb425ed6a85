package dev.reactiveevents.benchmarks;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.LongAccumulator;
import org.jspecify.annotations.Nullable;

/** By hand over JDBC, as legacy code would do it: select and skip what is locked, mark as leased, work, delete. */
final class JdbcDraining implements Contestant {

    /** An event as a program would hold it. */
    private record Row(
            UUID id,
            String channel,
            @Nullable String type,
            @Nullable String key,
            String payload,
            @Nullable String metadata,
            int attempts,
            OffsetDateTime created,
            OffsetDateTime due) {}

    private final Lab lab;
    private final String table;
    private final Draining.Fill fill;
    private final List<Connection> connections = new ArrayList<>();

    JdbcDraining(Lab lab, String table, Draining.Fill fill) {
        this.lab = lab;
        this.table = table;
        this.fill = fill;
        lab.createTable(table);
        try {
            for (int number = 0; number < BridgeDraining.CONNECTIONS; number++) {
                Connection connection = lab.connectJdbc();
                connection.setAutoCommit(false);
                connections.add(connection);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void prepare() {
        fill.fill(lab, table);
    }

    @Override
    public double measure(Duration window) {
        long start = System.nanoTime();
        long end = start + window.toNanos();
        LongAccumulator last = new LongAccumulator(Math::max, start);
        long deleted = Workers.sum(connections.size(), number -> drain(connections.get(number), end, last));
        return deleted == 0 ? 0 : deleted * 1e9 / (last.get() - start);
    }

    private long drain(Connection connection, long end, LongAccumulator last) throws SQLException {
        long deleted = 0;
        int batch;
        try (PreparedStatement select = connection.prepareStatement(
                        "SELECT event_id, channel, type, event_key, payload::text, metadata::text, attempts, created_at,"
                                + " deliver_at FROM " + table
                                + " WHERE channel = ? AND event_key IS NULL AND available_at <= statement_timestamp()"
                                + " ORDER BY available_at, seq LIMIT ? FOR UPDATE SKIP LOCKED");
                PreparedStatement lease = connection.prepareStatement("UPDATE " + table
                        + " SET status = 'leased', attempts = attempts + 1, lease_token = ?, leased_by = 'jdbc',"
                        + " available_at = statement_timestamp() + interval '30 seconds' WHERE event_id = ANY(?)");
                PreparedStatement delete = connection.prepareStatement("DELETE FROM " + table
                        + " WHERE event_id = ANY(?) AND lease_token = ? AND status = 'leased'")) {
            do {
                List<Row> rows = select(select);
                UUID token = Publishing.id();
                Array ids = connection.createArrayOf(
                        "uuid", rows.stream().map(Row::id).toArray());
                lease.setObject(1, token);
                lease.setArray(2, ids);
                lease.executeUpdate();
                connection.commit();

                delete.setArray(1, ids);
                delete.setObject(2, token);
                batch = delete.executeUpdate();
                connection.commit();
                deleted += batch;
                if (batch > 0) {
                    last.accumulate(System.nanoTime());
                }
            } while (batch > 0 && System.nanoTime() < end);
        }
        return deleted;
    }

    private static List<Row> select(PreparedStatement select) throws SQLException {
        select.setString(1, Lab.CHANNEL);
        select.setInt(2, BridgeDraining.BATCH);
        List<Row> rows = new ArrayList<>();
        try (ResultSet result = select.executeQuery()) {
            while (result.next()) {
                rows.add(new Row(
                        result.getObject(1, UUID.class),
                        result.getString(2),
                        result.getString(3),
                        result.getString(4),
                        result.getString(5),
                        result.getString(6),
                        result.getInt(7),
                        result.getObject(8, OffsetDateTime.class),
                        result.getObject(9, OffsetDateTime.class)));
            }
        }
        return rows;
    }

    @Override
    public String choice() {
        return "batch " + BridgeDraining.BATCH + ", " + BridgeDraining.CONNECTIONS + " connections on both sides";
    }

    @Override
    public void close() {
        try {
            for (Connection connection : connections) {
                connection.close();
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
        lab.execute("DROP TABLE " + table);
    }
}
