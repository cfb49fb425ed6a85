package dev.reactiveevents.blocking;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.blocking.Answer.Question;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A channel for code that cannot be reactive: the calls of an {@link EventChannel}, which wait for their answer. Safe for use
 * by many threads.
 *
 * <p>How long calls wait, and how they fail, is the same for all: see the {@linkplain dev.reactiveevents.blocking package}.
 *
 * <p>Works over every backend. Has no engine of its own: each subscription is one of the channel's.
 */
public final class BlockingEventChannel implements AutoCloseable {

    private static final Duration A_YEAR = Duration.ofDays(365);

    private static final String PUBLISH_AGAIN =
            "give the event an id or a deduplication key, then publishing it again stores it once.";
    private static final String SETTLE_AGAIN =
            "settle it again; if it was not done, the event comes again when its lease has lapsed.";

    private final EventChannel events;
    private final BlockingOptions options;
    private final BlockingListeners listeners;
    private final Set<Intake> subscriptions = ConcurrentHashMap.newKeySet();
    private final Calls calls;

    private BlockingEventChannel(EventChannel events, BlockingOptions options) {
        this.events = events;
        this.options = options;
        this.calls = new Calls(options.timeout());
        this.listeners = new BlockingListeners(events, options);
    }

    /**
     * As {@link #of(EventChannel, BlockingOptions)}, with the default options.
     *
     * @param events the channel, which stays the caller's
     * @return the same channel for code that blocks
     */
    public static BlockingEventChannel of(EventChannel events) {
        return of(events, BlockingOptions.defaults());
    }

    /**
     * A channel.
     *
     * @param events the channel, which stays the caller's
     * @param options how long calls wait, and where handlers run
     * @return the same channel for code that blocks
     * @throws EventException.Unsupported if the channel was built with {@code blocking(false)}
     */
    public static BlockingEventChannel of(EventChannel events, BlockingOptions options) {
        if (events == null || options == null) {
            throw new EventException.Invalid("A blocking channel was asked for over " + events + " with " + options
                    + "; give a channel and options.");
        }
        if (!events.allowsBlocking()) {
            throw new EventException.Unsupported("A blocking channel was asked for over one that was built with"
                    + " blocking(false) (portal_bridge false); build it without that, or use EventChannel.");
        }
        return new BlockingEventChannel(events, options);
    }

    // == Publishing ==

    /**
     * Publishes a payload.
     *
     * @param channel the channel's name
     * @param payload anything that the channel's Jackson mapper can write, also {@code null}
     * @return the event's id, once the event is stored
     */
    public String publish(String channel, @Nullable Object payload) {
        return publish(channel, payload, Map.of());
    }

    /**
     * Publishes a payload with metadata.
     *
     * @param channel the channel's name
     * @param payload anything that the channel's Jackson mapper can write, also {@code null}
     * @param metadata names and JSON values that travel with the payload
     * @return the event's id, once the event is stored
     */
    public String publish(String channel, @Nullable Object payload, Map<String, ?> metadata) {
        return publish(Event.of(channel, payload).withMetadata(metadata));
    }

    /**
     * Publishes an event.
     *
     * @param event the event
     * @return its id, once it is stored
     */
    public String publish(Event event) {
        Question question = Question.write(
                () -> "An event was to be published" + (event == null ? "" : " on " + event.channel()), PUBLISH_AGAIN);
        return calls.ask("publish", "EventChannel.publish", question, () -> events.publish(event));
    }

    /**
     * Publishes events in one transaction: all are stored or none.
     *
     * @param events the events, for one or several channels; they are stored in this order
     * @return the ids in input order, once all are committed
     */
    public List<String> publishAll(Collection<Event> events) {
        int count = events == null ? 0 : events.size();
        Question question = Question.write(() -> count + " events were to be published", PUBLISH_AGAIN);
        return calls.ask("publishAll", "EventChannel.publishAll", question, () -> this.events.publishAll(events));
    }

    // == Receiving ==

    /**
     * Waits for one event. For more than one now and then, {@link #blockingSubscribe(String)} is the faster way.
     *
     * @param channel the channel's name
     * @param timeout how long to wait for one; zero looks once
     * @return the event, which is to be settled, or empty if none came in time
     */
    public Optional<EventMessage> receive(String channel, Duration timeout) {
        calls.require("receive", "EventChannel.receive");
        Duration longest = timeout == null || timeout.compareTo(A_YEAR) > 0
                ? A_YEAR
                : options.timeout().plus(timeout);
        Question question = Question.read(() -> "An event of " + channel + " was to be received");
        return Optional.ofNullable(Answer.to(events.receive(channel, timeout), longest, question));
    }

