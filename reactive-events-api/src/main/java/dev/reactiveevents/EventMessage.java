package dev.reactiveevents;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/**
 * One delivery of an event: what was published, and what to do about it.
 *
 * <p>Exactly one outcome counts, the first: {@link #ack()}, {@link #nack()}, {@link #reject(String)} or {@link #release()}. Each action is cold
 * and idempotent, answers true once the database holds its outcome, and answers false without any change if the delivery is
 * no longer ours: its lease lapsed and the event was taken again, or another outcome came first. Actions are retried while
 * the database is away, for one lease at most; then they fail with {@link EventException.Unavailable} or
 * {@link EventException.OutcomeUnknown} and may be tried again. Once subscribed to, an outcome is sent also if the
 * subscriber cancels. Answers arrive on a thread of the database driver.
 *
 * <p>A broadcast event is kept by nobody: {@code ack}, plain {@code nack} and {@code release} answer true and do nothing, the
 * others fail with {@link EventException.Unsupported}.
 *
 * <p>Safe for use by many threads.
 */
public interface EventMessage {

    // == Data ==

    /** {@return the event's id, a UUID, the same in every delivery} */
    String eventId();

    /** {@return the channel's name} */
    String channel();

    /** {@return what kind of event this is, or {@code null} if the publisher did not say} */
    @Nullable
    String type();

    /** {@return the key by which the event is ordered, or {@code null} for none} */
    @Nullable
    String key();

    /**
     * The payload as a JSON tree. Decoded at each call.
     *
     * @return the tree; a JSON null is a null node
     * @throws EventException.Undecodable if the payload is not JSON
     */
    JsonNode payload();

    /**
     * The payload as an object. Decoded at each call.
     *
     * @param type the object's class
     * @param <T> the object's type
     * @return the object
     * @throws EventException.Undecodable if the payload cannot be read as one, or is JSON null
     */
    <T> T payloadAs(Class<T> type);

    /**
     * The payload as an object of a generic type. Decoded at each call.
     *
     * @param type the object's type
     * @param <T> the object's type
     * @return the object
     * @throws EventException.Undecodable if the payload cannot be read as one, or is JSON null
     */
    <T> T payloadAs(TypeReference<T> type);

    /** {@return the payload's JSON text as the database holds it: equal as JSON to what was published, not in its spacing} */
    String payloadText();

    /**
     * What travels with the payload.
     *
     * @return names and values (strings, numbers, booleans, lists, maps or {@code null}), unmodifiable
     * @throws EventException.Undecodable if the metadata is not a JSON object
     */
    Map<String, Object> metadata();

    /** {@return how many times the event has been delivered, this one included: 1 at first} */
    int attempts();

    /**
     * {@return when the event was published, by the database's clock; of a broadcast event when it was handed to {@code publish},
     * by its publisher's clock, or, if others sent it and did not say, when it arrived}
     */
    Instant publishedAt();

    /** {@return when the event last became due: by its publishing, its delay or its retry; by the database's clock} */
    Instant availableAt();

    /**
     * {@return until when nobody else gets the event, by the database's clock, as far as known here; moves when extended.
     * {@link Instant#MAX} for a broadcast event, which everybody gets}
     */
    Instant leaseExpiresAt();

    /**
     * Whether this delivery is no longer ours, as far as known here: its lease has ended, or the database said that somebody
     * else has the event. Then what is done for it is done in vain, and {@link #ack()} answers false as soon as somebody has
     * taken the event.
     *
     * @return true once the lease is lost, also when it would have ended for a handler that was cancelled because it took too
     *     long; false while it lasts, after an outcome was stored otherwise, and always for a broadcast event
     */
    boolean isLeaseLost();

    // == Actions ==

    /**
     * The event is done.
     *
     * @return true once the database has it; false if the delivery is no longer ours
     */
    @CheckReturnValue
    Mono<Boolean> ack();

    /**
     * The event could not be worked: it comes again after the delay that the channel's {@link RetryPolicy} gives, or becomes
     * a dead letter if its attempts are used up.
     *
     * @return as {@link #ack()}
     */
    @CheckReturnValue
    Mono<Boolean> nack();

    /**
     * The event comes again after a delay, or becomes a dead letter if its attempts are used up.
     *
     * @param delay from zero, which means at once, to ten years
     * @return as {@link #ack()}; fails with {@link EventException.Invalid} on another delay
     */
    @CheckReturnValue
    Mono<Boolean> nack(Duration delay);

    /**
     * The event will never be worked: it becomes a dead letter, whatever its attempts.
     *
     * @param reason why, kept with it
     * @return as {@link #ack()}
     */
    @CheckReturnValue
    Mono<Boolean> reject(String reason);

    /**
     * Keeps the event for longer: its lease ends no sooner than after this duration from now. Never shortens a lease.
     *
     * @param duration longer than zero, up to ten years
     * @return true once extended; false if the delivery is no longer ours, or if somebody had its row locked until the lease was
     *     over; fails with {@link EventException.Invalid} on another duration
     */
    @CheckReturnValue
    Mono<Boolean> extend(Duration duration);

    /**
     * The event was not looked at: it is given back at once, to its old place and as if it had never been delivered, so that
     * this delivery does not count as an attempt. For code that takes events on behalf of others. An event that was worked on
     * and failed is given back by {@link #nack()}: released again and again, it would come for ever.
     *
     * @return as {@link #ack()}
     */
    @CheckReturnValue
    Mono<Boolean> release();
}
