package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * That more is about to be handed in, so that it is worth a moment's wait. Who holds or gathers may be in the hands of users'
 * code, and end late, or never: each counts for a time only, a gathering, which asks for one batch, for longer.
 */
final class Hold {

    /** How long what is handed in may wait, while it is held, for more to be written with it. */
    static final Duration LONGEST = Duration.ofMillis(1);

    private static final Duration LONGEST_GATHERING = Duration.ofMillis(100);

    private final EngineTime time;
    private final AtomicInteger holds = new AtomicInteger();
    private final AtomicInteger gatherings = new AtomicInteger();
    private volatile long until;
    private volatile long gatheringUntil;

    Hold(EngineTime time) {
        this.time = time;
        this.until = time.nanos();
        this.gatheringUntil = until;
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
        if (gatherings.getAndIncrement() == 0 || !isGathering()) {
            gatheringUntil = time.nanos() + LONGEST_GATHERING.toNanos();
        }
    }

    void endGathering() {
        gatherings.decrementAndGet();
    }

    boolean isOn() {
        return isGathering() || holds.get() > 0 && time.nanos() - until < 0;
    }

    private boolean isGathering() {
        return gatherings.get() > 0 && time.nanos() - gatheringUntil < 0;
    }
}