    /**
     * Subscribes to a channel with the default options.
     *
     * @param channel the channel's name
     * @return as {@link #blockingSubscribe(String, SubscribeOptions)}
     */
    public BlockingSubscription blockingSubscribe(String channel) {
        return blockingSubscribe(channel, SubscribeOptions.defaults());
    }

    /**
     * Subscribes to a channel.
     *
     * @param channel the channel's name
     * @param subscribeOptions how to subscribe
     * @return the subscription: events that are published from now on are received
     */
    public BlockingSubscription blockingSubscribe(String channel, SubscribeOptions subscribeOptions) {
        calls.require("blockingSubscribe", "EventChannel.subscribe");
        CallingThread.requireNotInterrupted(() -> "A subscription to " + channel + " was asked for");
        if (subscribeOptions == null) {
            throw new EventException.Invalid("The options of a subscription were null; give some, or leave them out.");
        }
        BlockingSubscription subscription =
                BlockingSubscription.open(events, channel, subscribeOptions, options, subscriptions);
        if (calls.isClosed()) {
            subscription.close();
        }
        return subscription;
    }

    // == Listening ==

    /**
     * Handles a channel's events with the default options.
     *
     * @param channel the channel's name
     * @param handler as {@link #listen(String, Consumer, ListenOptions)} says
     * @return the listener: events that are published from now on are handled
     */
    public EventListener listen(String channel, Consumer<? super EventMessage> handler) {
        return listen(channel, handler, ListenOptions.defaults());
    }

    /**
     * Handles a channel's events on threads that may block, as
     * {@link EventChannel#listen(String, dev.reactiveevents.EventHandler, ListenOptions)} does: on virtual threads on Java 21
     * and later, before that on a pool of as many threads as the concurrency, or on the given
     * {@linkplain BlockingOptions#withExecutor(java.util.concurrent.Executor) executor}.
     *
     * @param channel the channel's name
     * @param handler returns when the event is done, throws if it is to be tried again. Its thread is interrupted when it takes
     *     longer than {@link ListenOptions#maxProcessingTime()} or than the end of its listener waits; on a given executor
     *     only if that is an {@link java.util.concurrent.ExecutorService}
     * @param listenOptions how to listen
     * @return the listener: events that are published from now on are handled
     */
    public EventListener listen(String channel, Consumer<? super EventMessage> handler, ListenOptions listenOptions) {
        calls.require("listen", "EventChannel.listen");
        return listeners.listen(channel, handler, listenOptions);
    }

    /**
     * Stops a listener that was started here: it takes nothing new, and handlers at work have the
     * {@linkplain BlockingOptions#timeout() timeout} to end. Then they are interrupted, and their events come again. A handler
     * that calls this for its own listener waits for itself until then: let it subscribe to
     * {@link EventListener#stop(Duration)} instead. If this thread is interrupted meanwhile, the listener goes on stopping.
     *
     * @param id the listener's id
     * @return true once it has stopped; false if none of this id runs here
     */
    public boolean stopListener(String id) {
        calls.require("stopListener", "EventChannel.stopListener");
        return listeners.stop(id);
    }

    // == Settling ==

    /**
     * The event is done.
     *
     * @param message the event
     * @return true once the database has it; false if the delivery is no longer ours
     */
    public boolean ack(EventMessage message) {
        return settle("ack", "EventMessage.ack", "acknowledged", message, EventMessage::ack);
    }

    /**
     * The events are done. They are sent together, which is much faster than one by one.
     *
     * @param messages the events
     * @return for each, in input order, what {@link #ack(EventMessage)} would answer
     */
    public List<Boolean> ackAll(Collection<EventMessage> messages) {
        if (messages == null) {
            throw new EventException.Invalid("The events to be acknowledged were null; give some.");
        }
        int count = messages.size();
        Question question = Question.write(() -> count + " events were to be acknowledged", SETTLE_AGAIN);
        return calls.ask("ackAll", "EventChannel.ackAll", question, () -> events.ackAll(messages));
    }

    /**
     * The event could not be worked: it comes again as the channel's retry policy says.
     *
     * @param message the event
     * @return as {@link #ack(EventMessage)}
     */
    public boolean nack(EventMessage message) {
        return settle("nack", "EventMessage.nack", "given back", message, EventMessage::nack);
    }

