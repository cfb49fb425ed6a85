package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/** Ends handlers that take too long. One timer watches all that are at work, set for the one that will be late first. */
final class HandlingTime {

    private final Duration most;
    private final EngineTime time;
    private final Set<Handling> atWork;
    private final AtomicBoolean watching = new AtomicBoolean();
    private final Alarm alarm;

    HandlingTime(Duration most, EngineTime time, Set<Handling> atWork) {
        this.most = most;
        this.time = time;
        this.atWork = atWork;
        this.alarm = new Alarm(time);
    }

    /** To be called after a handler has begun. */
    void watch() {
        if (!watching.get() && watching.compareAndSet(false, true)) {
            lookIn(most.toNanos());
        }
    }

    private void lookIn(long nanos) {
        alarm.set(Duration.ofNanos(nanos), this::look);
    }

    private void look() {
        long now = time.nanos();
        long next = Long.MAX_VALUE;
        for (Handling each : atWork) {
            long left = most.toNanos() - (now - each.startedAt());
            if (left <= 0) {
                each.expire();
            } else {
                next = Math.min(next, left);
            }
        }
        if (next < Long.MAX_VALUE) {
            lookIn(next);
            return;
        }
        watching.set(false);
        if (!atWork.isEmpty()) {
            watch();
        }
    }

    void stop() {
        alarm.dispose();
    }
}
