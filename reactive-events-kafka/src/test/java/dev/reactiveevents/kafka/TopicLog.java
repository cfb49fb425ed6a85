package dev.reactiveevents.kafka;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What arrives in a topic, and when, read by a thread of its own until closed. */
final class TopicLog implements AutoCloseable {

    private final Map<String, Long> firstSeen = new ConcurrentHashMap<>();
    private final Map<String, List<Integer>> byKey = new ConcurrentHashMap<>();
    private final List<String> ids = new ArrayList<>();
    private final List<String> withoutId = new CopyOnWriteArrayList<>();
    private final Thread thread;
    private volatile boolean over;

    TopicLog(KafkaBroker broker, String topic) {
        Consumer<String, String> consumer = broker.consumer(topic);
        thread = new Thread(() -> read(consumer), "topic-log");
        thread.start();
    }

    private void read(Consumer<String, String> consumer) {
        try (consumer) {
            while (!over) {
                consumer.poll(Duration.ofMillis(100)).forEach(this::note);
            }
        }
    }

    private void note(ConsumerRecord<String, String> record) {
        var header = record.headers().lastHeader(KafkaRecords.EVENT_ID);
        if (header == null) {
            withoutId.add(record.value());
            return;
        }
        String id = new String(header.value(), StandardCharsets.UTF_8);
        firstSeen.putIfAbsent(id, System.currentTimeMillis());
        synchronized (ids) {
            ids.add(id);
        }
        byKey.computeIfAbsent(record.key(), key -> new CopyOnWriteArrayList<>()).add(Integer.valueOf(record.value()));
    }

    /** Those that have arrived, and when. */
    Map<String, Long> firstSeen() {
        return firstSeen;
    }

    Set<String> distinct() {
        return firstSeen.keySet();
    }

    int count() {
        synchronized (ids) {
            return ids.size();
        }
    }

    /** The numbers of each key in the order in which they are in the topic, duplicates included. */
    Map<String, List<Integer>> byKey() {
        return byKey;
    }

    List<String> withoutId() {
        return withoutId;
    }

    @Override
    public void close() {
        over = true;
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