    /**
     * The event comes again after a delay.
     *
     * @param message the event
     * @param delay from zero, which means at once, to ten years
     * @return as {@link #ack(EventMessage)}
     */
    public boolean nack(EventMessage message, Duration delay) {
        return settle("nack", "EventMessage.nack", "given back", message, given -> given.nack(delay));
    }

    /**
     * The event will never be worked: it becomes a dead letter.
     *
     * @param message the event
     * @param reason why, kept with it
     * @return as {@link #ack(EventMessage)}
     */
    public boolean reject(EventMessage message, String reason) {
        return settle("reject", "EventMessage.reject", "rejected", message, given -> given.reject(reason));
    }

    /**
     * The event was not looked at: it comes again at once, and this delivery does not count as an attempt.
     *
     * @param message the event
     * @return as {@link #ack(EventMessage)}
     */
    public boolean release(EventMessage message) {
        return settle("release", "EventMessage.release", "released", message, EventMessage::release);
    }

    /**
     * Keeps the event for longer.
     *
     * @param message the event
     * @param duration longer than zero, up to ten years
     * @return as {@link #ack(EventMessage)}
     */
    public boolean extend(EventMessage message, Duration duration) {
        return settle("extend", "EventMessage.extend", "kept for longer", message, given -> given.extend(duration));
    }

    /**
     * Acknowledges by id.
     *
     * @param eventId the id of an event that this channel object delivered
     * @return as {@link EventChannel#ack(String)}
     */
    public boolean ack(String eventId) {
        Question question = Question.write(() -> "Event " + eventId + " was to be acknowledged", SETTLE_AGAIN);
        return calls.ask("ack", "EventChannel.ack", question, () -> events.ack(eventId));
    }

    /**
     * Gives back by id an event that this channel object delivered.
     *
     * @param eventId the event's id
     * @return as {@link EventChannel#nack(String)}
     */
    public boolean nack(String eventId) {
        Question question = Question.write(() -> "Event " + eventId + " was to be given back", SETTLE_AGAIN);
        return calls.ask("nack", "EventChannel.nack", question, () -> events.nack(eventId));
    }

    private boolean settle(
            String call,
            String reactive,
            String what,
            EventMessage message,
            Function<EventMessage, Mono<Boolean>> outcome) {
        if (message == null) {
            throw new EventException.Invalid("The event to be " + what + " was null; give one.");
        }
        Question question = Question.write(() -> "Event " + message.eventId() + " was to be " + what, SETTLE_AGAIN);
        return calls.ask(call, reactive, question, () -> outcome.apply(message));
    }

    // == Looking inside, mending ==

    /**
     * Withdraws an event that nobody has taken yet, see {@link EventChannel#withdraw(String)}.
     *
     * @param eventId the event's id
     * @return true once it is gone and will not be delivered; false if there is no such event, or if it has been taken
     */
    public boolean withdraw(String eventId) {
        Question question = Question.write(() -> "Event " + eventId + " was to be withdrawn", "withdraw it again.");
        return calls.ask("withdraw", "EventChannel.withdraw", question, () -> events.withdraw(eventId));
    }

    /**
     * The dead letters of a channel.
     *
     * @param channel the channel's name
     * @return its dead letters; does not call the database yet
     */
    public BlockingDeadLetters deadLetters(String channel) {
        return new BlockingDeadLetters(events.deadLetters(channel), calls);
    }

    /** {@return what is stored, for people and for gauges; does not call the database yet} */
    public BlockingInspection inspect() {
        return new BlockingInspection(events.inspect(), calls);
    }

    // == Ending ==

    /**
     * Closes the subscriptions that were opened here, which waits for nothing, and stops the listeners, which waits for handlers
     * at work as {@link #stopListener(String)} does; they may call until then. The channel beneath stays open, since it stays
     * its owner's: {@code events.shutdown()} ends it. Idempotent. Does not fail if it takes too long or if its thread is
     * interrupted, before or meanwhile: the listeners go on stopping, which is logged.
     *
     * @throws EventException.Invalid if there are listeners to wait for, on a thread that must not block
     */
    @Override
    public void close() {
        if (!listeners.haveEnded()) {
            CallingThread.requireMayBlock(() -> "BlockingEventChannel.close()", "EventListener.stop");
        }
        closeSubscriptions();
        try {
            listeners.close();
        } finally {
            calls.close(); // not before, since handlers at work may call
            closeSubscriptions();
        }
    }

    private void closeSubscriptions() {
        subscriptions.forEach(Intake::close);
        subscriptions.clear();
    }
}
