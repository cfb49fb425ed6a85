package dev.reactiveevents;

import reactor.core.publisher.Mono;

/** Works on one event at a time. */
@FunctionalInterface
public interface EventHandler {

    /**
     * Works on an event.
     *
     * @param message the event
     * @return completes when the work is done, errors when it failed
     */
    Mono<Void> handle(EventMessage message);
}
