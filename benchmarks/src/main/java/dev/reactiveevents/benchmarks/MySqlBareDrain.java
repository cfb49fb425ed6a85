package dev.reactiveevents.benchmarks;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * The bare driver, by hand: lock and read, lease by primary key, commit, decode, delete by primary key and token, on a few
 * connections. At its own best of several sizes of batch and numbers of lanes.
 */
final class MySqlBareDrain implements Contestant {

    private record Setting(int batch, int lanes) {}

    /** An event as a program would hold it. */
    private record Row(
            long seq,
            UUID id,
            @Nullable String type,
            String payload,
            @Nullable String metadata,
            int attempts,
            LocalDateTime created,
            LocalDateTime due) {}

    private static final int CALIBRATION_ROWS = 40_000;
    private static final Set<Integer> CONFLICTS = Set.of(1205, 1213);

    private final MySqlLab lab;
    private final String table;
    private final Consumer<String> fill;
    private final List<Connection> connections = new ArrayList<>();
    private @Nullable Setting setting;

    MySqlBareDrain(MySqlLab lab, String table, Consumer<String> fill) {
        this.lab = lab;
        this.table = table;
        this.fill = fill;
        lab.createTable(table);
        for (int lane = 0; lane < 4; lane++) {
            connections.add(Mono.from(lab.connections().create()).block());
        }
    }

    @Override
    public void prepare() {
        if (setting == null) {
            setting = best();
        }
        fill.accept(table);
    }

    private Setting best() {
        Setting best = new Setting(300, 2);
        double bestRate = 0;
        lab.refill(table, CALIBRATION_ROWS);
        drain(best, Duration.ofSeconds(5));
        for (int batch : new int[] {100, 300, 1_000}) {
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

    /** Deadlocks and waits that took too long are part of life here: what was undone is done again. */
    private Mono<Long> batch(Connection connection, int size) {
        return attempt(connection, size)
                .onErrorResume(
                        MySqlBareDrain::isConflict,
                        conflict -> Mono.from(connection.rollbackTransaction())
                                .then(Mono.defer(() -> batch(connection, size))));
    }

    private static boolean isConflict(Throwable failure) {
        return failure instanceof R2dbcException ofDatabase && CONFLICTS.contains(ofDatabase.getErrorCode());
    }

    private Mono<Long> attempt(Connection connection, int size) {
        String token = String.format("X'%016x%016x'", System.nanoTime(), connection.hashCode());
        return Mono.from(connection.beginTransaction(IsolationLevel.READ_COMMITTED))
                .thenMany(Flux.defer(() -> lock(connection, size)))
                .collectList()
                .flatMap(rows -> {
                    if (rows.isEmpty()) {
                        return Mono.from(connection.commitTransaction()).thenReturn(0L);
                    }
                    String seqs = rows.stream().map(row -> "" + row.seq()).collect(Collectors.joining(",", "(", ")"));
                    String lease = "UPDATE " + table + " SET status = 'leased', attempts = attempts + 1, lease_token = "
                            + token + ", leased_by = 'bare', available_at = UTC_TIMESTAMP(6) + INTERVAL 30 SECOND"
                            + " WHERE seq IN " + seqs;
                    String delete = "DELETE FROM " + table + " WHERE seq IN " + seqs + " AND lease_token = " + token
                            + " AND status = 'leased'";
                    return update(connection, lease)
                            .then(Mono.from(connection.commitTransaction()))
                            .then(Mono.defer(() -> update(connection, delete))
                                    .retryWhen(Retry.indefinitely().filter(MySqlBareDrain::isConflict)));
                });
    }

    private Flux<Row> lock(Connection connection, int size) {
        return Flux.from(connection
                        .createStatement(
                                "SELECT seq, event_id, type, payload, metadata, attempts, created_at, deliver_at"
                                        + " FROM " + table + " WHERE channel = '" + Lab.CHANNEL
                                        + "' AND lane = 0 AND lane_at <= UTC_TIMESTAMP(6) ORDER BY lane_at, seq LIMIT "
                                        + size
                                        + " FOR UPDATE SKIP LOCKED")
                        .execute())
                .concatMap(result -> result.map(MySqlBareDrain::row));
    }

    private static Row row(Readable row) {
        ByteBuffer id = ByteBuffer.wrap(row.get(1, byte[].class));
        return new Row(
                row.get(0, Long.class),
                new UUID(id.getLong(), id.getLong()),
                row.get(2, String.class),
                row.get(3, String.class),
                row.get(4, String.class),
                row.get(5, Integer.class),
                row.get(6, LocalDateTime.class),
                row.get(7, LocalDateTime.class));
    }

    private static Mono<Long> update(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
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
