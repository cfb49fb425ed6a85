package dev.reactiveevents.examples.kafka;

import dev.reactiveevents.Event;
import dev.reactiveevents.kafka.KafkaProducers;
import dev.reactiveevents.kafka.KafkaRecords;
import dev.reactiveevents.kafka.KafkaTransport;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.relay.OutboxRelay;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Orders are written together with their events, one of them is rolled back, and a relay passes the events on to Kafka. All of
 * it in this process: a database in memory and a broker of its own. Ends by itself.
 */
public final class OutboxToKafka {

    private static final String TOPIC = "orders";
    private static final int ORDERS = 6;
    private static final int UNPAID = 4;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    record OrderPlaced(int number, String customer) {}

    private final R2dbcEventChannel events;

    private OutboxToKafka(R2dbcEventChannel events) {
        this.events = events;
    }

    /**
     * Runs the example and ends.
     *
     * @param args none
     */
    public static void main(String[] args) {
        ConnectionFactory database = ConnectionFactories.get("r2dbc:h2:mem:///outbox?options=DB_CLOSE_DELAY=-1");
        R2dbcEventChannel events = R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .build();
        EventSchema.of(events).migrate().block();
        Mono.usingWhen(
                        database.create(),
                        connection -> execute(connection, "CREATE TABLE orders (number INTEGER, customer VARCHAR(40))"),
                        Connection::close)
                .block();

        EmbeddedKafkaKraftBroker broker = new EmbeddedKafkaKraftBroker(1, 1, TOPIC);
        broker.afterPropertiesSet();
        try (KafkaProducer<String, String> producer = KafkaProducers.of(broker.getBrokersAsString())) {
            OutboxRelay relay = OutboxRelay.from(events, "orders")
                    .to(KafkaTransport.of(producer, TOPIC))
                    .start();
            new OutboxToKafka(events).placeOrders().block(LIMIT);
            readTopic(broker.getBrokersAsString());
            relay.stop(LIMIT).block();
            System.out.printf(
                    "%nRelay: %d confirmed, %d acked.%n",
                    relay.counts().handled(), relay.counts().acked());
        } finally {
            events.shutdown().block();
            broker.destroy();
        }
    }

    private Mono<Void> placeOrders() {
        return Flux.range(1, ORDERS)
                .map(number -> new OrderPlaced(number, "customer-" + number % 2))
                .concatMap(order -> place(order)
                        .doOnNext(id -> System.out.printf("order %d committed with event %s%n", order.number(), id))
                        .onErrorResume(refused -> {
                            System.out.printf("order %d rolled back: %s%n", order.number(), refused.getMessage());
                            return Mono.empty();
                        }))
                .then();
    }

    /** The order and its event commit together, or neither does. */
    private Mono<String> place(OrderPlaced order) {
        return events.inTransaction((connection, publisher) -> execute(
                        connection, "INSERT INTO orders VALUES (" + order.number() + ", '" + order.customer() + "')")
                .then(publisher.publish(
                        Event.of("orders", order).withType("order.placed").withKey(order.customer())))
                .delayUntil(id -> pay(order)));
    }

    private static Mono<Void> pay(OrderPlaced order) {
        return order.number() == UNPAID ? Mono.error(new IllegalStateException("no funds")) : Mono.empty();
    }

    private static Mono<Void> execute(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    private static void readTopic(String servers) {
        Map<String, Object> settings =
                Map.of("bootstrap.servers", servers, "group.id", "printer", "auto.offset.reset", "earliest");
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(TOPIC));
            long deadline = System.nanoTime() + LIMIT.toNanos();
            int read = 0;
            while (read < ORDERS - 1 && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    read++;
                    String id = new String(
                            record.headers().lastHeader(KafkaRecords.EVENT_ID).value(), StandardCharsets.UTF_8);
                    System.out.printf("in Kafka: key %s, event %s, %s%n", record.key(), id, record.value());
                }
            }
        }
    }
}
