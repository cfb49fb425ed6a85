package dev.reactiveevents.spi;

import java.time.Duration;
import java.util.UUID;
import reactor.core.publisher.Mono;

/**
 * A delivery that a transaction is to settle. Until that has ended the engine leaves its row alone: the lease is not renewed,
 * and what is said of the event, by its message or by its id, becomes the outcome of the transaction.
 */
public interface Enlistment {

    /** {@return the event} */
    UUID eventId();

    /** {@return the token of the delivery} */
    UUID leaseToken();

    /** {@return how long the work may take} */
    Duration maxProcessingTime();

    /**
     * Limits how long the work may take, without a timer of its own. What the work fails with by itself stays as it is.
     *
     * @param work the work
     * @return the work; if it does not end within the {@link #maxProcessingTime()} it is cancelled and this fails with an {@link
     *     dev.reactiveevents.EventException.Unavailable} that says so
     */
    <T> Mono<T> limited(Mono<T> work);

    /** {@return completes if the engine wants the work to be given up: a shutdown or a handler has come to its bound} */
    Mono<Void> abandoned();

    /** {@return what the transaction is to settle: what was said first, otherwise an acknowledgement; final from now on} */
    Settlement outcome();

    /** The transaction has committed: its outcome stands. */
    void committed();

    /**
     * The database did not confirm that the transaction is undone, and may keep the event's row locked until it notices that
     * nobody uses it any more: what is still said of the event is sent apart from what is said of others. To be said before
     * {@link #rolledBack()} or {@link #refused()}. Idempotent.
     */
    void lost();

    /** The transaction is undone, or its fate is not known: the delivery is the engine's again. Idempotent. */
    void rolledBack();

    /**
     * As {@link #rolledBack()}, which is not said then, of a transaction that never had the event's row locked: when the
     * lease was over others could take it. Idempotent.
     */
    void refused();

    /**
     * Records, apart from the transaction and after its end, that the work failed: the event comes again as the retry policy
     * says, or becomes a dead letter.
     *
     * @param reason what went wrong
     * @return true once it is recorded; false if the delivery is no longer ours
     */
    Mono<Boolean> failed(Throwable reason);
}
