package dev.reactiveevents.engine;

import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import reactor.core.publisher.Mono;

/** Prolongs a lease. While somebody has the event's row locked, which says nothing of the lease, it is tried again. */
final class Prolonging {

    private static final Duration IN_A_MOMENT = Duration.ofMillis(50);

    private Prolonging() {}

    /**
     * Prolongs, unless it is being settled.
     *
     * @param wanted whether to try once more
     * @return whether it is ours; empty if it was locked until it was no longer wanted
     */
    static Mono<Boolean> of(Delivery delivery, Duration duration, BooleanSupplier wanted) {
        EngineTime time = delivery.owner().time();
        return Mono.defer(() ->
                        delivery.isBeingSettled() ? Mono.just(delivery.isEnlisted()) : once(delivery, duration, time))
                .repeatWhenEmpty(
                        Integer.MAX_VALUE,
                        locked -> locked.concatMap(times -> time.later(IN_A_MOMENT))
                                .takeWhile(later -> wanted.getAsBoolean()));
    }

    /** Empty if the row is locked. */
    private static Mono<Boolean> once(Delivery delivery, Duration duration, EngineTime time) {
        long sent = time.nanos();
        Settlement extension = delivery.settlement(Outcome.EXTEND, duration, null);
        return delivery.owner()
                .settler()
                .extend(extension)
                .filter(result -> result != SettleResult.LOCKED || delivery.isLapsed(time.nanos()))
                .map(result -> delivery.prolonged(result == SettleResult.APPLIED, sent + duration.toNanos()));
    }
}
