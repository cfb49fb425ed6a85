package dev.reactiveevents.spi;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A leased event.
 *
 * @param eventId its id
 * @param channel its channel
 * @param type its type, if any
 * @param key its key, if any
 * @param payload its payload as JSON text
 * @param metadata its metadata as the text of a JSON object, if any
 * @param attempts how often it has been delivered, this delivery included
 * @param publishedAt when it was stored
 * @param availableAt when it last became due
 * @param leaseExpiresAt when its lease ends
 */
public record ClaimedEvent(
        UUID eventId,
        String channel,
        @Nullable String type,
        @Nullable String key,
        String payload,
        @Nullable String metadata,
        int attempts,
        Instant publishedAt,
        Instant availableAt,
        Instant leaseExpiresAt) {

    /** {@return channel, id and attempts; never the payload} */
    @Override
    public String toString() {
        return "ClaimedEvent[channel=" + channel + ", eventId=" + eventId + ", attempts=" + attempts + "]";
    }
}
