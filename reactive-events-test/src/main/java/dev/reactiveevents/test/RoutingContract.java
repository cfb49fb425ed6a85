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
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Handlers by type. What a router finds has tests of its own; here it meets a backend. */
abstract class RoutingContract extends ContractGroup {

    private final Inbox inbox = new Inbox(0);
    private final List<String> routes = new CopyOnWriteArrayList<>();

    RoutingContract(EventChannelContract contract) {
        super(contract);
    }

    private EventHandler noting() {
        return noting("the only one");
    }

    private EventHandler noting(String route) {
        return message -> Mono.fromRunnable(() -> {
            routes.add(route);
            inbox.hookOnNext(message);
        });
    }

    private EventListener listen(EventChannel events, EventRouter router) {
        return listen(events, router, ListenOptions.defaults());
    }

    private EventListener listen(EventChannel events, EventRouter router, ListenOptions options) {
        EventListener listener = events.listen(channel, router, options);
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
        EventRouter billing = new EventRouter().on("paid", noting("billing"));
        EventListener listener = listen(
                events,
                new EventRouter()
                        .on("order.placed", noting("placed"))
                        .on("order.*.cancelled", noting("cancelled"))
                        .include("billing", billing)
                        .otherwise(noting("otherwise")));
        publish(events, 1, "order.placed", "order.shipped", "order.eu.cancelled", "billing.paid", "billing.due");

        assertThat(types(5))
                .containsExactly("order.placed", "order.shipped", "order.eu.cancelled", "billing.paid", "billing.due");
        assertThat(routes).containsExactly("placed", "otherwise", "cancelled", "billing", "otherwise");
        awaitEnd(listener.stop(AWAIT));
        assertThat(listener.counts().failed()).isZero();
        if (comesAgain()) {
            assertThat(listener.counts().deadLettered()).isZero();
            assertThat(listener.counts().acked()).isEqualTo(5);
        }
    }

    @Test
    void allHandlersOfAPatternRunAgainWhenOneOfThemHasFailed() {
        requires(Capability.RETRY);
        EventChannel events = open();
        EventHandler failingOnce = message -> noting("second")
                .handle(message)
                .then(message.attempts() == 1 ? Mono.error(new IllegalStateException("once")) : Mono.empty());
        EventListener listener = listen(
                events,
                new EventRouter().on("order.placed", noting("first")).on("order.placed", failingOnce),
                ListenOptions.defaults().withRetry(RetryPolicy.fixed(Duration.ZERO)));
        publish(events, 1, "order.placed");
        inbox.next(4);
        awaitEnd(listener.stop(AWAIT));

        assertThat(routes).containsExactly("first", "second", "first", "second");
        assertThat(listener.counts().retried()).isEqualTo(1);
        assertThat(listener.counts().acked()).isEqualTo(1);
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
