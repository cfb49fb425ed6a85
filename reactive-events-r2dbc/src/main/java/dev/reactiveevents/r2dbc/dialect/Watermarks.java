package dev.reactiveevents.r2dbc.dialect;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the claims of a channel begin. Usually at the bottom. But while an old transaction, anybody's, keeps dead entries from
 * being cleaned out of the index, each claim would walk over all that were ever taken; so once claims from the bottom are
 * slow, claims begin where the last one began. What becomes due below that (an event that another process released, or whose
 * publisher committed late) is found by sweeps: claims from the bottom that take a tenth of the time.
 */
final class Watermarks {

    /** A place in the claim index; of no event the bottom. */
    record Place(@Nullable Long availableAt, long seq) {
        static final Place BOTTOM = new Place(null, 0);
    }

    private static final long SLOW = Duration.ofMillis(10).toNanos();
    private static final int SHARE_OF_SWEEPS = 10;

    private final LongSupplier nanos;
    private final Map<String, Mark> marks = new ConcurrentHashMap<>();

    Watermarks(LongSupplier nanos) {
        this.nanos = nanos;
    }

    Place start(String channel) {
        Mark mark = marks.get(channel);
        return mark == null || nanos.getAsLong() - mark.sweepAt >= 0 ? Place.BOTTOM : mark.place;
    }

    /**
     * Learns from a claim.
     *
     * @param from where it began
     * @param first the first that it took, if it took all that it was asked for; otherwise the bottom is near
     * @param took how long it needed
     */
    void claimed(String channel, Place from, @Nullable Place first, Duration took) {
        Mark before = marks.get(channel);
        if (first == null) {
            marks.remove(channel);
        } else if (from.equals(Place.BOTTOM)) {
            swept(channel, first, took.toNanos());
        } else if (before != null && took.toNanos() * 2 < before.sweepTook) {
            marks.put(channel, new Mark(first, before.sweepTook, before.sweepAt));
        } else {
            marks.remove(channel);
        }
    }

    private void swept(String channel, Place first, long took) {
        if (took > SLOW) {
            marks.put(channel, new Mark(first, took, nanos.getAsLong() + (SHARE_OF_SWEEPS - 1) * took));
        } else {
            marks.remove(channel);
        }
    }

    /** An event goes back to its old place: the next claim begins at the bottom. */
    void lower(String channel) {
        marks.remove(channel);
    }

    private record Mark(Place place, long sweepTook, long sweepAt) {}
}
