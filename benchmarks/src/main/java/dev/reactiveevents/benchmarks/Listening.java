package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.spi.EventObserver;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Ours: a listener consumes and acknowledges what is stored, by a handler that does nothing. */
final class Listening implements Contestant {

    private static final Duration LAST_ACKS = Duration.ofSeconds(5);

    private final Lab lab;
    private final String table;
    private final ListenOptions options;
    private final Draining.Fill fill;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;

    Listening(Lab lab, String table, int concurrency, Draining.Fill fill) {
        this(lab, table, concurrency, fill, EventObserver.NONE);
    }

    Listening(Lab lab, String table, int concurrency, Draining.Fill fill, EventObserver observer) {
        this.lab = lab;
        this.table = table;
        this.options = ListenOptions.defaults().withConcurrency(concurrency);
        this.fill = fill;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.builder(pool, table, Duration.ZERO).observer(observer).build();
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        fill.fill(lab, table);
    }

    /** What counts is acknowledged; the time includes that of the last acks. */
    @Override
    public double measure(Duration window) {
        long stored = lab.number("SELECT count(*) FROM " + table + " WHERE available_at <= statement_timestamp()");
        AtomicLong handled = new AtomicLong();
        Sinks.Empty<Void> all = Sinks.empty();
        EventHandler handler = message -> {
            if (handled.incrementAndGet() == stored) {
                all.tryEmitEmpty();
            }
            return Mono.empty();
        };
        long start = System.nanoTime();
        EventListener listener = events.listen(Lab.CHANNEL, handler, options);
        all.asMono()
                .timeout(window)
                .onErrorComplete(TimeoutException.class)
                .then(listener.stop(LAST_ACKS))
                .block();
        return listener.counts().acked() * 1e9 / (System.nanoTime() - start);
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
