package dev.reactiveevents;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The publishing half of a channel. Safe for use by many threads.
 *
 * <p>Common to all methods: the payload is written as JSON and the id is fixed when the method is called, so that
 * subscribing again to the same {@code Mono} (as {@code retry()} does) stores the event once. Bad input arrives as
 * {@link EventException.Invalid} before the database is called. {@link EventException.Unavailable} says that nothing was
 * stored; {@link EventException.OutcomeUnknown} that it may have been: subscribe again. {@link EventException.Closed}
 * follows a shutdown. Results arrive on a thread of the database driver: do not block it.
 *
 * <p>A channel never joins the caller's ambient transaction, also under a Spring-aware {@code ConnectionFactory}: once the
 * {@code Mono} completes, the event is committed.
 */
public interface EventPublisher {

    /**
     * Publishes a payload.
     *
     * @param channel the channel's name
     * @param payload anything that the channel's Jackson mapper can write, also {@code null}
     * @return the event's id, once the event is stored; cancelling before it is sent to the database withdraws it,
     *     cancelling later leaves the outcome open
     */
    @CheckReturnValue
    default Mono<String> publish(String channel, @Nullable Object payload) {
        return publish(channel, payload, Map.of());
    }

    /**
     * Publishes a payload with metadata.
     *
     * @param channel the channel's name
     * @param payload anything that the channel's Jackson mapper can write, also {@code null}
     * @param metadata names and JSON values that travel with the payload
     * @return as {@link #publish(String, Object)}
     */
    @CheckReturnValue
    default Mono<String> publish(String channel, @Nullable Object payload, Map<String, ?> metadata) {
        try {
            return publish(Event.of(channel, payload).withMetadata(metadata));
        } catch (EventException.Invalid invalid) {
            return Mono.error(invalid);
        }
    }

    /**
     * Publishes an event.
     *
     * @param event the event
     * @return as {@link #publish(String, Object)}
     */
    @CheckReturnValue
    Mono<String> publish(Event event);

    /**
     * Publishes events in one transaction: all are stored or none. All are validated before the database is called.
     *
     * @param events the events, for one or several channels; they are stored in this order
     * @return the ids in input order, once all are committed; empty input gives an empty list
     */
    @CheckReturnValue
    Mono<List<String>> publishAll(Collection<Event> events);

    /**
     * Publishes a stream of events in batches as large as what arrived while the batch before was written; each batch is
     * atomic and they are written in order, one after the other. Requests no more than a bounded number ahead.
     *
     * @param events the events; if it ends with an error, what came before is still stored
     * @return the ids in input order, each once its event is committed. Ends at the first error; its message says how many
     *     of this stream's events are stored, unless it is the stream's own. Cancelling stops the stream; what a batch in flight held may be stored
     */
    @CheckReturnValue
    Flux<String> publishAll(Publisher<Event> events);
}
