package dev.reactiveevents;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** An event that is not delivered any more: rejected, out of attempts, or not to be retried. As it was when it was read. */
public interface DeadLetter {

    // == Data ==

    /** {@return the event's id, a UUID} */
    String eventId();

    /** {@return the channel it was published on} */
    String channel();

    /** {@return its type, if the publisher gave one} */
    @Nullable
    String type();

    /** {@return its key, if the publisher gave one} */
    @Nullable
    String key();

    /**
     * {@return the payload as a JSON tree} Decoded at each call.
     *
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

    /** {@return the payload's JSON text as the database holds it} */
    String payloadText();

    /**
     * {@return what travels with the payload: names and values, unmodifiable}
     *
     * @throws EventException.Undecodable if the metadata is not a JSON object
     */
    Map<String, Object> metadata();

    /** {@return how many times it was delivered} */
    int attempts();

    /** {@return why it is dead or what failed last, if that was said} */
    @Nullable
    String reason();

    /** {@return when it was published, by the database's clock} */
    Instant publishedAt();

    /** {@return when it became a dead letter, by the database's clock} */
    Instant diedAt();

    /** {@return its place, for {@link DeadLetterQuery#after(String)}; an opaque text that stays valid} */
    String cursor();

    // == Actions ==

    /**
     * Lets it be delivered again, see {@link DeadLetters#requeue(String)}.
     *
     * @return true once it is due; false if it is no dead letter any more
     */
    @CheckReturnValue
    Mono<Boolean> requeue();

    /**
     * Deletes it, see {@link DeadLetters#purge(String)}.
     *
     * @return true once it is gone; false if it is no dead letter any more
     */
    @CheckReturnValue
    Mono<Boolean> purge();
}
