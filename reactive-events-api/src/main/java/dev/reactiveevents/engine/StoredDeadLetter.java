package dev.reactiveevents.engine;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** A dead letter as it was read. */
final class StoredDeadLetter implements DeadLetter {

    private final ClaimedEvent event;
    private final @Nullable String reason;
    private final String cursor;
    private final DeadLetters all;
    private final PayloadCodec codec;

    StoredDeadLetter(DeadEvent dead, String cursor, DeadLetters all, PayloadCodec codec) {
        this.event = dead.event();
        this.reason = dead.reason();
        this.cursor = cursor;
        this.all = all;
        this.codec = codec;
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
        return codec.readTree(event);
    }

    @Override
    public <T> T payloadAs(Class<T> type) {
        return codec.read(event, type);
    }

    @Override
    public <T> T payloadAs(TypeReference<T> type) {
        return codec.read(event, type.getType());
    }

    @Override
    public String payloadText() {
        return event.payload();
    }

    @Override
    public Map<String, Object> metadata() {
        return codec.readMetadata(event);
    }

    @Override
    public int attempts() {
        return event.attempts();
    }

    @Override
    public @Nullable String reason() {
        return reason;
    }

    @Override
    public Instant publishedAt() {
        return event.publishedAt();
    }

    @Override
    public Instant diedAt() {
        return event.leaseExpiresAt();
    }

    @Override
    public String cursor() {
        return cursor;
    }

    @Override
    public Mono<Boolean> requeue() {
        return all.requeue(eventId());
    }

    @Override
    public Mono<Boolean> purge() {
        return all.purge(eventId());
    }

    /** {@return channel, id, attempts and reason; never the payload} */
    @Override
    public String toString() {
        return "DeadLetter[channel=" + channel() + ", eventId=" + eventId() + ", attempts=" + attempts() + ", reason="
                + reason + "]";
    }
}
