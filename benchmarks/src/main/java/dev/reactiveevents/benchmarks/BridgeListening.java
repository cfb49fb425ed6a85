package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Mono;

/** Ours: a listener whose handler does next to nothing, reactive or on threads of the bridge. */
final class BridgeListening implements Contestant {

    private interface Start {
        EventListener start(R2dbcEventChannel events, BlockingEventChannel blocking, Runnable handled);
    }

    static final int CONCURRENCY = 8;

    private static final ListenOptions OPTIONS = ListenOptions.defaults().withConcurrency(CONCURRENCY);

    private final Lab lab;
    private final String table;
    private final Draining.Fill fill;
    private final Start listener;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private final BlockingEventChannel blocking;

    private BridgeListening(Lab lab, String table, Draining.Fill fill, Start listener) {
        this.lab = lab;
        this.table = table;
        this.fill = fill;
        this.listener = listener;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.channel(pool, table, Duration.ZERO);
        this.blocking = BlockingEventChannel.of(events);
    }

    static BridgeListening reactive(Lab lab, String table, Draining.Fill fill) {
        return new BridgeListening(
                lab,
                table,
                fill,
                (events, blocking, handled) ->
                        events.listen(Lab.CHANNEL, message -> Mono.fromRunnable(handled), OPTIONS));
    }

    static BridgeListening blocking(Lab lab, String table, Draining.Fill fill) {
        return new BridgeListening(
                lab,
                table,
                fill,
                (events, blocking, handled) -> blocking.listen(Lab.CHANNEL, message -> handled.run(), OPTIONS));
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        fill.fill(lab, table);
    }

    @Override
    public double measure(Duration window) {
        long stored = lab.number("SELECT count(*) FROM " + table);
        AtomicLong handled = new AtomicLong();
        CountDownLatch all = new CountDownLatch(1);
        long start = System.nanoTime();
        EventListener listening = listener.start(events, blocking, () -> {
            if (handled.incrementAndGet() == stored) {
                all.countDown();
            }
        });
        try {
            all.await(window.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        double rate = handled.get() * 1e9 / (System.nanoTime() - start);
        listening.stop(Duration.ofSeconds(10)).block();
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
