package dev.reactiveevents;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Publishes events and delivers them. Safe for use by many threads; one per application is enough, for any number of
 * channel names.
 *
 * <p>On a durable backend each event goes to one of the subscribers that compete for its channel, at least once: it comes
 * again when it is nacked, or when nobody settled it while it was leased. On a broadcast every subscriber gets every event
 * that is published while it is subscribed and connected, at most once, and nothing is kept.
 */
public interface EventChannel extends EventPublisher {

    /**
     * Delivers a channel's events with the default options, see {@link #subscribe(Collection, SubscribeOptions)}.
     *
     * @param channel the channel's name
     * @return the events
     */
    @CheckReturnValue
    default Flux<EventMessage> subscribe(String channel) {
        return subscribe(channel, SubscribeOptions.defaults());
    }

    /**
     * Delivers a channel's events, see {@link #subscribe(Collection, SubscribeOptions)}.
     *
     * @param channel the channel's name
     * @param options how to subscribe
     * @return the events
     */
    @CheckReturnValue
    default Flux<EventMessage> subscribe(String channel, SubscribeOptions options) {
        try {
            return subscribe(List.of(requireValidName(channel)), options);
        } catch (EventException.Invalid invalid) {
            return Flux.error(invalid);
        }
    }

    /**
     * Delivers the events of several channels. Each subscriber of the {@code Flux} is a subscription of its own and
     * competes with all others.
     *
     * <p>Events are taken from the database by demand and by the pace at which this subscriber settles, up to
     * {@link SubscribeOptions#prefetch()}. Each must be settled by {@link EventMessage#ack()}, {@code nack} or
     * {@code reject} within its lease, otherwise it is delivered again.
     *
     * <p>The {@code Flux} does not end by itself. It survives the loss of the database: it tries again until it is back. It
     * fails with {@link EventException.Invalid} or {@link EventException.Unsupported} on bad input, with
     * {@link EventException.Misconfigured} if its first access to the database shows what trying again cannot mend (no
     * table, no permission), and with {@link EventException.Closed} after a shutdown; it completes when the channel is shut
     * down while it runs. On cancellation, what was taken but not handed over is given back at once, to its old place and
     * without counting as an attempt; messages handed over can still be settled.
     *
     * <p>Messages arrive on a thread of the database driver, on the one that requests or settles, or on one of Reactor's
     * parallel threads, where the timers run: do not block it, use {@code publishOn} for work that blocks.
     *
     * @param channels at least one channel name
     * @param options how to subscribe
     * @return the events
     */
    @CheckReturnValue
    Flux<EventMessage> subscribe(Collection<String> channels, SubscribeOptions options);

    /**
     * Takes one event.
     *
     * @param channel the channel's name
     * @param timeout how long to wait for one; zero looks once
     * @return the event, which is to be settled like any other, or empty if none came in time. Errors as
     *     {@link #subscribe(Collection, SubscribeOptions)}; cancelling gives back what was not handed over
     */
    @CheckReturnValue
    Mono<EventMessage> receive(String channel, Duration timeout);

    /**
     * Handles a channel's events with the default options, see {@link #listen(String, EventHandler, ListenOptions)}.
     *
     * @param channel the channel's name
     * @param handler what is to be done with each event
     * @return the listener, which has started
     */
    default EventListener listen(String channel, EventHandler handler) {
        return listen(channel, handler, ListenOptions.defaults());
    }

    /**
     * Handles a channel's events: subscribes to it, hands each event to the handler, and settles it as the handler ends.
     * Completes: it is acknowledged. Fails: it comes again as the retry policy says, or becomes a dead letter with the error
     * as its reason, at once if the policy calls the error final or if it is an {@link EventException.Undecodable}. Takes
     * longer than the maximum processing time, for which its lease is renewed: the handler is cancelled and has failed by a
     * {@link java.util.concurrent.TimeoutException}, and the event does not come again before the lease is over. If the handler
     * has settled its message itself, that counts.
     *
     * <p>What a handler does, or fails to do, harms only its own event. The listener survives the loss of the database: it
     * says so in its {@link EventListener#state() state} and keeps trying. It ends by {@link EventListener#stop}, by
     * {@link #shutdown()}, or by what trying again cannot mend when it first asks the database.
     *
     * @param channel the channel's name
     * @param handler what is to be done with each event
     * @param options how to listen
     * @return the listener, which has started; see {@link EventListener#ready()}
     * @throws EventException.Invalid on bad input
     * @throws EventException.Unsupported if attempts or a retry policy are set and the backend keeps no events
     * @throws EventException.Closed after a shutdown
     */
    EventListener listen(String channel, EventHandler handler, ListenOptions options);

    /**
     * Stops a listener of this channel object, as {@link EventListener#stop} with the channel's shutdown timeout.
     *
     * @param id the listener's id
     * @return true once it has stopped; false if none of this id runs here
     */
    @CheckReturnValue
    Mono<Boolean> stopListener(String id);

    /**
     * Acknowledges by id an event that this channel object delivered, as {@link EventMessage#ack()} does.
     *
     * @param eventId the event's id
     * @return true once acknowledged; false if no delivery of this id is open here (its lease has not lapsed and it is not
     *     settled), or if two are
     */
    @CheckReturnValue
    Mono<Boolean> ack(String eventId);

