package dev.reactiveevents;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How to subscribe. Immutable; what is not set here is as the channel was built. Bad values are refused by
 * {@link EventException.Invalid}.
 */
public final class SubscribeOptions {

    private static final SubscribeOptions DEFAULTS =
            new SubscribeOptions(null, null, false, Duration.ofMinutes(10), () -> {});

    private final @Nullable Duration pollInterval;
    private final @Nullable Integer prefetch;
    private final boolean renewLeases;
    private final Duration maxProcessingTime;
    private final Runnable onReady;

    private SubscribeOptions(
            @Nullable Duration pollInterval,
            @Nullable Integer prefetch,
            boolean renewLeases,
            Duration maxProcessingTime,
            Runnable onReady) {
        this.pollInterval = pollInterval;
        this.prefetch = prefetch;
        this.renewLeases = renewLeases;
        this.maxProcessingTime = maxProcessingTime;
        this.onReady = onReady;
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
        return new SubscribeOptions(pollInterval, prefetch, renewLeases, maxProcessingTime, onReady);
    }

    /**
     * How many events may at most be taken and not yet settled.
     *
     * @param prefetch at least 1
     * @return the changed copy
     */
    public SubscribeOptions withPrefetch(int prefetch) {
        if (prefetch < 1) {
            throw new EventException.Invalid("The prefetch of a subscription was " + prefetch + "; give at least 1.");
        }
        return new SubscribeOptions(pollInterval, prefetch, renewLeases, maxProcessingTime, onReady);
    }

    /**
     * Whether messages in hand keep their lease until they are settled, for {@link #maxProcessingTime()} at most.
     *
     * @param renewLeases true to renew
     * @return the changed copy
     */
    public SubscribeOptions withRenewLeases(boolean renewLeases) {
        return new SubscribeOptions(pollInterval, prefetch, renewLeases, maxProcessingTime, onReady);
    }

    /**
     * For how long after its hand-over a message's lease is renewed.
     *
     * @param maxProcessingTime at least one millisecond
     * @return the changed copy
     */
    public SubscribeOptions withMaxProcessingTime(Duration maxProcessingTime) {
        requireAtLeastOneMillisecond("maximum processing time", maxProcessingTime);
        return new SubscribeOptions(pollInterval, prefetch, renewLeases, maxProcessingTime, onReady);
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
        return new SubscribeOptions(pollInterval, prefetch, renewLeases, maxProcessingTime, onReady);
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
}
