package dev.reactiveevents.examples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import dev.reactiveevents.Event;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.relay.OutboxRelay;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Runs where the environment variable {@code RABBITMQ_URI} names a server, and says so where it does not. */
class RabbitTransportTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Test
    void eventsAreConfirmedAndArrive() throws Exception {
        String uri = System.getenv("RABBITMQ_URI");
        if (uri == null) {
            System.out.println("RabbitTransportTest was not run: RABBITMQ_URI names no server.");
        }
        assumeTrue(uri != null, "RABBITMQ_URI names no server, such as amqp://guest:guest@localhost.");
        ConnectionFactory rabbit = new ConnectionFactory();
        rabbit.setUri(uri);
        R2dbcEventChannel events = R2dbcEventChannel.builder(
                        ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1"))
                .backend(BackendType.TABLE_QUEUE)
                .build();
        EventSchema.of(events).migrate().block(LIMIT);
        try (Connection connection = rabbit.newConnection();
                Channel publishing = connection.createChannel();
                Channel reading = connection.createChannel()) {
            String queue = reading.queueDeclare().getQueue();
            reading.queueBind(queue, "amq.topic", "order.#");
            OutboxRelay relay = OutboxRelay.from(events, "orders")
                    .to(new RabbitTransport(publishing, "amq.topic"))
                    .start();
            String id = events.publish(Event.of("orders", 42).withType("order.placed"))
                    .block(LIMIT);
            events.publish(Event.of("orders", 43).withType("unbound")).block(LIMIT);
            Mono.fromSupplier(relay::counts)
                    .filter(counts -> counts.acked() == 1 && counts.failed() > 0)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                    .block(LIMIT);
            GetResponse got = reading.basicGet(queue, true);
            assertThat(got.getProps().getMessageId()).isEqualTo(id);
            assertThat(new String(got.getBody())).isEqualTo("42");
            relay.stop(LIMIT).block(LIMIT);
        }
        events.shutdown().block(LIMIT);
    }
}
