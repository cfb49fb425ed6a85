package dev.reactiveevents.r2dbc.dialect;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a stored event.
 *
 * @param eventId its id
 * @param channel its channel
 * @param status {@code ready}, {@code leased}, {@code acked} or {@code dead}
 * @param leaseToken the token of its last delivery, if any
 */
public record StoredEvent(
        UUID eventId,
        String channel,
        String status,
        @Nullable UUID leaseToken) {}
