package dev.reactiveevents.spi;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A dead letter.
 *
 * @param event the event as it was last delivered; its lease ended when it died
 * @param reason why, if known
 */
public record DeadEvent(ClaimedEvent event, @Nullable String reason) {

    /**
     * A place in the order of dying.
     *
     * @param diedAt when an event died, in whole microseconds
     * @param seq its place in publish order; of no event, but before or behind all of this time, if it is less or greater than
     *     any
     */
    public record Place(Instant diedAt, long seq) implements Comparable<Place> {

        /** Before all. */
        public static final Place FIRST = before(Instant.EPOCH);

        /** Behind all. */
        public static final Place LAST = before(Instant.parse("9999-01-01T00:00:00Z"));

        /**
         * The place before all that died at a time or later.
         *
         * @param time the time
         * @return the place
         */
        public static Place before(Instant time) {
            return new Place(time, -1);
        }

        @Override
        public int compareTo(Place other) {
            int byTime = diedAt.compareTo(other.diedAt);
            return byTime != 0 ? byTime : Long.compare(seq, other.seq);
        }
    }

    /**
     * Where to look.
     *
     * @param channel the channel's name
     * @param from the place behind which it begins
     * @param to the place before which it ends
     * @param latestFirst whether to go backwards
     */
    public record Range(String channel, Place from, Place to, boolean latestFirst) {

        /**
         * What of this range lies behind a place, in its own direction.
         *
         * @param place the place
         * @return the rest
         */
        public Range after(Place place) {
            return latestFirst
                    ? new Range(channel, from, place.compareTo(to) < 0 ? place : to, true)
                    : new Range(channel, place.compareTo(from) > 0 ? place : from, to, false);
        }

        /** {@return the same range in the other direction} */
        public Range turned() {
            return new Range(channel, from, to, !latestFirst);
        }

        /**
         * What of this range lies before or at a place, in the order of dying.
         *
         * @param place the place of a dead letter in this range
         * @return that part
         */
        public Range upTo(Place place) {
            return new Range(channel, from, new Place(place.diedAt(), place.seq() + 1), latestFirst);
        }
    }

    /**
     * What is found where dead letters lie.
     *
     * @param eventId the event
     * @param type its type, if any
     * @param place its place
     */
    public record Found(UUID eventId, @Nullable String type, Place place) {}
}
