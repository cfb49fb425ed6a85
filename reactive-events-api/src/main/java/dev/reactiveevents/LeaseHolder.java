package dev.reactiveevents;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Who holds an event.
 *
 * @param eventId the event's id
 * @param channel its channel
 * @param holder what the consumer's channel calls itself: on a database its consumer name; {@code null} where the backend
 *     knows none, as the one in memory
 * @param attempts how often the event has been delivered, this time included
 * @param until when the lease ends, unless it is renewed; by the database's clock
 */
public record LeaseHolder(
        String eventId, String channel, @Nullable String holder, int attempts, Instant until) {}
