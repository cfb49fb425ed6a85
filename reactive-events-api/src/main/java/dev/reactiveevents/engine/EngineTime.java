package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The engine's own time: it measures durations and wakes things. What is due is never decided by it, that is the
 * database's clock. A monotonic source, because a lease must not grow when the wall clock is set back.
 */
record EngineTime(Scheduler scheduler, LongSupplier source) {

    /** Longer waits do not fit into nanoseconds, and nobody lives to see their end. */
    private static final Duration LONGEST = Duration.ofDays(36_500);

    static EngineTime system() {
        return new EngineTime(Schedulers.parallel(), System::nanoTime);
    }

    long nanos() {
        return source.getAsLong();
    }

    Disposable after(Duration delay, Runnable task) {
        Duration bounded = delay.compareTo(LONGEST) > 0 ? LONGEST : delay;
        return scheduler.schedule(task, bounded.toNanos(), TimeUnit.NANOSECONDS);
    }

    Mono<Long> later(Duration delay) {
        return Mono.delay(delay, scheduler);
    }

    Disposable every(Duration interval, Runnable task) {
        return Ticker.start(this, interval, task);
    }
}
