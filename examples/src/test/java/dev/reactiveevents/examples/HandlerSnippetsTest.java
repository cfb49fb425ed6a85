package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.examples.HandlerSnippets.OrderPlaced;
import dev.reactiveevents.test.InMemoryBackend;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** The backend in memory answers at once, so that what is published has been handled, unless on another thread. */
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

    @Test
    void aListenerHandlesAndStops() {
        EventListener listener = snippets.listen();
        publish("orders", ORDER, "order.placed");
        HandlerSnippets.stop(listener);

        assertThat(snippets.done).containsExactly("shipped 42");
        assertThat(listener.counts().acked()).isEqualTo(1);
    }

    @Test
    void aBlockingHandlerRuns() {
        EventListener listener = snippets.blocking();
        publish("labels", ORDER, "label");
        HandlerSnippets.stop(listener);

        assertThat(snippets.done).containsExactly("printed 42");
    }

    @Test
    void aHandlerMaySettleByItself() {
        EventListener listener = snippets.bySelf();
        publish("orders", ORDER, "order.placed");

        assertThat(listener.counts().acked()).isEqualTo(1);
    }

    @Test
    void longWorkLooksAtItsLease() {
        snippets.patient();
        publish("reports", 1, "report");

        assertThat(snippets.done).containsExactly("wrote reports1", "wrote reports2");
    }

    @Test
    void eventsAreRouted() {
        snippets.route();
        publish("shop", ORDER, "order.placed");
        publish("shop", 1, "order.eu.cancelled");
        publish("shop", 1, "order.shipped");
        publish("shop", 1, "billing.invoice.paid");
        publish("shop", 1, "weather");

        assertThat(snippets.done)
                .containsExactly("shipped 42", "cancelled", "something else about an order", "paid", "neither");
    }

    @Test
    void optionsAreTaken() {
        EventListener keyed = events.listen("orders", message -> Mono.empty(), snippets.byCustomer());
        publish("orders", ORDER, "order.placed");
        assertThat(keyed.counts().acked()).isEqualTo(1);
        assertThat(snippets.latestOnly().subscription().prefetch()).isEqualTo(100);
        assertThat(snippets.retrying().subscription().maxAttempts()).isEqualTo(5);
        assertThat(HandlerSnippets.policies()).hasSize(4);
        assertThat(HandlerSnippets.policies().get(2).delayAfter(4)).isEmpty();
    }

    @Test
    void whatWillNeverBeRightIsRejected() {
        EventListener listener = snippets.decidingItself();
        publish("orders", new OrderPlaced(0, "anna"), "order.placed");

        assertThat(listener.counts().deadLettered()).isEqualTo(1);
        assertThat(events.receive("orders", Duration.ZERO)
                        .map(EventMessage::eventId)
                        .block(LIMIT))
                .isNull();
    }
}
