package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.blocking.BlockingSubscription;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.LongAccumulator;

/** Ours, from code that blocks: threads that take a batch, read it, and acknowledge it together. */
final class BridgeDraining implements Contestant {

    static final int BATCH = 200;
    /** And threads. */
    static final int CONNECTIONS = 4;

    private final Lab lab;
    private final String table;
    private final Draining.Fill fill;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private final BlockingEventChannel blocking;

    BridgeDraining(Lab lab, String table, Draining.Fill fill) {
        this.lab = lab;
        this.table = table;
        this.fill = fill;
        lab.createTable(table);
        this.pool = new ConnectionPool(ConnectionPoolConfiguration.builder(lab.connections())
                .initialSize(CONNECTIONS)
                .maxSize(CONNECTIONS)
                .build());
        this.events = R2dbcEventChannel.builder(pool)
                .backend(BackendType.TABLE_QUEUE)
                .queueTable(table)
                .retention(Duration.ZERO)
                .claimBatch(BATCH)
                .build();
        this.blocking = BlockingEventChannel.of(events);
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        fill.fill(lab, table);
    }

    @Override
    public double measure(Duration window) {
        long start = System.nanoTime();
        long end = start + window.toNanos();
        LongAccumulator last = new LongAccumulator(Math::max, start);
        long acked = Workers.sum(CONNECTIONS, number -> drain(end, last));
        return acked == 0 ? 0 : acked * 1e9 / (last.get() - start);
    }

    /** Notes when the last was acknowledged: who finds nothing more waits for a while, which is no work. */
    private long drain(long end, LongAccumulator last) {
        long acked = 0;
        try (BlockingSubscription orders = blocking.blockingSubscribe(Lab.CHANNEL)) {
            List<EventMessage> taken;
            do {
                taken = orders.take(BATCH, Duration.ofMillis(500));
                taken.forEach(EventMessage::payloadText);
                acked += blocking.ackAll(taken).stream()
                        .filter(applied -> applied)
                        .count();
                if (!taken.isEmpty()) {
                    last.accumulate(System.nanoTime());
                }
            } while (!taken.isEmpty() && System.nanoTime() < end);
        }
        return acked;
    }

    @Override
    public void close() {
        blocking.close();
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
