package dev.reactiveevents.engine;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.Enlistment;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** The door of the engine, for authors of backends. */
public final class EventChannels {

    private EventChannels() {}

    /**
     * A channel over a backend. Does not call the backend before it is used; owns it from then on, and shuts it down.
     *
     * @param backend where events live
     * @param options how the channel works
     * @return the channel
     */
    public static EventChannel over(EventBackend backend, ChannelOptions options) {
        return new BackendChannel(backend, options);
    }

    /**
     * A channel over a broadcast, as {@link #over(EventBackend, ChannelOptions)}. Of the options, lease, poll interval,
     * attempts and retry policy have no meaning here; the prefetch is how many events may wait for a subscriber.
     *
     * @param backend what passes events on
     * @param options how the channel works
     * @return the channel
     */
    public static EventChannel over(BroadcastBackend backend, ChannelOptions options) {
        return over(backend, options, missed -> {});
    }

    /**
     * A channel over a broadcast, and who counts what its subscribers miss.
     *
     * @param backend what passes events on
     * @param options how the channel works
     * @param onMissed told what each of its subscribers is told by {@code SubscribeOptions.withOnMissed}, just before; must
     *     not block
     * @return the channel
     */
    public static EventChannel over(BroadcastBackend backend, ChannelOptions options, LongConsumer onMissed) {
        return new BroadcastChannel(backend, options, onMissed);
    }

    /**
     * Leaves a delivery to a transaction that will settle it.
     *
     * @param channel a channel over an {@link EventBackend}
     * @param message a message that this channel delivered
     * @return the enlistment, or {@code null} if the message has been settled or is being so, or has been given back
     * @throws EventException.Invalid if the channel did not deliver the message, or another transaction works on it
     */
    public static @Nullable Enlistment enlist(EventChannel channel, EventMessage message) {
        if (channel instanceof BackendChannel own && message instanceof Delivery delivery && own.delivered(delivery)) {
            return delivery.enlist();
        }
        throw new EventException.Invalid("Event " + message.eventId()
                + " was to be handled in a transaction of a channel that did not deliver it; use the handler with messages"
                + " of the channel object that made it.");
    }

    /**
     * A publisher that checks and encodes as a channel does, and writes in a way of its own, such as into a transaction of its
     * caller's. Wakes nobody: {@link #wake} is for when what was written can be taken.
     *
     * @param channel a channel over an {@link EventBackend}
     * @param write called once for each call of the publisher, when that is first subscribed to, and for each batch of a stream.
     *     Its answer is subscribed to each time that the call's is
     * @return the publisher
     */
    public static EventPublisher publisher(EventChannel channel, Function<List<NewEvent>, Mono<Void>> write) {
        return own(channel).publisherElsewhere(write);
    }

    /**
     * Has the subscribers of a channel object look for events at once.
     *
     * @param channel a channel over an {@link EventBackend}
     * @param channels the names under which there is something new
     */
    public static void wake(EventChannel channel, Set<String> channels) {
        own(channel).wake(channels);
    }

    /**
     * What a channel object has done so far.
     *
     * @param channel a channel that {@code over} answered
     * @return its totals
     */
    public static ChannelTotals totals(EventChannel channel) {
        return channel instanceof BroadcastChannel broadcast
                ? broadcast.totals()
                : own(channel).totals();
    }

    private static BackendChannel own(EventChannel channel) {
        if (channel instanceof BackendChannel own) {
            return own;
        }
        throw new EventException.Invalid(
                "A channel was given that is none of EventChannels.over(EventBackend, …); give what that answered.");
    }

    /** {@return a new id for an event} Ordered by time; does not block. */
    public static UUID newId() {
        return TimeOrderedIds.next();
    }

    /**
     * When an id was made, to a quarter of a microsecond.
     *
     * @param id an id that {@link #newId} made, in whatever process
     * @return the time by the clock of that process
     */
    public static Instant timeOf(UUID id) {
        return TimeOrderedIds.timeOf(id);
    }

    /**
     * The event as it would be handed to a backend, with a new id if it has none.
     *
     * @param event the event
     * @param options the channel's options
     * @return the event to be published
     * @throws EventException.Invalid if it cannot be written as JSON or be stored
     */
    public static NewEvent encode(Event event, ChannelOptions options) {
        return new PayloadCodec(options.jsonMapper()).encode(event);
    }
}
