package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.ClaimedEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** An event of which nobody keeps anything: there is nothing to settle, and nothing that could bring it again. */
final class BroadcastMessage implements EventMessage {

    private final ClaimedEvent event;
    private final PayloadCodec codec;
    private final String backend;

    BroadcastMessage(ClaimedEvent event, PayloadCodec codec, String backend) {
        this.event = event;
        this.codec = codec;
        this.backend = backend;
    }

    // == Data ==

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
        return codec.read(event, codec.typeOf(type));
    }

    @Override
    public <T> T payloadAs(TypeReference<T> type) {
        return codec.read(event, codec.typeOf(type));
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

    @Override
    public boolean isLeaseLost() {
        return false;
    }

    // == Actions ==

    @Override
    public Mono<Boolean> ack() {
        return Mono.just(true);
    }

    @Override
    public Mono<Boolean> nack() {
        return Mono.just(true);
    }

    @Override
    public Mono<Boolean> nack(Duration delay) {
        return unsupported("given back with a delay of " + delay);
    }

    @Override
    public Mono<Boolean> reject(String reason) {
        return unsupported("made a dead letter");
    }

    @Override
    public Mono<Boolean> extend(Duration duration) {
        return unsupported("leased for " + duration + " more");
    }

    @Override
    public Mono<Boolean> release() {
        return Mono.just(true);
    }

    private Mono<Boolean> unsupported(String what) {
        return Mono.error(new EventException.Unsupported("Event " + eventId() + " was to be " + what + ", but "
                + backend + " keeps no events; choose a durable backend for that, or leave it out."));
    }

    /** {@return channel and id; never the payload} */
    @Override
    public String toString() {
        return "EventMessage[channel=" + channel() + ", eventId=" + eventId() + "]";
    }
}
