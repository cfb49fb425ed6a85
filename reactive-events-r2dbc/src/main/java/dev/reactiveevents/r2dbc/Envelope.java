package dev.reactiveevents.r2dbc;

import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.json.JsonMapper;

/** An event as the payload of a notification, and back. What others notify is an event too: its payload is all of it. */
final class Envelope {

    /** PostgreSQL takes less than 8,000 bytes. */
    static final int LARGEST = 7_999;

    /** Of one length, so that what is measured is what is sent. */
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSX").withZone(ZoneOffset.UTC);

    /** Numbers stay as they are written. */
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    /** Made at once: the mapper would make them under a lock of its own, for which it would park the threads of a driver. */
    private static final ObjectReader TREES = JSON.readerFor(JsonNode.class);

    private static final ObjectWriter STRINGS = JSON.writerFor(String.class);

    private Envelope() {}

    /** How many bytes an event takes. */
    static int measure(NewEvent event) {
        return write(event, Instant.EPOCH).getBytes(StandardCharsets.UTF_8).length;
    }

    static String write(NewEvent event, Instant publishedAt) {
        return "{\"event_id\":\"" + event.eventId() + "\",\"type\":" + STRINGS.writeValueAsString(event.type())
                + ",\"payload\":" + event.payload() + ",\"metadata\":" + event.metadata() + ",\"published_at\":\""
                + TIME.format(publishedAt) + "\"}";
    }

    /** Reads what a channel was notified of; if it is not one of ours, it gets an id and this moment. */
    static ClaimedEvent read(String channel, String text, Supplier<UUID> newId) {
        ClaimedEvent ours = readOurs(channel, text);
        return ours != null ? ours : event(newId.get(), channel, null, text, null, Instant.now());
    }

    private static @Nullable ClaimedEvent readOurs(String channel, String text) {
        try {
            JsonNode envelope = TREES.readValue(text);
            JsonNode payload = envelope.get("payload");
            JsonNode id = envelope.get("event_id");
            JsonNode publishedAt = envelope.get("published_at");
            return payload == null || id == null || publishedAt == null
                    ? null
                    : event(
                            UUID.fromString(id.stringValue()),
                            channel,
                            orNull(envelope.get("type"), JsonNode::stringValue),
                            payload.toString(),
                            orNull(envelope.get("metadata"), JsonNode::toString),
                            Instant.parse(publishedAt.stringValue()));
        } catch (JacksonException | IllegalArgumentException | DateTimeException foreign) {
            return null;
        }
    }

    private static @Nullable String orNull(@Nullable JsonNode node, Function<JsonNode, String> read) {
        return node == null || node.isNull() ? null : read.apply(node);
    }

    private static ClaimedEvent event(
            UUID id, String channel, @Nullable String type, String payload, @Nullable String metadata, Instant at) {
        return new ClaimedEvent(id, channel, type, null, payload, metadata, 1, at, at, Instant.MAX);
    }
}
