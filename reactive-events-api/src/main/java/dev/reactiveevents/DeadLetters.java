package dev.reactiveevents;

import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The dead letters of one channel: read, delivered again, or deleted. They are kept until one of the last two, unless the
 * channel was built with a retention for them.
 *
 * <p>All of it goes in statements of bounded size, however many dead letters there are, but for {@link #count()} and a
 * {@link #count(DeadLetterQuery)} without a limit. What is done to many is not one transaction: cancelled or failed half-way,
 * what was done stays done, and asking again goes on. All fail with {@link EventException.Closed} after a shutdown, with
 * {@link EventException.Invalid} on bad input, and as a publish does when the database is away.
 *
 * <p>A query takes those that were dead when it began. What dies while it is carried out is not among them, also what it has
 * requeued itself and is rejected again: it comes to an end.
 */
public interface DeadLetters {

    /** {@return the channel's name} */
    String channel();

    /**
     * {@return how many there are, exactly} Reads an index entry for each.
     */
    @CheckReturnValue
    Mono<Long> count();

    /**
     * Counts some. Without a limit, which is {@link Long#MAX_VALUE}, it is one statement that looks at all that come into
     * question, and with a type it reads the row of each of them.
     *
     * @param query which; its limit bounds what is counted
     * @return how many there are, at most the limit
     */
    @CheckReturnValue
    Mono<Long> count(DeadLetterQuery query);

    /**
     * Reads them, page by page as they are asked for, without holding a connection in between.
     *
     * @param query which, in which order, and how many at most
     * @return the dead letters; what is requeued meanwhile may be among them or not
     */
    @CheckReturnValue
    Flux<DeadLetter> browse(DeadLetterQuery query);

    /**
     * Lets one be delivered again: it is due now, behind what is due already, as if it had never been delivered. Its attempts
     * and lapses count from zero and its reason is forgotten. Subscribers are woken as by a publish.
     *
     * @param eventId the event's id
     * @return true once it is due; false if this channel has no such dead letter
     */
    @CheckReturnValue
    Mono<Boolean> requeue(String eventId);

    /**
     * Lets many be delivered again, as {@link #requeue(String)} does, in batches.
     *
     * @param query which, in which order, and how many at most
     * @return how many were requeued
     */
    @CheckReturnValue
    Mono<Long> requeue(DeadLetterQuery query);

    /**
     * Deletes one. Its id can then be published again.
     *
     * @param eventId the event's id
     * @return true once it is gone; false if this channel has no such dead letter
     */
    @CheckReturnValue
    Mono<Boolean> purge(String eventId);

    /**
     * Deletes many, in batches.
     *
     * @param query which, in which order, and how many at most
     * @return how many were deleted
     */
    @CheckReturnValue
    Mono<Long> purge(DeadLetterQuery query);
}
