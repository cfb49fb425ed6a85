package dev.reactiveevents.spi;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;

/**
 * Passes events on to everybody who listens in that moment, and keeps none. All methods are cold, may be called from any
 * thread and concurrently, and must not block; failures are as those of {@link EventBackend}.
 */
public interface BroadcastBackend extends EventOutlet {

    /**
     * Listens to a channel until cancelled. Does not end by itself, and survives the loss of its connection.
     *
     * @param channel the channel's name
     * @return what is heard, for each subscriber all of it; never waits for demand
     */
    Flux<Heard> listen(String channel);

    /** What is heard of a channel. */
    sealed interface Heard {

        /**
         * An event.
         *
         * @param event the event, as if it had been claimed
         */
        record Arrived(ClaimedEvent event) implements Heard {}

        /** What is published from now on is heard. */
        record Standing() implements Heard {}

        /**
         * Nothing is heard for now; {@code Standing} comes once that is over.
         *
         * @param reason why, if known; an {@code EventException.Misconfigured} ends subscriptions that were never ready
         */
        record CutOff(@Nullable Throwable reason) implements Heard {}
    }
}
