package dev.reactiveevents.relay;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Sends events to a broker. An {@link OutboxRelay} acknowledges what was confirmed here and has the rest come again, so that
 * each event is sent at least once: {@link EventMessage#eventId()} is to travel with it, by which receivers recognise what
 * comes twice.
 *
 * <p>An {@link EventException.Invalid} says that the broker will never take this event, such as one that is too large: it
 * becomes a dead letter. Whatever else fails is tried again.
 */
public interface EventTransport {

    /**
     * Sends one event.
     *
     * @param message the event, which is not to be settled here
     * @return completes once the broker has confirmed that it has the event; fails if it did not. Cold
     */
    Mono<Void> send(EventMessage message);

    /**
     * Sends events that are at hand together. A relay calls this, and subscribes, on a thread that may block, one batch after
     * the other and without waiting for confirmations: to block is to have the next batch wait.
     *
     * @param messages at least one, no two of a key
     * @return for each what became of it, as soon as it is known, in any order. An error, or an end without all of them, is the
     *     failure of those that are missing. By default each is sent by {@link #send}
     */
    default Flux<Confirmation> sendAll(List<EventMessage> messages) {
        return Flux.fromIterable(messages)
                .flatMap(
                        message -> Mono.defer(() -> send(message))
                                .then(Mono.fromSupplier(() -> Confirmation.of(message)))
                                .onErrorResume(failure -> Mono.just(Confirmation.failed(message, failure))),
                        messages.size());
    }
}
