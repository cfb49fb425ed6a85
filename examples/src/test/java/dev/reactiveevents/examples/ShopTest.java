package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.test.InMemoryBackend;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The test of docs/testing.md. */
class ShopTest {

    record OrderPlaced(int number, String customer) {}

    private final InMemoryBackend backend = InMemoryBackend.create();
    private final EventChannel events = backend.channel();

    @AfterEach
    void close() {
        events.shutdown().block();
    }

    @Test
    void anOrderThatIsNackedComesAgain() {
        events.publish("orders", new OrderPlaced(42, "anna")).block();

        EventMessage first = events.receive("orders", Duration.ofSeconds(5)).block();
        first.nack(Duration.ZERO).block();

        EventMessage again = events.receive("orders", Duration.ofSeconds(5)).block();
        assertThat(again.payloadAs(OrderPlaced.class).customer()).isEqualTo("anna");
        assertThat(again.attempts()).isEqualTo(2);
        assertThat(again.ack().block()).isTrue();
    }
}
