package dev.reactiveevents;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How many events a channel has, by what becomes of them next.
 *
 * <p>{@code ready} and {@code oldestReady} go by time alone. To tell whether an event can be taken at once would need a look
 * at its key for each: an earlier event of its key that is leased, delayed or, where dead letters park keys, dead still holds
 * it back. One key that is held for long makes {@code oldestReady} grow, though all others are served at once. Where keys are
 * used, look at {@code leased} and {@link Inspection#leases} for what is held, and at {@code dead} for what parks.
 *
 * @param channel the channel's name
 * @param ready due, those whose lease has lapsed included, whether or not an earlier event of their key holds them back
 * @param delayed waiting for their time: delayed by the publisher or by a retry
 * @param leased in somebody's hands, with a lease that has not lapsed
 * @param acked done and kept for their retention
 * @param dead dead letters
 * @param oldestReady for how long the event that has been ready longest has been, held back by its key or not, or {@code null}
 *     if none is
 */
public record ChannelCounts(
        String channel,
        Count ready,
        Count delayed,
        Count leased,
        Count acked,
        Count dead,
        @Nullable Duration oldestReady) {

    /**
     * A number that was counted up to a bound.
     *
     * @param atLeast how many were counted
     * @param exact whether these are all; otherwise there may be more
     */
    public record Count(long atLeast, boolean exact) {

        /** {@return the number, with a plus if there may be more} */
        @Override
        public String toString() {
            return exact ? Long.toString(atLeast) : atLeast + "+";
        }
    }
}
