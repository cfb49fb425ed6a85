package dev.reactiveevents.examples.kafka;

import static dev.reactiveevents.pipeline.Pipelines.settled;
import static dev.reactiveevents.pipeline.Pipelines.working;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.kafka.KafkaProducers;
import dev.reactiveevents.kafka.KafkaSender;
import dev.reactiveevents.kafka.KafkaTransport;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.relay.EventTransport;
import dev.reactiveevents.relay.OutboxRelay;
import java.time.Duration;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The code of docs/relay.md and of the part about Kafka of docs/pipelines.md, run by RelaySnippetsTest. */
final class RelaySnippets {

    record OrderPlaced(int number, String customer) {}

    private final EventChannel events;

    RelaySnippets(EventChannel events) {
        this.events = events;
    }

    static KafkaProducer<String, String> producer(String servers) {
        KafkaProducer<String, String> producer = KafkaProducers.of(servers); // idempotent, acks=all; close it yourself
        return producer;
    }

    OutboxRelay relay(KafkaProducer<String, String> producer) {
        OutboxRelay relay = OutboxRelay.from(events, "orders")
                .to(KafkaTransport.of(producer, "orders-topic"))
                .start();
        return relay;
    }

    OutboxRelay careful(EventTransport transport) {
        OutboxRelay relay = OutboxRelay.from(events, "orders")
                .to(transport)
                .concurrency(64) // taken and not yet confirmed
                .batch(32) // handed to the transport together, at most
                .retry(RetryPolicy.exponential(Duration.ofMillis(200), Duration.ofSeconds(30)))
                .maxAttempts(1_000) // by default for ever
                .sendTimeout(Duration.ofMinutes(3))
                .start();
        return relay;
    }

    static Mono<Void> maintain(OutboxRelay relay, Mono<Void> maintenance) {
        Mono<Void> maintained = relay.pause() // completes when nothing is on its way any more
                .then(maintenance)
                .then(relay.resume());
        return maintained;
    }

    OutboxRelay ownRecords(KafkaProducer<String, byte[]> producer) {
        OutboxRelay relay = OutboxRelay.from(events, "orders")
                .to(KafkaTransport.of(producer, message -> {
                    OrderPlaced order = message.payloadAs(OrderPlaced.class);
                    ProducerRecord<String, byte[]> record =
                            new ProducerRecord<>("orders-topic", order.customer(), serialise(order));
                    record.headers().add("event-id", message.eventId().getBytes(UTF_8));
                    return record;
                }))
                .start();
        return relay;
    }

    private static byte[] serialise(OrderPlaced order) {
        return (order.number() + " of " + order.customer()).getBytes(UTF_8);
    }

    Flux<Correlated<RecordMetadata>> pipeline(KafkaProducer<String, String> producer) {
        KafkaSender<String, String> sender = KafkaSender.of(producer);

        Flux<Correlated<RecordMetadata>> sent = events.subscribe("orders")
                .transform(working(16, message -> enrich(message)))
                .map(order -> order.map(enriched -> record(enriched))) // a ProducerRecord
                .transform(sender.sending(256)) // up to 256 records not yet confirmed
                .transform(settled(256)); // ack what the broker has, nack what failed on the way
        return sent;
    }

    private static ProducerRecord<String, String> record(String enriched) {
        return new ProducerRecord<>("orders-topic", enriched);
    }

    private static Mono<String> enrich(EventMessage message) {
        return Mono.just(message.payloadAs(OrderPlaced.class).customer());
    }

    Mono<String> place(OrderPlaced order) {
        return events.publish(Event.of("orders", order).withKey(order.customer()));
    }
}
