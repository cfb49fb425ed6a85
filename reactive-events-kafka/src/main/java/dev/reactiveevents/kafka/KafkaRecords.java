package dev.reactiveevents.kafka;

import dev.reactiveevents.EventMessage;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/** How events look as records. */
public final class KafkaRecords {

    /** The header with the event's id, by which a consumer recognises what comes twice. */
    public static final String EVENT_ID = "event-id";

    /** The header with the event's type; absent if it has none. */
    public static final String EVENT_TYPE = "event-type";

    /** The header with the name of the channel that the event was published to. */
    public static final String EVENT_CHANNEL = "event-channel";

    /** Made once: a mapper makes its writers under a lock, for which it would park the threads of a driver. */
    private static final ObjectWriter JSON = JsonMapper.builder().build().writer();

    private KafkaRecords() {}

    /**
     * The record of an event: its key, its payload as JSON, and when it was published as the record's timestamp. Headers are
     * its metadata, strings as they are and other values as JSON, then {@link #EVENT_ID}, {@link #EVENT_CHANNEL} and
     * {@link #EVENT_TYPE}, so that these are the last of their names.
     *
     * @param topic the topic
     * @param message the event
     * @return its record, without a partition
     */
    public static ProducerRecord<String, String> of(String topic, EventMessage message) {
        return new ProducerRecord<>(
                topic,
                null,
                message.publishedAt().toEpochMilli(),
                message.key(),
                message.payloadText(),
                headers(message));
    }

    private static Headers headers(EventMessage message) {
        Headers headers = new RecordHeaders();
        for (Map.Entry<String, Object> entry : message.metadata().entrySet()) {
            headers.add(entry.getKey(), bytes(entry.getValue()));
        }
        headers.add(EVENT_ID, bytes(message.eventId()));
        headers.add(EVENT_CHANNEL, bytes(message.channel()));
        String type = message.type();
        if (type != null) {
            headers.add(EVENT_TYPE, bytes(type));
        }
        return headers;
    }

    private static byte @Nullable [] bytes(@Nullable Object value) {
        if (value == null) {
            return null;
        }
        return value instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : JSON.writeValueAsBytes(value);
    }
}
