package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Limits how long work may take. One timer watches all that is under way: a timer for each would wake the timers' thread for
 * each, which costs more than a small statement.
 */
final class TimeLimit {

    private record UnderWay(long end, Sinks.Empty<Void> late) {}

    private final Duration limit;
    private final EngineTime time;
    private final Set<UnderWay> underWay = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean watching = new AtomicBoolean();

    TimeLimit(Duration limit, EngineTime time) {
        this.limit = limit;
        this.time = time;
    }

    /** The work, or, if it takes too long, a {@link TimeoutException}, and then it is cancelled. */
    <T> Mono<T> on(Mono<T> work) {
        return Mono.defer(() -> {
            UnderWay mine = new UnderWay(time.nanos() + limit.toNanos(), Sinks.empty());
            underWay.add(mine);
            watch(limit);
            return work.or(mine.late().asMono().then(Mono.empty())).doFinally(end -> underWay.remove(mine));
        });
    }

    private void watch(Duration until) {
        if (!watching.get() && watching.compareAndSet(false, true)) {
            time.after(until, this::look);
        }
    }

    private void look() {
        long now = time.nanos();
        long next = Long.MAX_VALUE;
        for (UnderWay each : underWay) {
            long left = each.end() - now;
            if (left <= 0) {
                each.late().tryEmitError(new TimeoutException("not answered within " + limit));
            } else {
                next = Math.min(next, left);
            }
        }
        watching.set(false);
        if (!underWay.isEmpty()) {
            watch(Duration.ofNanos(next == Long.MAX_VALUE ? limit.toNanos() : next));
        }
    }
}
