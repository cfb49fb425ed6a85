package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Incoming;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Outgoing;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/**
 * Events as messages of a queue, and back: the text is the {@link Envelope}. What others put into a queue is an event too, whose
 * payload is all of it and whose id is that of the message.
 */
final class QueueMessages {

    /** The metadata by which an event is given a priority. */
    static final String PRIORITY = "aq_priority";

    private static final int USUAL_PRIORITY = 1;
    private static final ObjectReader TREES = JsonMapper.builder().build().reader();

    private QueueMessages() {}

    static List<Outgoing> of(List<NewEvent> events, QueueNames names) {
        String now = Envelope.time(Instant.now());
        return events.stream().map(event -> of(event, names, now)).toList();
    }

    /** An event that was a dead letter, as it was published. */
    static Outgoing again(ClaimedEvent event, QueueNames names) {
        NewEvent same = new NewEvent(
                event.eventId(),
                false,
                event.channel(),
                event.type(),
                null,
                event.payload(),
                event.metadata(),
                Duration.ZERO,
                null);
        return of(same, names, Envelope.time(event.publishedAt()));
    }

    private static Outgoing of(NewEvent event, QueueNames names, String now) {
        return new Outgoing(
                names.of(event.channel()),
                names.correlation(event.channel()),
                Envelope.write(event, now),
                priority(event),
                event.delay(),
                event.deliverAt());
    }

    private static int priority(NewEvent event) {
        String metadata = event.metadata();
        if (metadata == null || !metadata.contains('"' + PRIORITY + '"')) {
            return USUAL_PRIORITY;
        }
        JsonNode priority = TREES.readTree(metadata).path(PRIORITY);
        try {
            return priority.isMissingNode() ? USUAL_PRIORITY : Integer.parseInt(priority.asString());
        } catch (NumberFormatException wrong) {
            throw new EventException.Invalid("Event " + event.eventId() + " for channel \"" + event.channel()
                    + "\" has the metadata " + PRIORITY + " " + priority
                    + "; give a whole number, the smaller the sooner, or"
                    + " leave it out.");
        }
    }

    static ClaimedEvent event(String channel, Incoming message, int attempts, Instant leaseExpiresAt) {
        ClaimedEvent read = Envelope.read(channel, message.text(), message::messageId);
        return new ClaimedEvent(
                read.eventId(),
                channel,
                read.type(),
                null,
                read.payload(),
                read.metadata(),
                attempts,
                read.publishedAt(),
                read.availableAt(),
                leaseExpiresAt);
    }
}
