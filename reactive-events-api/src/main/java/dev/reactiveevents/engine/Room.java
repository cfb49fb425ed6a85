package dev.reactiveevents.engine;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Operators;

/** How much a subscriber asked for, and how much of that and of what is read ahead is there already. */
final class Room {

    private final int prefetch;
    private final EngineTime time;
    private final Pace pace;
    private final AtomicLong requested = new AtomicLong();
    /** Claimed or about to be, and neither settled nor lapsed. */
    private final AtomicInteger unsettled = new AtomicInteger();
    /** Claimed or about to be, and not handed over. */
    private final AtomicInteger ahead = new AtomicInteger();

    Room(int prefetch, EngineTime time) {
        this.prefetch = prefetch;
        this.time = time;
        this.pace = new Pace(time.nanos());
    }

    void request(long n) {
        requested.accumulateAndGet(n, Operators::addCap);
    }

    boolean isAsked() {
        return requested.get() > 0;
    }

    /**
     * How many more events to claim: what downstream waits for and what it settles in a quarter of a second, as far as the
     * prefetch allows. What is read ahead is made up once less than half of it waits: who settles one event after the other
     * would otherwise make a claim for each.
     */
    int more() {
        long asked = requested.get();
        int waiting = ahead.get();
        long most = Math.min(Operators.addCap(asked, pace.recent(time.nanos())), prefetch - unsettled.get() + waiting);
        boolean enough = waiting > asked && (waiting - asked) * 2 >= most - asked;
        return enough ? 0 : (int) Math.max(0, most - waiting);
    }

    /** Takes room; gives it back if there are fewer than none. */
    void reserve(int events) {
        ahead.addAndGet(events);
        unsettled.addAndGet(events);
    }

    void handOver() {
        ahead.decrementAndGet();
        if (requested.get() != Long.MAX_VALUE) {
            requested.decrementAndGet();
        }
    }

    /** One that waited does so no more, and was not handed over. */
    void drop() {
        ahead.decrementAndGet();
    }

    /** One was settled, or has lapsed. */
    void free() {
        unsettled.decrementAndGet();
    }

    void countPace() {
        pace.count(time.nanos());
    }
}
