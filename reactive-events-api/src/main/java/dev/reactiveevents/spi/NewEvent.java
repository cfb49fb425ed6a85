package dev.reactiveevents.spi;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An event to be stored, validated.
 *
 * @param eventId its id
 * @param idGiven whether the publisher chose the id, so that a conflict is likely
 * @param channel its channel
 * @param type its type, if any
 * @param key its key, if any
 * @param payload its payload as JSON text without U+0000
 * @param metadata its metadata as the text of a JSON object, if any
 * @param delay how long after its storing it is due, not negative
 * @param deliverAt when it is due instead, if set; one in the past means now
 */
public record NewEvent(
        UUID eventId,
        boolean idGiven,
        String channel,
        @Nullable String type,
        @Nullable String key,
        String payload,
        @Nullable String metadata,
        Duration delay,
        @Nullable Instant deliverAt) {

    /** {@return whether the event is to wait} */
    public boolean isDelayed() {
        return deliverAt != null || !delay.isZero();
    }

    /**
     * The event with other metadata.
     *
     * @param metadata the text of a JSON object
     * @return the changed copy
     */
    public NewEvent withMetadata(String metadata) {
        return new NewEvent(eventId, idGiven, channel, type, key, payload, metadata, delay, deliverAt);
    }

    /** {@return channel and id; never the payload} */
    @Override
    public String toString() {
        return "NewEvent[channel=" + channel + ", eventId=" + eventId + "]";
    }
}
