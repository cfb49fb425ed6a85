package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/** Whether claims fail, and how long to wait before the next try: longer each time, with jitter. Says so once each way. */
final class Outage {

    private static final Logger LOG = Loggers.getLogger(Outage.class);
    private static final long FIRST_MILLIS = 50;
    private static final long LONGEST_MILLIS = 5_000;

    private final String backend;
    private final EngineTime time;
    private final Runnable tryAgain;
    private int failures;
    private @Nullable Throwable reason;
    private long pausedUntil;

    Outage(String backend, EngineTime time, Runnable tryAgain) {
        this.backend = backend;
        this.time = time;
        this.tryAgain = tryAgain;
    }

    synchronized boolean isPausing() {
        return failures > 0 && time.nanos() - pausedUntil < 0;
    }

    /** Why claims fail; null if they do not. */
    synchronized @Nullable Throwable current() {
        return reason;
    }

    synchronized void failed(Throwable error) {
        reason = error;
        if (failures++ == 0) {
            LOG.warn("Events cannot be taken from {}; trying until it works again. {}", backend, error.toString());
        }
        long millis = Math.min(LONGEST_MILLIS, FIRST_MILLIS << Math.min(failures - 1, 10));
        Duration delay =
                Duration.ofMillis(millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1));
        pausedUntil = time.nanos() + delay.toNanos();
        time.after(delay.plusMillis(1), tryAgain);
    }

    synchronized void over() {
        if (failures > 0) {
            LOG.info("Events are taken from {} again, after {} failed tries.", backend, failures);
            failures = 0;
            reason = null;
        }
    }
}
