package dev.reactiveevents.kafka;

import static dev.reactiveevents.pipeline.Pipelines.settled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.relay.OutboxRelay;
import io.r2dbc.spi.ConnectionFactories;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Events of a channel in a topic. */
class KafkaTransportTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static KafkaBroker broker;
    private static KafkaProducer<String, String> producer;

    private final R2dbcEventChannel events = R2dbcEventChannel.builder(
                    ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1"))
            .backend(BackendType.TABLE_QUEUE)
            .build();
    private final String topic = broker.newTopic();

    @BeforeAll
    static void start() {
        broker = new KafkaBroker();
        producer = KafkaProducers.of(broker.servers());
    }

    @AfterAll
    static void stop() {
        producer.close();
        broker.close();
    }

    @BeforeEach
    void migrate() {
        EventSchema.of(events).migrate().block(LIMIT);
    }

    @AfterEach
    void close() {
        events.shutdown().block(LIMIT);
    }

    private OutboxRelay relay() {
        OutboxRelay relay = OutboxRelay.from(events, "orders")
                .to(KafkaTransport.of(producer, topic))
                .start();
        relay.ready().block(LIMIT);
        return relay;
    }

    private static void await(BooleanSupplier holds) {
        Mono.fromSupplier(holds::getAsBoolean)
                .filter(held -> held)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    private static String header(ConsumerRecord<String, String> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    @Test
    void aRecordHasAllThatTheEventHas() {
        OutboxRelay relay = relay();
        String id = events.publish(Event.of("orders", Map.of("number", 42))
                        .withType("order.placed")
                        .withKey("anna")
                        .withMetadata("source", "checkout")
                        .withMetadata("tries", 3)
                        .withMetadata(KafkaRecords.EVENT_ID, "not the id"))
                .block(LIMIT);
        ConsumerRecord<String, String> record = broker.read(topic, 1).get(0);
        assertThat(record.key()).isEqualTo("anna");
        assertThat(record.value()).isEqualTo("{\"number\":42}");
        assertThat(header(record, KafkaRecords.EVENT_ID)).isEqualTo(id);
        assertThat(header(record, KafkaRecords.EVENT_TYPE)).isEqualTo("order.placed");
        assertThat(header(record, KafkaRecords.EVENT_CHANNEL)).isEqualTo("orders");
        assertThat(header(record, "source")).isEqualTo("checkout");
        assertThat(header(record, "tries")).isEqualTo("3");
        assertThat(Duration.ofMillis(System.currentTimeMillis() - record.timestamp()))
                .isLessThan(LIMIT);
        await(() -> relay.counts().acked() == 1);
    }

    @Test
    void aBareEventIsABareRecord() {
        relay();
        events.publish("orders", null).block(LIMIT);
        ConsumerRecord<String, String> record = broker.read(topic, 1).get(0);
        assertThat(record.key()).isNull();
        assertThat(record.value()).isEqualTo("null");
        assertThat(record.headers().lastHeader(KafkaRecords.EVENT_TYPE)).isNull();
    }

    @Test
    void allArriveAndThoseOfAKeyInTheirOrder() {
        OutboxRelay relay = relay();
        int count = 500;
        List<String> ids = events.publishAll(IntStream.range(0, count)
                        .mapToObj(i -> Event.of("orders", i).withKey("key-" + i % 20))
                        .toList())
                .block(LIMIT);
        await(() -> relay.counts().acked() == count);
        List<ConsumerRecord<String, String>> records = broker.read(topic, count);
        assertThat(records.stream().map(record -> header(record, KafkaRecords.EVENT_ID)))
                .containsExactlyInAnyOrderElementsOf(ids);
        IntStream.range(0, 20)
                .forEach(key -> assertThat(records.stream()
                                .filter(record -> record.key().equals("key-" + key))
                                .map(record -> Integer.valueOf(record.value()))
                                .toList())
                        .isSorted()
                        .hasSize(count / 20));
    }

    @Test
    void whatIsTooLargeIsADeadLetterAndTheOthersGoOn() {
        OutboxRelay relay = relay();
        events.publish("orders", "x".repeat(2 << 20)).block(LIMIT);
        events.publish("orders", 1).block(LIMIT);
        assertThat(broker.read(topic, 1)).hasSize(1);
        await(() -> relay.counts().deadLettered() == 1 && relay.counts().acked() == 1);
    }

    @Test
    void aPipelineOfRecordsKeepsTheEventsWithThem() {
        events.publishAll(List.of(Event.of("orders", 1), Event.of("orders", 2), Event.of("orders", "odd")))
                .block(LIMIT);
        KafkaSender<String, String> sender = KafkaSender.of(producer);
        List<Correlated<RecordMetadata>> sent = events.subscribe("orders")
                .map(message -> Correlated.of(message, message).map(this::record))
                .transform(sender.sending(16))
                .transform(settled(16))
                .take(3)
                .collectList()
                .block(LIMIT);
        assertThat(sent.stream().filter(Correlated::isFailed)).hasSize(1);
        assertThat(sent.stream().filter(result -> !result.isFailed()))
                .allMatch(result -> result.value().topic().equals(topic));
        assertThat(broker.read(topic, 2).stream().map(ConsumerRecord::value)).containsExactlyInAnyOrder("1", "2");
        assertThat(events.deadLetters("orders").count().block(LIMIT)).isEqualTo(1);
    }

    private ProducerRecord<String, String> record(EventMessage message) {
        return new ProducerRecord<>(topic, message.payloadAs(Integer.class).toString());
    }

    @Test
    void aProducerThatCouldLoseEventsIsRefused() {
        Map<String, String> unsafe = Map.of("bootstrap.servers", broker.servers(), "acks", "1");
        assertThatThrownBy(() -> KafkaProducers.of(unsafe).close())
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("acks");
        Map<String, Object> repeating = Map.of("bootstrap.servers", broker.servers(), "enable.idempotence", false);
        assertThatThrownBy(() -> KafkaProducers.of(repeating).close()).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> KafkaSender.of(producer).sending(0)).isInstanceOf(EventException.Invalid.class);
    }
}
