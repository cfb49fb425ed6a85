package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Limits how long work may take. One timer watches all that is under way: a timer for each would wake the timers' thread for
 * each, which costs more than a small statement.
 */
final class TimeLimit {

    /** Work that is under way; told why it is to end, if it has not ended by itself. */
    interface UnderWay {
        void end(Throwable reason);
    }

    private static final Logger LOG = Loggers.getLogger(TimeLimit.class);

    private final Duration limit;
    private final EngineTime time;
    private final Map<UnderWay, Long> underWay = new ConcurrentHashMap<>();
    private final AtomicBoolean watching = new AtomicBoolean();

    TimeLimit(Duration limit, EngineTime time) {
        this.limit = limit;
        this.time = time;
    }

    /** The work, or, if it takes too long, a {@link TimeoutException}, and then it is cancelled. */
    <T> Mono<T> on(Mono<T> work) {
        return on(work, late -> late);
    }

    /**
     * The work, or, if it takes too long, what is told of that, and then it is cancelled. A {@link TimeoutException} of the work's
     * own is left as it is.
     */
    <T> Mono<T> on(Mono<T> work, UnaryOperator<Throwable> told) {
        return Mono.defer(() -> {
            Sinks.Empty<T> late = Sinks.empty();
            UnderWay mine = new UnderWay() {
                @Override
                public void end(Throwable reason) {
                    late.tryEmitError(told.apply(reason));
                }
            };
            started(mine);
            return work.or(late.asMono()).doFinally(end -> ended(mine));
        });
    }

    /** From now on the work may take as long as the limit; then it is ended by a {@link TimeoutException}. */
    void started(UnderWay work) {
        underWay.put(work, time.nanos() + limit.toNanos());
        watch();
    }

    void ended(UnderWay work) {
        underWay.remove(work);
    }

    void endAll(Throwable reason) {
        underWay.keySet().forEach(work -> end(work, reason));
    }

    /** Once. What it throws, by a cancellation for one, keeps no others from their ends. */
    private void end(UnderWay work, Throwable reason) {
        ended(work);
        try {
            work.end(reason);
        } catch (Throwable thrown) {
            Reasons.log(thrown, told -> LOG.warn("What was to end could not be cancelled.", told));
        }
    }

    private void watch() {
        if (!watching.get() && watching.compareAndSet(false, true)) {
            time.after(limit, this::look);
        }
    }

    private void look() {
        long now = time.nanos();
        long next = Long.MAX_VALUE;
        for (Map.Entry<UnderWay, Long> each : underWay.entrySet()) {
            long left = each.getValue() - now;
            if (left <= 0) {
                end(each.getKey(), new TimeoutException("not answered within " + limit));
            } else {
                next = Math.min(next, left);
            }
        }
        if (next < Long.MAX_VALUE) { // still watching: who begins meanwhile would set a later timer
            time.after(Duration.ofNanos(next), this::look);
            return;
        }
        watching.set(false);
        if (!underWay.isEmpty()) {
            watch();
        }
    }
}
