package dev.reactiveevents.spi;

import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/**
 * Hears what a channel does, for meters and traces. All methods do nothing by default. They are called where events pass, by
 * many threads, and must not block; what they throw is logged once and harms no event. One observer may serve many channels.
 *
 * <p>May grow before version 1.0.
 */
public interface EventObserver {

    /** Hears nothing, at no cost. */
    EventObserver NONE = new EventObserver() {};

    /** What is counted, each thing once. */
    enum Count {
        /** An event was stored. */
        PUBLISH,
        /** An event was broadcast, and stored nowhere. */
        PUBLISH_NATIVE,
        /** An event was handed over for the first time. */
        DELIVER,
        /** An event was handed over that had been handed over, or leased and lost, before. */
        REDELIVER,
        /** The store confirmed that an event was acknowledged. */
        ACK,
        /** The store confirmed that an event was given back to come again. */
        NACK,
        /** An event became a dead letter: by its consumer, or because its attempts were used up. */
        DEAD,
        /** The store did not take an outcome: the lease was lost, or no answer came for a whole lease. */
        LOST,
        /** A broadcast event was dropped because its subscriber did not ask for it in time. */
        DROPPED,
        /** A listener started. */
        LISTENER_START,
        /** A listener ended, as it was told or by an error. */
        LISTENER_STOP,
        /** The connection that hears other processes was opened again after it had been lost. */
        LISTENER_RECONNECT
    }

    /** How an activity ended. */
    enum End {
        /** It did what it was to do. */
        DONE,
        /** It failed. */
        FAILED,
        /** Nobody waits for it any more, or it was stopped because it took too long. */
        CANCELLED,
        /** The store did not take it, because the lease had been lost. */
        LOST
    }

    /** Something that takes time. */
    interface Activity {

        /** Nobody observes it. */
        Activity NONE = new Activity() {};

        /** {@return metadata that is to travel with the events that are published in it; replaces what has the same names} */
        default Map<String, String> metadata() {
            return Map.of();
        }

        /**
         * The Reactor Context of what is done in it.
         *
         * @param outer the context without it
         * @return the context with it
         */
        default Context within(Context outer) {
            return outer;
        }

        /**
         * It is over. Called once.
         *
         * @param how how it ended
         * @param failure why, if it failed
         */
        default void end(End how, @Nullable Throwable failure) {}
    }

    /**
     * Something was counted.
     *
     * @param what which thing
     * @param channel the event channel's name; {@code null} if it is of no one channel
     * @param times how often
     */
    default void count(Count what, @Nullable String channel, long times) {}

    /**
     * Events are about to be published: one, or those of a {@code publishAll} of a collection. Of a stream it is each.
     *
     * @param events the events, at least one
     * @param caller the publisher's Reactor Context
     * @return ends when they are stored or not
     */
    default Activity publishing(List<NewEvent> events, ContextView caller) {
        return Activity.NONE;
    }

    /**
     * A claim found something.
     *
     * @param found what it took from the channels that had something
     * @param took how long it took, until its answer was read
     */
    default void dequeued(List<Claimed> found, Duration took) {}

    /**
     * A listener's handler is about to be called.
     *
     * @param message its event
     * @return ends when the handler does
     */
    default Activity processing(EventMessage message) {
        return Activity.NONE;
    }

    /**
     * An event is about to be acknowledged, given back or made a dead letter, in a statement of the engine's.
     *
     * @param message the event
     * @param outcome one of {@code ACK}, {@code RETRY}, {@code DEAD}
     * @param caller the Reactor Context of who said so
     * @return ends when the store has answered
     */
    default Activity settling(EventMessage message, Settlement.Outcome outcome, ContextView caller) {
        return Activity.NONE;
    }
}
