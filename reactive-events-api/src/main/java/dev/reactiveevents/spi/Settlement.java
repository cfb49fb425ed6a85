package dev.reactiveevents.spi;

import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What shall become of a delivery, under the lease token that proves whose it is.
 *
 * @param outcome what
 * @param channel the event's channel
 * @param eventId the event
 * @param key the event's key, if any: the next event of the key can be taken once this is settled
 * @param leaseToken the delivery's token
 * @param after for {@code RETRY} how long until it is due again, for {@code EXTEND} how long the lease is to last from now;
 *     otherwise zero
 * @param reason for {@code DEAD} and {@code RETRY}, what went wrong, if known
 */
public record Settlement(
        Outcome outcome,
        String channel,
        UUID eventId,
        @Nullable String key,
        UUID leaseToken,
        Duration after,
        @Nullable String reason) {

    /**
     * A settlement of an event without a key.
     *
     * @param outcome what
     * @param channel the event's channel
     * @param eventId the event
     * @param leaseToken the delivery's token
     * @param after as above
     * @param reason as above
     */
    public Settlement(
            Outcome outcome, String channel, UUID eventId, UUID leaseToken, Duration after, @Nullable String reason) {
        this(outcome, channel, eventId, null, leaseToken, after, reason);
    }

    /** {@return whether, once it is applied, somebody can take an event that could not be taken before} */
    public boolean frees() {
        return outcome.givesBack() || key != null && outcome != Outcome.EXTEND;
    }

    /**
     * Whether, once it is applied, the next event of its key is free and nothing else: it is an acknowledgement.
     *
     * @param channel the channel of which that is asked
     * @return false also for one of another channel
     */
    public boolean freesNextOf(String channel) {
        return outcome == Outcome.ACK && key != null && this.channel.equals(channel);
    }

    /** What can become of a delivery. */
    public enum Outcome {
        /** Done: the event is kept for its retention, or deleted. */
        ACK,
        /** It becomes due again after a while. The attempt counts. */
        RETRY,
        /** It becomes a dead letter. */
        DEAD,
        /**
         * It was never handed over, or its consumer had to end at the last attempt: it is due again at its old place, and the
         * attempt does not count.
         */
        RELEASE,
        /** It stays leased, until the given time from now if that is later than its lease. */
        EXTEND;

        /** {@return whether the event is delivered again} */
        public boolean givesBack() {
            return this == RETRY || this == RELEASE;
        }
    }
}
