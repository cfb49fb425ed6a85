package dev.reactiveevents.examples.kafka;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import reactor.util.retry.Retry;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The way back: publishes the records of a topic into a channel. The id of each event is made of topic, partition and offset, so
 * that a record which is read again, after a crash or a rebalance, is stored once. Offsets are committed once what is before
 * them is stored.
 */
final class KafkaInbox implements AutoCloseable {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final EventChannel events;
    private final String channel;
    private final KafkaConsumer<String, String> consumer;
    private final Thread thread;

    KafkaInbox(EventChannel events, String channel, String servers, String group, String topic) {
        this.events = events;
        this.channel = channel;
        this.consumer = new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers",
                        servers,
                        "group.id",
                        group,
                        "enable.auto.commit",
                        "false",
                        "auto.offset.reset",
                        "earliest"),
                new StringDeserializer(),
                new StringDeserializer());
        this.thread = new Thread(() -> run(topic), "inbox-" + topic);
        thread.start();
    }

    private void run(String topic) {
        try (consumer) {
            consumer.subscribe(List.of(topic));
            while (true) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(1));
                if (!records.isEmpty()) {
                    store(records);
                    consumer.commitSync();
                }
            }
        } catch (WakeupException closed) {
            // what was not committed is read again, and stored once
        }
    }

    private void store(ConsumerRecords<String, String> records) {
        List<Event> batch = new ArrayList<>();
        records.forEach(record -> batch.add(event(channel, record)));
        events.publishAll(batch)
                .retryWhen(Retry.backoff(Long.MAX_VALUE, Duration.ofSeconds(1))
                        .maxBackoff(Duration.ofSeconds(30))
                        .filter(error -> error instanceof EventException.Unavailable
                                || error instanceof EventException.OutcomeUnknown))
                .block();
    }

    static Event event(String channel, ConsumerRecord<String, String> record) {
        Event event = Event.of(channel, payload(record.value()))
                .withMetadata("source", "kafka:" + record.topic())
                .withDeduplicationKey(record.topic() + '-' + record.partition() + '-' + record.offset());
        return record.key() == null ? event : event.withKey(record.key());
    }

    /** What is no JSON is kept as text. */
    private static Object payload(String value) {
        try {
            return JSON.readTree(value);
        } catch (JacksonException | IllegalArgumentException notJson) {
            return String.valueOf(value);
        }
    }

    @Override
    public void close() {
        consumer.wakeup();
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
