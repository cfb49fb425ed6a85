package dev.reactiveevents.benchmarks;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The bare driver, by hand: claim, decode each event, settle by id and token, claim again, on a few connections. At its own
 * best of several sizes of batch and numbers of lanes.
 */
final class BareDrain implements Contestant {

    /** How it claims: so many at once, on so many connections. */
    record Setting(int batch, int lanes) {}

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
            OffsetDateTime due,
            OffsetDateTime expires) {}

    private static final int CALIBRATION_ROWS = 60_000;
    private static final Map<Boolean, Setting> CALIBRATED = new HashMap<>();

    private final Lab lab;
    private final String table;
    private final boolean retained;
    private final Draining.Fill fill;
    private final List<Connection> connections = new ArrayList<>();
    private Setting setting = new Setting(300, 2);

    BareDrain(Lab lab, String table, boolean retained, Draining.Fill fill) {
        this.lab = lab;
        this.table = table;
        this.retained = retained;
        this.fill = fill;
        lab.createTable(table);
        for (int lane = 0; lane < 4; lane++) {
            connections.add(Mono.from(lab.connections().create()).block());
        }
    }

    @Override
    public void prepare() {
        setting = CALIBRATED.computeIfAbsent(retained, key -> best());
        fill.fill(lab, table);
    }

    private Setting best() {
        Setting best = setting;
        double bestRate = 0;
        lab.refill(table, CALIBRATION_ROWS);
        drain(new Setting(200, 4), Duration.ofSeconds(5));
        for (int batch : new int[] {100, 200, 500}) {
            for (int lanes : new int[] {1, 2, 4}) {
                lab.refill(table, CALIBRATION_ROWS);
                double rate = drain(new Setting(batch, lanes), Duration.ofSeconds(2));
                System.out.printf("  bare driver, batch %d, %d lanes: %,.0f%n", batch, lanes, rate);
                if (rate > bestRate) {
                    bestRate = rate;
                    best = new Setting(batch, lanes);
                }
            }
        }
        return best;
    }

    @Override
    public double measure(Duration window) {
        return drain(setting, window);
    }

    private double drain(Setting with, Duration window) {
        AtomicLong settled = new AtomicLong();
        long start = System.nanoTime();
        long end = start + window.toNanos();
        Flux.fromIterable(connections.subList(0, with.lanes()))
                .flatMap(connection -> Mono.defer(() -> batch(connection, with.batch()))
                        .doOnNext(settled::addAndGet)
                        .repeat()
                        .takeUntil(count -> count == 0 || System.nanoTime() > end)
                        .then())
                .blockLast();
        return settled.get() * 1e9 / (System.nanoTime() - start);
    }

    private Mono<Long> batch(Connection connection, int size) {
        UUID token = new UUID(System.nanoTime(), connection.hashCode());
        return claim(connection, size, token)
                .collectList()
                .flatMap(rows -> rows.isEmpty() ? Mono.just(0L) : settle(connection, rows, token));
    }

    private Flux<Row> claim(Connection connection, int size, UUID token) {
        return Flux.from(connection
                        .createStatement("UPDATE " + table
                                + " SET status = 'leased', attempts = attempts + 1, lease_token = $1, leased_by = 'bare',"
                                + " available_at = statement_timestamp() + interval '30 seconds' WHERE event_id = ANY(ARRAY("
                                + "SELECT event_id FROM " + table
                                + " WHERE channel = $2 AND event_key IS NULL AND available_at <= statement_timestamp()"
                                + " ORDER BY available_at, seq LIMIT $3 FOR UPDATE SKIP LOCKED))"
                                + " RETURNING event_id, channel, type, event_key, payload::text, metadata::text, attempts,"
                                + " created_at, deliver_at, available_at")
                        .bind(0, token)
                        .bind(1, Lab.CHANNEL)
                        .bind(2, size)
                        .execute())
                .concatMap(result -> result.map(BareDrain::row));
    }

    private static Row row(Readable row) {
        return new Row(
                row.get(0, UUID.class),
                row.get(1, String.class),
                row.get(2, String.class),
                row.get(3, String.class),
                row.get(4, String.class),
                row.get(5, String.class),
                row.get(6, Integer.class),
                row.get(7, OffsetDateTime.class),
                row.get(8, OffsetDateTime.class),
                row.get(9, OffsetDateTime.class));
    }

    private Mono<Long> settle(Connection connection, List<Row> rows, UUID token) {
        UUID[] ids = rows.stream().map(Row::id).toArray(UUID[]::new);
        UUID[] tokens = rows.stream().map(row -> token).toArray(UUID[]::new);
        String change = retained
                ? "UPDATE " + table
                        + " e SET status = 'acked', available_at = NULL, settled_at = statement_timestamp() FROM"
                : "DELETE FROM " + table + " e USING";
        return Flux.from(connection
                        .createStatement(
                                change + " unnest($1::uuid[], $2::uuid[]) AS s (event_id, lease_token)"
                                        + " WHERE e.event_id = s.event_id AND e.lease_token = s.lease_token AND e.status = 'leased'")
                        .bind(0, ids)
                        .bind(1, tokens)
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .reduce(0L, Long::sum);
    }

    @Override
    public String choice() {
        return "bare driver at batch " + setting.batch() + ", " + setting.lanes() + " lanes";
    }

    @Override
    public void close() {
        Flux.fromIterable(connections).flatMap(Connection::close).blockLast();
        lab.execute("DROP TABLE " + table);
    }
}
