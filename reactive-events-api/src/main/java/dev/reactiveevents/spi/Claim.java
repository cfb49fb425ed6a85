package dev.reactiveevents.spi;

import dev.reactiveevents.DeadLetterKeys;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * One claim, for one or several channels.
 *
 * @param leaseToken written to every event it takes; never used before
 * @param lease for how long they are leased
 * @param suspects false to pass over suspects, true to take nothing but them
 * @param deadLetterKeys whether a dead letter holds back the later events of its key
 * @param requests what to take; no channel occurs twice
 */
public record Claim(
        UUID leaseToken, Duration lease, boolean suspects, DeadLetterKeys deadLetterKeys, List<Request> requests) {

    /** Copies the list. */
    public Claim {
        requests = List.copyOf(requests);
    }

    /**
     * A claim for which dead letters hold nothing back.
     *
     * @param leaseToken written to every event it takes; never used before
     * @param lease for how long they are leased
     * @param suspects false to pass over suspects, true to take nothing but them
     * @param requests what to take; no channel occurs twice
     */
    public Claim(UUID leaseToken, Duration lease, boolean suspects, List<Request> requests) {
        this(leaseToken, lease, suspects, DeadLetterKeys.FREE, requests);
    }

    /**
     * What to take from one channel.
     *
     * @param channel the channel's name
     * @param limit how many events at most; zero takes nothing and only shows that the store can be asked
     * @param maxAttempts the number of deliveries after which an event whose lease lapsed becomes a dead letter
     */
    public record Request(String channel, int limit, int maxAttempts) {

        /**
         * An event that lapsed this often is a suspect: it may be what ends its consumers, and is delivered alone.
         *
         * @return the number of lapses
         */
        public int suspectAfter() {
            return maxAttempts <= 2 ? 1 : 2;
        }
    }
}
