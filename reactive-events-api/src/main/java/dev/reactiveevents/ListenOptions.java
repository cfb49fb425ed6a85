package dev.reactiveevents;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * How to listen. Immutable; what is not set here is as the channel was built. Bad values are refused by
 * {@link EventException.Invalid}.
 */
public final class ListenOptions {

    private static final ListenOptions DEFAULTS = new ListenOptions();

    private int concurrency = 1;
    private boolean autoAck = true;
    private @Nullable Function<? super EventMessage, @Nullable String> key;
    /** What is for the subscription beneath: held there, so that each rule stands once. */
    private SubscribeOptions subscription = SubscribeOptions.defaults().withRenewLeases(true);

    private ListenOptions() {}

    /** Fields are assigned only here, before the copy is seen by anybody. */
    private ListenOptions changed(Consumer<ListenOptions> change) {
        ListenOptions copy = new ListenOptions();
        copy.concurrency = concurrency;
        copy.autoAck = autoAck;
        copy.key = key;
        copy.subscription = subscription;
        change.accept(copy);
        return copy;
    }

    private ListenOptions subscribing(UnaryOperator<SubscribeOptions> change) {
        return changed(copy -> copy.subscription = change.apply(subscription));
    }

    /** {@return one event at a time, acknowledged when its handler completes, which may take ten minutes} */
    public static ListenOptions defaults() {
        return DEFAULTS;
    }

    /**
     * How many events are handled at the same time.
     *
     * @param concurrency at least 1, and not more than the prefetch
     * @return the changed copy
     */
    public ListenOptions withConcurrency(int concurrency) {
        if (concurrency < 1) {
            throw new EventException.Invalid(
                    "The concurrency of a listener was " + concurrency + "; give a number of at least 1.");
        }
        return changed(copy -> copy.concurrency = concurrency);
    }

    /**
     * Whether an event is acknowledged when its handler completes. Otherwise the handler settles it, or whoever it hands it
     * to: until {@link #maxProcessingTime()} after its hand-over nobody else gets it. A handler that fails without having
     * settled it is treated alike in both cases.
     *
     * @param autoAck false to leave settling to the handler
     * @return the changed copy
     */
    public ListenOptions withAutoAck(boolean autoAck) {
        return changed(copy -> copy.autoAck = autoAck);
    }

    /**
     * How long a handler may take. Its event's lease is renewed until then; then the handler is cancelled and has failed by a
     * {@link java.util.concurrent.TimeoutException}: the event comes again as the retry policy says, but not before the rest
     * of its lease is over, since the handler may be at work still; at the last attempt it becomes a dead letter. An event of
     * a broadcast does not come again. Where it cannot be said when an event comes again, it does when its lease has lapsed.
     *
     * @param maxProcessingTime from one millisecond to 365 days
     * @return the changed copy
     */
    public ListenOptions withMaxProcessingTime(Duration maxProcessingTime) {
        return subscribing(options -> options.withMaxProcessingTime(maxProcessingTime));
    }

    /**
     * After how many failed deliveries an event becomes a dead letter, instead of the channel's number.
     *
     * @param maxAttempts at least 1
     * @return the changed copy
     * @see SubscribeOptions#withMaxAttempts(int)
     */
    public ListenOptions withMaxAttempts(int maxAttempts) {
        return subscribing(options -> options.withMaxAttempts(maxAttempts));
    }

    /**
     * When a failed event comes again, instead of the channel's policy.
     *
     * @param retry the policy
     * @return the changed copy
     */
    public ListenOptions withRetry(RetryPolicy retry) {
        return subscribing(options -> options.withRetry(retry));
    }

    /**
     * Handles events of one {@link EventMessage#key()} one after the other, see
     * {@link #withKeyedConcurrency(Function)}.
     *
     * @return the changed copy
     */
    public ListenOptions withKeyedConcurrency() {
        return withKeyedConcurrency(EventMessage::key);
    }

    /**
     * Handles events of one key one after the other, in the order in which they arrive, and events of different keys at the
     * same time, up to the concurrency. The scope is this listener's memory: other listeners and processes do not know of
     * it, and a failed event comes again after others of its key. For order across processes publish with
     * {@link Event#withKey}, which the database keeps.
     *
     * @param key from an event to its key, or to {@code null} if it need not wait for any other; must not block. To throw
     *     is to fail this event
     * @return the changed copy
     */
    public ListenOptions withKeyedConcurrency(Function<? super EventMessage, @Nullable String> key) {
        if (key == null) {
            throw new EventException.Invalid(
                    "The key of a listener's concurrency was null; give a function, or leave it out.");
        }
        return changed(copy -> copy.key = key);
    }

    /**
     * How long to wait before looking for events although nothing told of any.
     *
     * @param pollInterval from one millisecond to 365 days
     * @return the changed copy
     */
    public ListenOptions withPollInterval(Duration pollInterval) {
        return subscribing(options -> options.withPollInterval(pollInterval));
    }

    /**
     * How many events may at most be taken whose outcome has not been sent; of a broadcast, how many may wait for a handler.
     * Outcomes that are on their way to the store, and events whose lease has lapsed, take no room: until the store has
     * answered, a batch for each of the lanes that settle can be unsettled besides.
     *
     * @param prefetch at least 1, and not less than the concurrency
     * @return the changed copy
     */
    public ListenOptions withPrefetch(int prefetch) {
        return subscribing(options -> options.withPrefetch(prefetch));
    }

    /**
     * What becomes of events of a broadcast for which no handler is free in time, when more wait than the prefetch allows. By
     * {@link Overflow#ERROR}, the default, the listener fails.
     *
     * @param overflow what becomes of them
     * @return the changed copy
     * @see SubscribeOptions#withOverflow(Overflow)
     */
    public ListenOptions withOverflow(Overflow overflow) {
        return subscribing(options -> options.withOverflow(overflow));
    }

    /**
     * Told when events of a broadcast did not arrive, or may not have.
     *
     * @param onMissed called on a thread of the database driver or of a timer; must not block
     * @return the changed copy
     * @see SubscribeOptions#withOnMissed(LongConsumer)
     */
    public ListenOptions withOnMissed(LongConsumer onMissed) {
        return subscribing(options -> options.withOnMissed(onMissed));
    }

    /** {@return how many events are handled at the same time} */
    public int concurrency() {
        return concurrency;
    }

    /** {@return whether an event is acknowledged when its handler completes} */
    public boolean autoAck() {
        return autoAck;
    }

    /** {@return how long a handler may take} */
    public Duration maxProcessingTime() {
        return subscription.maxProcessingTime();
    }

    /** {@return by which key events wait for each other, or {@code null} if they do not} */
    public @Nullable Function<? super EventMessage, @Nullable String> key() {
        return key;
    }

    /** {@return how the listener subscribes: everything that is not about handlers} */
    public SubscribeOptions subscription() {
        return subscription;
    }
}
