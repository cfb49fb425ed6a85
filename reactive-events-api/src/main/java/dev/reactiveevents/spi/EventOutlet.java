package dev.reactiveevents.spi;

import java.util.List;
import java.util.Set;
import reactor.core.publisher.Mono;

/** Where events are published to: what a store and a broadcast have in common. */
public interface EventOutlet {

    /** {@return the backend's name for messages, such as {@code table_queue on PostgreSQL}} */
    String name();

    /** {@return what this backend can do; a request for anything else is refused before it is called} */
    Set<Capability> capabilities();

    /**
     * Publishes events in input order, all or none.
     *
     * @param events the events, at least one
     * @return completes once they are published
     */
    Mono<Void> publish(List<NewEvent> events);

    /**
     * Releases what the backend itself opened. Called once, last.
     *
     * @return completes when it is done
     */
    Mono<Void> shutdown();
}
