package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.r2dbc.dialect.Watermarks.Place;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Cuts what waits in a long channel into stretches of the claim index, each as long as a claim, so that claims run beside each
 * other without meeting, and bring what they take in order. A claim from the bottom measures out some, which follow what it took
 * itself. When these are used up, one more claim begins behind them, because the last of them may be on its way still; then it
 * is the turn of the next from the bottom, which finds what has come in below. Where stretches do not help, because other
 * processes take from them or claims change their size, more and more claims go by before the next are measured.
 */
final class Stretches {

    /** How many are measured out at once. */
    static final int AHEAD = 16;

    /** For fewer events it is not worth while. */
    private static final int SHORTEST = 50;

    /** What comes in below waits for no longer. */
    private static final long VALID = Duration.ofSeconds(1).toNanos();

    private static final int MOST_PATIENT = 256;

    /**
     * Where a claim looks, and what it measures.
     *
     * @param from where it begins; null for the bottom
     * @param until where it ends, itself excluded; null if it has no end
     * @param ahead how many events are to be measured out behind what it takes
     */
    record Stretch(@Nullable Place from, @Nullable Place until, int ahead) {

        static final Stretch ALL = new Stretch(null, null, 0);

        /** Nobody else in this process claims there. */
        boolean isOwn() {
            return until != null;
        }
    }

    private final LongSupplier nanos;
    private final Map<String, Measured> channels = new ConcurrentHashMap<>();

    Stretches(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** For a claim of this channel alone. */
    Stretch next(String channel, int limit) {
        return of(channel)
                .map(measured -> measured.next(limit, nanos.getAsLong()))
                .orElse(Stretch.ALL);
    }

    /** For a claim that looks for other events too. */
    Stretch others(String channel) {
        return of(channel).map(Measured::others).orElse(Stretch.ALL);
    }

    /** What a claim measured. The next claim begins only when this is known. */
    void measured(String channel, int limit, List<Place> places) {
        of(channel).ifPresent(measured -> measured.measured(limit, places, nanos.getAsLong()));
    }

    /**
     * Learns from a claim.
     *
     * @param full whether it took as many as it was asked for
     */
    void claimed(String channel, int limit, Stretch stretch, boolean full) {
        if (full && limit >= SHORTEST) {
            channels.computeIfAbsent(channel, name -> new Measured()).full(stretch, limit);
        } else if (!stretch.isOwn()) {
            channels.computeIfPresent(channel, (name, measured) -> measured.isOver() ? null : measured);
        } else {
            of(channel).ifPresent(Measured::giveUp);
        }
    }

    /** Events are where no stretch will be: the next claim begins at the bottom. */
    void lower(String channel) {
        of(channel).ifPresent(Measured::clear);
    }

    private Optional<Measured> of(String channel) {
        return Optional.ofNullable(channels.get(channel));
    }

    /** Of one channel. */
    private static final class Measured {

        /** Where stretches begin; the last one is only where the one before ends. */
        private final Deque<Place> places = new ArrayDeque<>();

        /** How many events each of them has. */
        private int width;

        private long measuredAt;
        /** What the last full claim from the bottom was asked for. */
        private int limit;
        /** How many claims from the bottom go by before the next measure, and have gone by. */
        private int patience = 1;

        private int waited;

        /** Where the last stretch ends, until a claim begins there. */
        private @Nullable Place end;

        synchronized Stretch next(int wanted, long now) {
            if (places.size() > 1 && (wanted != width || now - measuredAt > VALID)) {
                giveUp();
            }
            if (places.size() > 1) {
                Place from = places.poll();
                end = places.peek();
                return new Stretch(from, end, 0);
            }
            boolean measures = end == null && wanted == limit && waited >= patience;
            return measures ? new Stretch(null, null, AHEAD * limit + 1) : others();
        }

        synchronized Stretch others() {
            Place from = end;
            end = null;
            clear();
            return new Stretch(from, null, 0);
        }

        synchronized void measured(int asked, List<Place> found, long now) {
            places.clear();
            places.addAll(found);
            width = asked;
            measuredAt = now;
        }

        synchronized void full(Stretch stretch, int asked) {
            if (stretch.isOwn()) {
                patience = places.size() > 1 ? patience : 1;
            } else {
                waited = asked == limit ? waited + 1 : 1;
                limit = asked;
            }
        }

        synchronized void giveUp() {
            clear();
            patience = Math.min(2 * patience, MOST_PATIENT);
            waited = 0;
        }

        synchronized void clear() {
            places.clear();
        }

        synchronized boolean isOver() {
            clear();
            waited = 0;
            return end == null;
        }
    }
}
