package dev.reactiveevents;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How to subscribe. Immutable; what is not set here is as the channel was built. Bad values are refused by
 * {@link EventException.Invalid}.
 */
public final class SubscribeOptions {

    private static final SubscribeOptions DEFAULTS = new SubscribeOptions();

    private @Nullable Duration pollInterval;
    private @Nullable Integer prefetch;
    private boolean renewLeases;
    private Duration maxProcessingTime = Duration.ofMinutes(10);
    private Runnable onReady = () -> {};
    private Overflow overflow = Overflow.ERROR;
    private LongConsumer onMissed = events -> {};
    private @Nullable Integer maxAttempts;
    private @Nullable RetryPolicy retry;

    private SubscribeOptions() {}

    /** Fields are assigned only here, before the copy is seen by anybody. */
    private SubscribeOptions changed(Consumer<SubscribeOptions> change) {
        SubscribeOptions copy = new SubscribeOptions();
        copy.pollInterval = pollInterval;
        copy.prefetch = prefetch;
        copy.renewLeases = renewLeases;
        copy.maxProcessingTime = maxProcessingTime;
        copy.onReady = onReady;
        copy.overflow = overflow;
        copy.onMissed = onMissed;
        copy.maxAttempts = maxAttempts;
        copy.retry = retry;
        change.accept(copy);
        return copy;
    }

    /** {@return the channel's poll interval and prefetch, leases not renewed} */
    public static SubscribeOptions defaults() {
        return DEFAULTS;
    }

    /**
     * How long to wait before looking for events although nothing told of any.
     *
     * @param pollInterval at least one millisecond
     * @return the changed copy
     */
    public SubscribeOptions withPollInterval(Duration pollInterval) {
        requireAtLeastOneMillisecond("poll interval", pollInterval);
        return changed(copy -> copy.pollInterval = pollInterval);
    }

    /**
     * How many events may at most be taken whose outcome has not been sent; of a broadcast, how many may wait to be asked for.
     * Outcomes that are on their way to the store, and events whose lease has lapsed, take no room: until the store has
     * answered, a batch for each of the lanes that settle can be unsettled besides.
     *
     * @param prefetch at least 1
     * @return the changed copy
     */
    public SubscribeOptions withPrefetch(int prefetch) {
        if (prefetch < 1) {
            throw new EventException.Invalid("The prefetch of a subscription was " + prefetch + "; give at least 1.");
        }
        return changed(copy -> copy.prefetch = prefetch);
    }

    /**
     * Whether messages in hand keep their lease until they are settled, for {@link #maxProcessingTime()} at most.
     *
     * @param renewLeases true to renew
     * @return the changed copy
     */
    public SubscribeOptions withRenewLeases(boolean renewLeases) {
        return changed(copy -> copy.renewLeases = renewLeases);
    }

    /**
     * For how long after its hand-over a message's lease is renewed.
     *
     * @param maxProcessingTime at least one millisecond
     * @return the changed copy
     */
    public SubscribeOptions withMaxProcessingTime(Duration maxProcessingTime) {
        requireAtLeastOneMillisecond("maximum processing time", maxProcessingTime);
        return changed(copy -> copy.maxProcessingTime = maxProcessingTime);
    }

    /**
     * Told once when the subscription stands: events published after it are received.
     *
     * @param onReady called on a thread of the database driver or of a timer; must not block
     * @return the changed copy
     */
    public SubscribeOptions withOnReady(Runnable onReady) {
        if (onReady == null) {
            throw new EventException.Invalid(
                    "The onReady of a subscription was null; give an action, or leave it out.");
        }
        return changed(copy -> copy.onReady = onReady);
    }

    /**
     * What becomes of events of a broadcast that this subscriber does not ask for in time, when more wait than its
     * {@link #prefetch()} allows. Durable backends keep such events and take them later.
     *
     * @param overflow what becomes of them; {@link Overflow#ERROR} by default
     * @return the changed copy
     */
    public SubscribeOptions withOverflow(Overflow overflow) {
        if (overflow == null) {
            throw new EventException.Invalid("The overflow of a subscription was null; give one, or leave it out.");
        }
        return changed(copy -> copy.overflow = overflow);
    }

    /**
     * Told when events of a broadcast did not reach this subscriber, or may not have: the number that its overflow has just
     * dropped, or zero once it hears again after it was cut off, which nobody can count. Durable backends miss nothing and
     * never call it.
     *
     * @param onMissed called on a thread of the database driver or of a timer; must not block
     * @return the changed copy
     */
    public SubscribeOptions withOnMissed(LongConsumer onMissed) {
        if (onMissed == null) {
            throw new EventException.Invalid(
                    "The onMissed of a subscription was null; give an action, or leave it out.");
        }
        return changed(copy -> copy.onMissed = onMissed);
    }

    /**
     * After how many failed deliveries an event becomes a dead letter, instead of the channel's number. Whoever gives an
     * event back decides by its own number. For an event whose lease lapsed it is the greatest number among the
     * subscriptions to its channel in the process that finds it, so that none loses what another would still try.
     *
     * @param maxAttempts at least 1
     * @return the changed copy
     */
    public SubscribeOptions withMaxAttempts(int maxAttempts) {
        if (maxAttempts < 1) {
            throw new EventException.Invalid(
                    "The maximum of attempts of a subscription was " + maxAttempts + "; give at least 1.");
        }
        return changed(copy -> copy.maxAttempts = maxAttempts);
    }

    /**
     * When an event comes again that {@link EventMessage#nack()} gave back, instead of as the channel's policy says.
     *
     * @param retry the policy
     * @return the changed copy
     */
    public SubscribeOptions withRetry(RetryPolicy retry) {
        if (retry == null) {
            throw new EventException.Invalid("The retry policy of a subscription was null; give one, or leave it out.");
        }
        return changed(copy -> copy.retry = retry);
    }

    private static void requireAtLeastOneMillisecond(String what, @Nullable Duration value) {
        if (value == null || value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(Duration.ofDays(365)) > 0) {
            throw new EventException.Invalid("The " + what + " of a subscription was " + value
                    + "; give a duration from one millisecond to 365 days.");
        }
    }

    /** {@return the poll interval, or {@code null} for the channel's} */
    public @Nullable Duration pollInterval() {
        return pollInterval;
    }

    /** {@return the most events taken and not yet settled, or {@code null} for the channel's} */
    public @Nullable Integer prefetch() {
        return prefetch;
    }

    /** {@return whether leases of messages in hand are renewed} */
    public boolean renewLeases() {
        return renewLeases;
    }

    /** {@return for how long leases are renewed} */
    public Duration maxProcessingTime() {
        return maxProcessingTime;
    }

    /** {@return what is called when the subscription stands} */
    public Runnable onReady() {
        return onReady;
    }

    /** {@return what becomes of events that wait too long} */
    public Overflow overflow() {
        return overflow;
    }

    /** {@return what is called when events did not arrive, or may not have} */
    public LongConsumer onMissed() {
        return onMissed;
    }

    /** {@return after how many failed deliveries an event becomes a dead letter, or {@code null} for the channel's number} */
    public @Nullable Integer maxAttempts() {
        return maxAttempts;
    }

    /** {@return when an event that was given back comes again, or {@code null} for the channel's policy} */
    public @Nullable RetryPolicy retry() {
        return retry;
    }
}
