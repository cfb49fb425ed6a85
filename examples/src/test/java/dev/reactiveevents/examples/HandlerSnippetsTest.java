package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.examples.HandlerSnippets.OrderPlaced;
import dev.reactiveevents.test.InMemoryBackend;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HandlerSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final OrderPlaced ORDER = new OrderPlaced(42, "anna");

    private final EventChannel events = InMemoryBackend.create().channel();
    private final HandlerSnippets snippets = new HandlerSnippets(events);

    @AfterEach
    void end() {
        events.shutdown().block(LIMIT);
    }

    private void publish(String channel, Object payload, String type) {
        events.publish(Event.of(channel, payload).withType(type)).block(LIMIT);
    }

    private void assertDone(String... expected) {
        assertThat(snippets.done.asFlux().take(expected.length).collectList().block(LIMIT))
                .containsExactly(expected);
    }

    private static EventListener.Counts stopped(EventListener listener) {
        HandlerSnippets.stop(listener);
        return listener.counts();
    }

    @Test
    void aListenerHandlesAndStops() {
        EventListener listener = snippets.listen();
        publish("orders", ORDER, "order.placed");
        assertDone("shipped 42");

        assertThat(stopped(listener).acked()).isEqualTo(1);
    }

    @Test
    void aBlockingHandlerRuns() {
        EventListener listener = snippets.blocking();
        publish("labels", ORDER, "label");
        assertDone("printed 42");

        assertThat(stopped(listener).acked()).isEqualTo(1);
    }

    @Test
    void aHandlerMaySettleByItself() {
        EventListener listener = snippets.bySelf();
        publish("orders", ORDER, "order.placed");
        assertDone("shipped 42");

        assertThat(stopped(listener).acked()).isEqualTo(1);
    }

    @Test
    void longWorkLooksAtItsLease() {
        EventListener listener = snippets.patient();
        publish("reports", 1, "report");
        assertDone("wrote reports1", "wrote reports2");

        assertThat(stopped(listener).handled()).isEqualTo(1);
    }

    @Test
    void eventsAreRouted() {
        EventListener listener = snippets.route();
        publish("shop", ORDER, "order.placed");
        publish("shop", 1, "order.eu.cancelled");
        publish("shop", 1, "order.shipped");
        publish("shop", 1, "billing.invoice.paid");
        publish("shop", 1, "weather");
        assertDone("shipped 42", "cancelled", "something else about an order", "paid", "neither");

        assertThat(stopped(listener).handled()).isEqualTo(5);
    }

    @Test
    void optionsAreTaken() {
        assertThat(snippets.byCustomer().key()).isNotNull();
        assertThat(snippets.latestOnly().subscription().prefetch()).isEqualTo(100);
        assertThat(snippets.retrying().subscription().maxAttempts()).isEqualTo(5);
        assertThat(HandlerSnippets.policies()).hasSize(4);
        assertThat(HandlerSnippets.policies().get(2).delayAfter(4)).isEmpty();
    }

    @Test
    void whatWillNeverBeRightIsRejected() {
        EventListener listener = snippets.decidingItself();
        publish("orders", new OrderPlaced(0, "anna"), "order.placed");
        publish("orders", ORDER, "order.placed");
        assertDone("shipped 42");

        assertThat(stopped(listener).deadLettered()).isEqualTo(1);
    }
}
