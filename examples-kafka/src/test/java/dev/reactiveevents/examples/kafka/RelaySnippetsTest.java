package dev.reactiveevents.examples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.examples.kafka.RelaySnippets.OrderPlaced;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.relay.OutboxRelay;
import io.r2dbc.spi.ConnectionFactories;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;
import reactor.core.publisher.Mono;

/** Runs what the pages about relays and pipelines show, and the way back. */
class RelaySnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static EmbeddedKafkaKraftBroker broker;

    private final R2dbcEventChannel events = R2dbcEventChannel.builder(
                    ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1"))
            .backend(BackendType.TABLE_QUEUE)
            .build();
    private final RelaySnippets snippets = new RelaySnippets(events);
    private final KafkaProducer<String, String> producer = RelaySnippets.producer(broker.getBrokersAsString());
    private final KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
            Map.of(
                    "bootstrap.servers", broker.getBrokersAsString(),
                    "group.id", UUID.randomUUID().toString(),
                    "auto.offset.reset", "earliest"),
            new StringDeserializer(),
            new StringDeserializer());

    @BeforeAll
    static void start() {
        broker = new EmbeddedKafkaKraftBroker(1, 1, "orders-topic", "incoming");
        broker.afterPropertiesSet();
    }

    @AfterAll
    static void stop() {
        broker.destroy();
    }

    @BeforeEach
    void migrate() {
        EventSchema.of(events).migrate().block(LIMIT);
        consumer.subscribe(List.of("orders-topic"));
    }

    @AfterEach
    void close() {
        events.shutdown().block(LIMIT);
        producer.close();
        consumer.close();
    }

    /** The next record of an event; other tests leave theirs in the topic too. */
    private ConsumerRecord<String, String> record(String eventId) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (System.nanoTime() < deadline) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                var header = record.headers().lastHeader("event-id");
                if (header != null && new String(header.value(), StandardCharsets.UTF_8).equals(eventId)) {
                    return record;
                }
            }
        }
        throw new AssertionError("No record of event " + eventId);
    }

    @Test
    void relaysRelay() {
        OutboxRelay relay = snippets.relay(producer);
        String id = snippets.place(new OrderPlaced(42, "anna")).block(LIMIT);
        assertThat(record(id).key()).isEqualTo("anna");
        RelaySnippets.maintain(relay, Mono.empty()).block(LIMIT);
        assertThat(relay.counts().acked()).isEqualTo(1);
        relay.stop(LIMIT).block(LIMIT);

        List<String> sent = new ArrayList<>();
        OutboxRelay careful = snippets.careful(message -> Mono.fromRunnable(() -> sent.add(message.eventId())));
        String second = snippets.place(new OrderPlaced(43, "anna")).block(LIMIT);
        await(() -> careful.counts().acked() == 1);
        assertThat(sent).containsExactly(second);
    }

    @Test
    void recordsAreMadeByHand() {
        try (KafkaProducer<String, byte[]> bytes = new KafkaProducer<>(
                Map.of("bootstrap.servers", broker.getBrokersAsString()),
                new StringSerializer(),
                new ByteArraySerializer())) {
            OutboxRelay relay = snippets.ownRecords(bytes);
            String id = snippets.place(new OrderPlaced(44, "berta")).block(LIMIT);
            assertThat(record(id).value()).isEqualTo("44 of berta");
            relay.stop(LIMIT).block(LIMIT);
        }
    }

    @Test
    void aPipelineSends() {
        snippets.place(new OrderPlaced(45, "clara")).block(LIMIT);
        Correlated<RecordMetadata> sent = snippets.pipeline(producer).blockFirst(LIMIT);
        assertThat(sent.isFailed()).isFalse();
        assertThat(sent.value().topic()).isEqualTo("orders-topic");
    }

    @Test
    void recordsThatAreReadAgainAreStoredOnce() throws Exception {
        for (int number = 1; number <= 5; number++) {
            String value = number == 5 ? "no JSON" : "{\"number\":" + number + "}";
            producer.send(new ProducerRecord<>("incoming", "key-" + number % 2, value))
                    .get();
        }
        for (String group : List.of("first", "second")) { // a group that has committed nothing reads all again
            KafkaInbox inbox = new KafkaInbox(events, "inbox", broker.getBrokersAsString(), group, "incoming");
            await(() -> committed(group) == 5);
            inbox.close();
        }
        List<EventMessage> received = events.subscribe("inbox")
                .delayUntil(EventMessage::ack)
                .take(5)
                .collectList()
                .block(LIMIT);
        assertThat(received.stream().map(message -> message.metadata().get("source")))
                .containsOnly("kafka:incoming");
        assertThat(received.stream().map(EventMessage::payloadText)).contains("{\"number\":1}", "\"no JSON\"");
        assertThat(events.inspect().counts("inbox").block(LIMIT).ready().atLeast())
                .isZero();
    }

    private static long committed(String group) {
        return broker.doWithAdminFunction(admin -> {
            try {
                return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream()
                        .mapToLong(offset -> offset.offset())
                        .sum();
            } catch (Exception notYet) {
                return -1L;
            }
        });
    }

    private static void await(java.util.function.BooleanSupplier holds) {
        Mono.fromSupplier(holds::getAsBoolean)
                .subscribeOn(reactor.core.scheduler.Schedulers.boundedElastic())
                .filter(held -> held)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                .block(LIMIT);
    }
}
