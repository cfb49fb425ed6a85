package dev.reactiveevents.benchmarks;

import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;

/** Ours, from code that blocks: threads that publish, each one event after the other. */
final class BridgePublishing implements Contestant {

    private final Lab lab;
    private final String table;
    private final int threads;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private final BlockingEventChannel blocking;

    BridgePublishing(Lab lab, String table, int threads) {
        this.lab = lab;
        this.table = table;
        this.threads = threads;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.channel(pool, table, Duration.ZERO);
        this.blocking = BlockingEventChannel.of(events);
    }

    @Override
    public void prepare() {
        lab.execute("TRUNCATE " + table);
        lab.tidy(table);
    }

    @Override
    public double measure(Duration window) {
        long start = System.nanoTime();
        long end = start + window.toNanos();
        long published = Workers.sum(threads, number -> {
            long count = 0;
            do {
                blocking.publish(Lab.CHANNEL, Publishing.Order.number(7));
                count++;
            } while (System.nanoTime() < end);
            return count;
        });
        double rate = published * 1e9 / (System.nanoTime() - start);
        long stored = lab.number("SELECT count(*) FROM " + table);
        if (stored != published) {
            throw new IllegalStateException(published + " events were published, " + stored + " are stored.");
        }
        return rate;
    }

    @Override
    public void close() {
        blocking.close();
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
