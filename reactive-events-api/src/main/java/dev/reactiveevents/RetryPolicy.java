package dev.reactiveevents;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * When a failed event is tried again, and after which failures it is not. Immutable. How often is a matter of the channel's or
 * the listener's maximum of attempts.
 */
public final class RetryPolicy {

    private static final double JITTER = 0.2;

    private final IntFunction<@Nullable Duration> delays;
    private final Predicate<Throwable> retryable;

    private RetryPolicy(IntFunction<@Nullable Duration> delays, Predicate<Throwable> retryable) {
        this.delays = delays;
        this.retryable = retryable;
    }

    /** {@return the default: from one second, doubling up to five minutes, with jitter} */
    public static RetryPolicy defaults() {
        return exponential(Duration.ofSeconds(1), Duration.ofMinutes(5));
    }

    /**
     * Waits twice as long after each failure, up to a maximum. Each delay is varied by up to a fifth in both directions, but
     * never beyond the maximum, so that events that failed together do not come back together: before the maximum is reached
     * it is anything from 0.8 to 1.2 times the planned one, then anything from 0.8 to 1 times the maximum.
     *
     * @param first the delay planned after the first failure, longer than zero
     * @param longest what no delay exceeds, not shorter than the first
     * @return the policy
     */
    public static RetryPolicy exponential(Duration first, Duration longest) {
        if (first == null || longest == null || first.isNegative() || first.isZero() || longest.compareTo(first) < 0) {
            throw new EventException.Invalid("An exponential retry policy was asked to wait from " + first + " to "
                    + longest + "; give a first delay longer than zero and a longest not shorter than it.");
        }
        long firstNanos = TimeUnit.NANOSECONDS.convert(first); // at most 292 years, where toNanos would fail
        long longestNanos = TimeUnit.NANOSECONDS.convert(longest);
        return custom(failures -> {
            double planned = Math.min(firstNanos * Math.pow(2, Math.min(failures - 1, 62)), longestNanos);
            double least = planned * (1 - JITTER);
            double most = Math.min(planned * (1 + JITTER), longestNanos); // cut before, or many would wait exactly this
            double delay = least + (most - least) * ThreadLocalRandom.current().nextDouble();
            return Duration.ofNanos(Math.min((long) Math.ceil(delay), longestNanos));
        });
    }

    /**
     * Waits equally long after each failure.
     *
     * @param delay not negative
     * @return the policy
     */
    public static RetryPolicy fixed(Duration delay) {
        if (delay == null || delay.isNegative()) {
            throw new EventException.Invalid(
                    "A fixed retry policy was asked to wait " + delay + "; give a delay that is not negative.");
        }
        return custom(failures -> delay);
    }

    /** {@return the policy that never tries again: the first failure makes a dead letter} */
    public static RetryPolicy none() {
        return custom(failures -> null);
    }

    /**
     * Computes each delay by a function of your own. If it throws, the event of a handler that failed is left to its lease and
     * comes again when that is over, and a {@link EventMessage#nack()} fails with what was thrown.
     *
     * @param delays from the number of deliveries that failed (1 after the first) to the delay, not negative, or to
     *     {@code null} to give up; must not block
     * @return the policy
     */
    public static RetryPolicy custom(IntFunction<@Nullable Duration> delays) {
        if (delays == null) {
            throw new EventException.Invalid("The delays of a custom retry policy were null; give a function.");
        }
        return new RetryPolicy(delays, failure -> true);
    }

    /**
     * Does not try again after failures of a class: they make dead letters at once.
     *
     * @param failure the class of failures, with its subclasses
     * @return the changed copy
     */
    public RetryPolicy notOn(Class<? extends Throwable> failure) {
        return notOn(failure::isInstance);
    }

    /**
     * Does not try again after some failures: they make dead letters at once. If the function throws, the event is left to its
     * lease and comes again when that is over.
     *
     * @param failures true for a failure that is final; must not block
     * @return the changed copy
     */
    public RetryPolicy notOn(Predicate<? super Throwable> failures) {
        return new RetryPolicy(delays, retryable.and(failure -> !failures.test(failure)));
    }

    /**
     * How long to wait before the next delivery of an event that was given back without a failure.
     *
     * @param failures how many deliveries have failed: 1 after the first
     * @return the delay, not negative, or empty if the event is not tried again
     */
    public Optional<Duration> delayAfter(int failures) {
        Duration delay = delays.apply(failures);
        if (delay != null && delay.isNegative()) {
            throw new EventException.Invalid("A custom retry policy answered " + delay + " after " + failures
                    + " failures; it must answer a delay that is not negative, or null to give up.");
        }
        return Optional.ofNullable(delay);
    }

    /**
     * How long to wait before the next delivery of an event that failed.
     *
     * @param failures how many deliveries have failed: 1 after the first
     * @param failure the last failure
     * @return the delay, not negative, or empty if the event is not tried again
     */
    public Optional<Duration> delayAfter(int failures, Throwable failure) {
        return retryable.test(failure) ? delayAfter(failures) : Optional.empty();
    }
}
