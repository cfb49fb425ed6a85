package dev.reactiveevents.engine;

import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.ClaimedEvent;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.util.context.Context;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** The half of a message that is read. What becomes of it is said by the kind of its channel. */
abstract class ReceivedEvent implements EventMessage {

    private final ClaimedEvent event;

    ReceivedEvent(ClaimedEvent event) {
        this.event = event;
    }

    /** What reads payload and metadata when they are asked for. */
    abstract PayloadCodec codec();

    UUID id() {
        return event.eventId();
    }

    @Override
    public String eventId() {
        return event.eventId().toString();
    }

    @Override
    public String channel() {
        return event.channel();
    }

    @Override
    public @Nullable String type() {
        return event.type();
    }

    @Override
    public @Nullable String key() {
        return event.key();
    }

    @Override
    public JsonNode payload() {
        return codec().readTree(event);
    }

    @Override
    public <T> T payloadAs(Class<T> type) {
        return codec().read(event, type);
    }

    @Override
    public <T> T payloadAs(TypeReference<T> type) {
        return codec().read(event, type.getType());
    }

    @Override
    public String payloadText() {
        return event.payload();
    }

    @Override
    public Map<String, Object> metadata() {
        return codec().readMetadata(event);
    }

    /** What travelled with it for its handler. Most events have nothing of the kind, and are not looked into for it. */
    Context carried() {
        String metadata = event.metadata();
        if (metadata == null || EventContext.NAMES.stream().noneMatch(metadata::contains)) {
            return Context.empty();
        }
        try {
            return EventContext.of(this);
        } catch (EventException.Undecodable foreign) {
            return Context.empty();
        }
    }

    @Override
    public int attempts() {
        return event.attempts();
    }

    @Override
    public Instant publishedAt() {
        return event.publishedAt();
    }

    @Override
    public Instant availableAt() {
        return event.availableAt();
    }

    @Override
    public Instant leaseExpiresAt() {
        return event.leaseExpiresAt();
    }

    /** {@return channel, id and attempts; never the payload} */
    @Override
    public String toString() {
        return "EventMessage[channel=" + channel() + ", eventId=" + eventId() + ", attempts=" + attempts() + "]";
    }
}
