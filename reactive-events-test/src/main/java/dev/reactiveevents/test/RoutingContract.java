package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.spi.Capability;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Handlers by type. What a router finds has tests of its own; here it meets a backend. */
abstract class RoutingContract extends ContractGroup {

    private final Inbox inbox = new Inbox(0);

    RoutingContract(EventChannelContract contract) {
        super(contract);
    }

    private EventHandler noting() {
        return message -> Mono.fromRunnable(() -> inbox.hookOnNext(message));
    }

    private EventListener listen(EventChannel events, EventRouter router) {
        EventListener listener = events.listen(channel, router);
        awaitEnd(listener.ready());
        return listener;
    }

    private void publish(EventChannel events, Object payload, String... types) {
        for (String type : types) {
            await(events.publish(Event.of(channel, payload).withType(type)));
        }
    }

    private List<String> types(int count) {
        return inbox.next(count).stream().map(EventMessage::type).toList();
    }

    @Test
    void eventsGoToTheHandlersOfTheirType() {
        EventChannel events = open();
        EventRouter billing = new EventRouter().on("paid", noting());
        EventListener listener = listen(
                events,
                new EventRouter()
                        .on("order.placed", noting())
                        .on("order.*.cancelled", noting())
                        .include("billing", billing)
                        .otherwise(message -> Mono.empty()));
        publish(events, 1, "order.placed", "order.shipped", "order.eu.cancelled", "billing.paid", "billing.due");

        assertThat(types(3)).containsExactly("order.placed", "order.eu.cancelled", "billing.paid");
        awaitEnd(listener.stop(AWAIT));
        assertThat(listener.counts().failed()).isZero();
    }

    @Test
    void aTypedHandlerGetsThePayloadAndWhatCannotBeReadFailsAlone() {
        EventChannel events = open();
        EventRouter router = new EventRouter().on("order.placed", Integer.class, (number, message) -> {
            inbox.hookOnNext(message);
            return Mono.empty();
        });
        EventListener listener = listen(events, router);
        publish(events, "no number", "order.placed");
        publish(events, 42, "order.placed");

        assertThat(numbers(inbox.next(1))).containsExactly(42);
        awaitEnd(listener.stop(AWAIT));
        assertThat(listener.counts().failed()).isEqualTo(1);
        assertThat(listener.counts().deadLettered()).isEqualTo(comesAgain() ? 1 : 0);
    }

    @Test
    void whatNoRouteMatchesBecomesADeadLetterAndTheOthersAreHandled() {
        requires(Capability.RETRY);
        EventChannel events = open();
        EventListener listener = listen(events, new EventRouter().on("order.placed", noting()));
        publish(events, 1, "order.shipped", "order.placed");
        assertThat(types(1)).containsExactly("order.placed");
        awaitEnd(listener.stop(AWAIT));

        assertThat(listener.counts().deadLettered()).isEqualTo(1);
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void theDeadLetterSaysThatNoRouteMatchedItsType() {
        requires(Capability.DEAD_LETTERS);
        EventChannel events = open();
        EventListener listener = listen(events, new EventRouter().on("order.placed", noting()));
        publish(events, 1, "order.shipped", "order.placed");
        assertThat(types(1)).containsExactly("order.placed");
        awaitEnd(listener.stop(AWAIT));

        DeadLetter dead = await(
                events.deadLetters(channel).browse(DeadLetterQuery.oldest(2)).single());
        assertThat(dead.type()).isEqualTo("order.shipped");
        assertThat(dead.reason()).contains("No route matches the type", "order.shipped");
    }

    @Test
    void onABroadcastWhatNoRouteMatchesIsAFailureAndTheOthersAreHandled() {
        requiresNot(Capability.RETRY);
        EventChannel events = open();
        EventListener listener = listen(events, new EventRouter().on("order.placed", noting()));
        publish(events, 1, "order.shipped", "order.placed");
        assertThat(types(1)).containsExactly("order.placed");
        awaitEnd(listener.stop(AWAIT));

        assertThat(listener.counts().failed()).isEqualTo(1);
    }
}