    /**
     * Acknowledges events together: as {@link EventMessage#ack()} of each, in as few statements as possible.
     *
     * @param messages events that this channel object delivered
     * @return for each, in input order, what its {@code ack} answers; empty input gives an empty list. Fails with the first
     *     that fails; the others are acknowledged all the same
     */
    @CheckReturnValue
    default Mono<List<Boolean>> ackAll(Collection<EventMessage> messages) {
        if (messages == null) {
            return Mono.error(new EventException.Invalid("The events to be acknowledged were null; give some."));
        }
        return messages.isEmpty()
                ? Mono.just(List.of())
                : Mono.zip(
                        messages.stream().map(EventMessage::ack).toList(),
                        answers -> Stream.of(answers).map(Boolean.class::cast).toList());
    }

    /**
     * Gives back by id an event that this channel object delivered, as {@link EventMessage#nack()} does.
     *
     * @param eventId the event's id
     * @return true once given back; false as {@link #ack(String)}
     */
    @CheckReturnValue
    Mono<Boolean> nack(String eventId);

    /**
     * Withdraws an event that nobody has taken yet, a delayed one above all: it is deleted, and its id can be published again.
     * A dead letter that was requeued counts as one that nobody has taken.
     *
     * @param eventId the event's id
     * @return true once it is gone and will not be delivered; false if there is no such event, or if it has been taken, by
     *     whomever, also if it is to come again, unless it was given back uncounted: released, seen by nobody, or given back by
     *     a stop or a shutdown at a maximum of one attempt. Fails with {@link EventException.Unsupported} where nothing is
     *     stored, with {@link EventException.Closed} after a shutdown, and as a publish does when the database is away
     */
    @CheckReturnValue
    Mono<Boolean> withdraw(String eventId);

    /**
     * The dead letters of a channel.
     *
     * @param channel the channel's name
     * @return its dead letters, to be read, delivered again or deleted; does not call the database yet
     * @throws EventException.Unsupported where nothing is stored
     * @throws EventException.Invalid if the name is not valid
     */
    DeadLetters deadLetters(String channel);

    /**
     * What is stored, for people and for gauges.
     *
     * @return what can be asked; does not call the database yet
     * @throws EventException.Unsupported where nothing is stored, or the backend cannot look into it
     */
    Inspection inspect();

    /**
     * Ends the channel: takes no new events, writes the publishes that were accepted, gives back what was not handed over,
     * completes the subscriptions, waits for messages in hand to be settled, and gives back those that are not by the
     * channel's shutdown timeout, as {@link EventListener#stop} does. Idempotent: further calls wait for the same end.
     *
     * @return completes when all is done, at the latest shortly after the shutdown timeout; never fails. Cancelling does
     *     not stop the shutdown
     */
    @CheckReturnValue
    Mono<Void> shutdown();

    /**
     * Whether code that blocks may use this channel, by {@code BlockingEventChannel} of
     * {@code reactive-events-bridge-blocking}.
     *
     * @return true unless the channel was built otherwise
     */
    default boolean allowsBlocking() {
        return true;
    }

    /**
     * How many events of a subscription may wait to be settled, or of a broadcast to be asked for, where its options do not
     * say, see {@link SubscribeOptions#withPrefetch(int)}. Whoever waits for more leased events at once waits in vain.
     *
     * @return at least 1
     */
    default int prefetch() {
        return Integer.MAX_VALUE;
    }

    /**
     * Checks a channel name: a letter or underscore, then letters, digits, {@code _}, {@code .}, {@code :} and {@code -},
     * at most 63 characters in all, ASCII only. The same rule holds for every backend, so that a name can move between them.
     *
     * @param channel the name
     * @return the name
     * @throws EventException.Invalid if it is not valid
     */
    static String requireValidName(@Nullable String channel) {
        if (channel == null || !ChannelName.isValid(channel)) {
            throw new EventException.Invalid("The channel name " + ChannelName.shown(channel)
                    + " is not valid; use a letter or underscore, then letters, digits, '_', '.', ':' or '-', at most 63"
                    + " characters in all.");
        }
        return channel;
    }

    /**
     * Checks an event id: a UUID in its usual 36 characters.
     *
     * @param eventId the id
     * @return the id
     * @throws EventException.Invalid if it is not valid
     */
    static UUID requireValidId(@Nullable String eventId) {
        try {
            UUID id = UUID.fromString(String.valueOf(eventId));
            if (id.toString().equalsIgnoreCase(eventId)) { // the JDK's parser also takes groups of other lengths
                return id;
            }
        } catch (IllegalArgumentException notOne) {
            // told below, with the value
        }
        throw new EventException.Invalid("The event id \"" + eventId
                + "\" is not a UUID; give one of 36 characters, or a" + " deduplication key when publishing.");
    }
}

/** The rule for names, outside the interface so that it is nobody's API. */
final class ChannelName {

    private static final int LONGEST = 63;

    private ChannelName() {}

    /** By hand: every event that is published is checked, and an expression costs a tenth of a notification. */
    static boolean isValid(String channel) {
        boolean valid = !channel.isEmpty() && channel.length() <= LONGEST && isLetterOrUnderscore(channel.charAt(0));
        for (int i = 1; valid && i < channel.length(); i++) {
            char c = channel.charAt(i);
            valid = isLetterOrUnderscore(c) || c >= '0' && c <= '9' || c == '.' || c == ':' || c == '-';
        }
        return valid;
    }

    private static boolean isLetterOrUnderscore(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_';
    }

    static String shown(@Nullable String channel) {
        if (channel == null) {
            return "null";
        }
        return '"' + (channel.length() > 80 ? channel.substring(0, 80) + "…" : channel) + '"';
    }
}
