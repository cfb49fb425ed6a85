package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.Enlistment;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Stands in the place of a delivery's outcome while a transaction works on it. */
final class Enlisted extends Settling implements Enlistment {

    private final Delivery delivery;
    private final boolean inTime;
    private final AtomicReference<@Nullable Settlement> said = new AtomicReference<>();
    private final Sinks.Empty<Void> abandoned = Sinks.empty();
    private final Sinks.Empty<Void> over = Sinks.empty();
    private volatile boolean givenUp;

    /**
     * Not refused so far.
     *
     * @param inTime whether its lease was not over yet: then nobody else can have the row until the transaction has ended, if
     *     that gets it
     */
    Enlisted(Delivery delivery, boolean inTime) {
        super(Outcome.ACK);
        this.delivery = delivery;
        this.inTime = inTime;
    }

    /** The row is locked: what is said first will be, if the transaction commits. */
    @Override
    Mono<Boolean> answerTo(Settlement asked) {
        Settlement first = said.compareAndExchange(null, asked);
        return Mono.just(first == null || first.outcome() == asked.outcome());
    }

    /** Asks for the end, and completes when it has come. */
    Mono<Void> abandon() {
        givenUp = true;
        abandoned.tryEmitEmpty();
        return over.asMono();
    }

    @Override
    public UUID eventId() {
        return delivery.id();
    }

    @Override
    public UUID leaseToken() {
        return delivery.token();
    }

    @Override
    public Duration maxProcessingTime() {
        return delivery.owner().maxProcessingTime();
    }

    @Override
    public <T> Mono<T> limited(Mono<T> work) {
        return delivery.owner()
                .processingTime()
                .on(
                        work,
                        late -> new EventException.Unavailable(
                                "The handler of event " + eventId() + " did not end within " + maxProcessingTime()
                                        + "; what it did was rolled back. Make it faster, or the maximum processing time longer.",
                                late));
    }

    @Override
    public Mono<Void> abandoned() {
        return abandoned.asMono();
    }

    @Override
    public Settlement outcome() {
        Settlement ack = delivery.settlement(Outcome.ACK, Duration.ZERO, null);
        Settlement first = said.compareAndExchange(null, ack);
        return first == null ? ack : first;
    }

    @Override
    public void committed() {
        delivery.settledElsewhere(this, outcome());
        over.tryEmitEmpty();
    }

    @Override
    public void lost() {
        delivery.outOfReach();
    }

    @Override
    public void rolledBack() {
        isOver(inTime);
    }

    @Override
    public void refused() {
        isOver(false);
    }

    private void isOver(boolean hadTheRow) {
        delivery.returned(this, hadTheRow);
        over.tryEmitEmpty();
    }

    @Override
    public Mono<Boolean> failed(Throwable reason) {
        return Mono.defer(() -> {
            if (givenUp) {
                return Mono.empty(); // whoever gave it up says what becomes of the event
            }
            Throwable failure = Exceptions.unwrap(reason);
            return delivery.failed(delivery.comesAgainAfter(failure), Reasons.of(failure));
        });
    }
}
