package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.spi.EventObserver;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.function.Predicate;
import reactor.core.publisher.Flux;

/** Ours: subscribers consume and acknowledge what is stored. */
final class Draining implements Contestant {

    /** What stands in the table before a round. */
    interface Fill {
        void fill(Lab lab, String table);
    }

    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Lab lab;
    private final String table;
    private final int channels;
    private final Fill fill;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private boolean toTheEnd;

    Draining(Lab lab, String table, Duration retention, Fill fill) {
        this(lab, table, retention, 1, fill);
    }

    Draining(Lab lab, String table, Duration retention, int channels, Fill fill) {
        this(lab, table, retention, channels, fill, EventObserver.NONE);
    }

    Draining(Lab lab, String table, Duration retention, int channels, Fill fill, EventObserver observer) {
        this.lab = lab;
        this.table = table;
        this.channels = channels;
        this.fill = fill;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.builder(pool, table, retention).observer(observer).build();
    }

    /** However long it takes, up to a limit. */
    Draining allOfThem() {
        toTheEnd = true;
        return this;
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        fill.fill(lab, table);
    }

    @Override
    public double measure(Duration window) {
        long stored = lab.number("SELECT count(*) FROM " + table + " WHERE available_at <= statement_timestamp()");
        long start = System.nanoTime();
        long acked = Flux.range(0, channels)
                .flatMap(this::consume, channels)
                .take(stored)
                .take(toTheEnd ? LIMIT : window)
                .count()
                .block();
        return acked * 1e9 / (System.nanoTime() - start);
    }

    private Flux<Boolean> consume(int channel) {
        String name = channels == 1 ? Lab.CHANNEL : Lab.CHANNEL + channel;
        return acks(events.subscribe(name));
    }

    /** The plainest consumer: takes what comes, acknowledges it, and counts the answers. */
    static Flux<Boolean> acks(Flux<EventMessage> messages) {
        return acks(messages, message -> true);
    }

    /** Counts only some of them. */
    static Flux<Boolean> acks(Flux<EventMessage> messages, Predicate<EventMessage> counted) {
        return Flux.create(sink -> sink.onDispose(messages.subscribe(message -> message.ack()
                .subscribe(
                        acked -> {
                            if (acked && counted.test(message)) {
                                sink.next(true);
                            }
                        },
                        sink::error))));
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
