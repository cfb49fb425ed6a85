package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * That more is about to be handed in, so that it is worth a moment's wait. Who holds may be in the hands of users' code, and let
 * go late, or never: a hold counts for a millisecond. Who gathers runs no such code, and takes as long as it takes.
 */
final class Hold {

    /** How long what is handed in may wait, while it is held, for more to be written with it. */
    static final Duration LONGEST = Duration.ofMillis(1);

    private final EngineTime time;
    private final AtomicInteger holds = new AtomicInteger();
    private final AtomicInteger gatherings = new AtomicInteger();
    private volatile long until;

    Hold(EngineTime time) {
        this.time = time;
        this.until = time.nanos();
    }

    /** Answers false if others hold as well, and their time is not over. */
    boolean begin() {
        return holds.getAndIncrement() == 0 || !isOn();
    }

    /** Its millisecond begins. */
    void start() {
        until = time.nanos() + LONGEST.toNanos();
    }

    void end() {
        holds.decrementAndGet();
    }

    void beginGathering() {
        gatherings.incrementAndGet();
    }

    void endGathering() {
        gatherings.decrementAndGet();
    }

    boolean isOn() {
        return gatherings.get() > 0 || holds.get() > 0 && time.nanos() - until < 0;
    }
}
