package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.Objects;

/** Ours: events of many keys are drained while those of one hot key wait before them. Only the many count. */
final class ColdKeys implements Contestant {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final int EVENTS = 100_000;
    private static final int KEYS = 10_000;

    private final Lab lab;
    private final String table;
    private final int hot;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;

    ColdKeys(Lab lab, String table, int hot) {
        this.lab = lab;
        this.table = table;
        this.hot = hot;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.channel(pool, table, Duration.ZERO);
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        lab.execute("TRUNCATE " + table);
        if (hot > 0) {
            lab.addWithKeys(table, hot, "hot", 1);
        }
        lab.addWithKeys(table, EVENTS, "cold", KEYS);
        lab.tidy(table);
    }

    @Override
    public double measure(Duration window) {
        long start = System.nanoTime();
        long acked = Draining.acks(
                        events.subscribe(Lab.CHANNEL),
                        message -> Objects.requireNonNull(message.key()).startsWith("cold"))
                .take(EVENTS)
                .take(LIMIT)
                .count()
                .block();
        return acked * 1e9 / (System.nanoTime() - start);
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
