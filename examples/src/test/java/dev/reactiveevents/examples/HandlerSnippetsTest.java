package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.examples.HandlerSnippets.OrderPlaced;
import dev.reactiveevents.examples.HandlerSnippets.ValidationException;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.test.InMemoryBackend;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

class HandlerSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final OrderPlaced ORDER = new OrderPlaced(42, "anna");
    private static final RuntimeException OTHER = new IllegalStateException("sold out");

    /** The store's: time passes when a test says so. */
    private volatile Instant now = Instant.parse("2030-01-01T00:00:00Z");

    private final EventChannel events =
            InMemoryBackend.create(() -> now, Duration.ofDays(1)).channel();
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

    /** Only the first of anna's is held up. The one of bert's is published last: when it is handled, all have arrived. */
    @Test
    void eventsOfOneCustomerAreHandledOneAfterTheOther() {
        Sinks.Many<OrderPlaced> begun = Sinks.many().replay().all();
        Sinks.Empty<Void> firstOfAnna = Sinks.empty();
        EventListener listener = events.listen(
                "orders",
                message -> {
                    OrderPlaced order = message.payloadAs(OrderPlaced.class);
                    begun.emitNext(order, Sinks.EmitFailureHandler.busyLooping(LIMIT));
                    return order.equals(ORDER) ? firstOfAnna.asMono() : Mono.empty();
                },
                snippets.byCustomer());
        OrderPlaced second = new OrderPlaced(43, "anna");
        OrderPlaced another = new OrderPlaced(44, "bert");
        events.publishAll(List.of(Event.of("orders", ORDER), Event.of("orders", second), Event.of("orders", another)))
                .block(LIMIT);

        assertThat(begun.asFlux().take(2).collectList().block(LIMIT))
                .as("begun while the first of anna is at work")
                .containsExactly(ORDER, another);
        firstOfAnna.tryEmitEmpty();
        assertThat(begun.asFlux().elementAt(2).block(LIMIT)).isEqualTo(second);
        assertThat(stopped(listener).handled()).isEqualTo(3);
    }

    /** A broadcast that is heard when the test says so, on its thread. */
    private static final class Radio implements BroadcastBackend {

        private final Sinks.Many<Heard> heard = Sinks.many().unicast().onBackpressureBuffer();

        void say(int number) {
            Instant time = Instant.EPOCH;
            heard.tryEmitNext(new Heard.Arrived(new ClaimedEvent(
                            EventChannels.newId(), "prices", null, null, "" + number, null, 1, time, time, time)))
                    .orThrow();
        }

        @Override
        public Flux<Heard> listen(String channel) {
            return heard.asFlux().startWith(new Heard.Standing());
        }

        @Override
        public String name() {
            return "radio";
        }

        @Override
        public Set<Capability> capabilities() {
            return Set.of();
        }

        @Override
        public Mono<Void> publish(List<NewEvent> events) {
            return Mono.error(new AssertionError("nothing is published here"));
        }

        @Override
        public Mono<Void> shutdown() {
            return Mono.empty();
        }
    }

    @Test
    void ofABroadcastTheLatestAreHandledAndTheOthersAreMissed() {
        Radio radio = new Radio();
        EventChannel live = EventChannels.over(radio, ChannelOptions.defaults());
        ListenOptions latest = snippets.latestOnly();
        Sinks.Many<Integer> begun = Sinks.many().replay().all();
        Sinks.Empty<Void> gate = Sinks.empty();
        EventListener listener = live.listen(
                "prices",
                message -> {
                    begun.emitNext(message.payloadAs(Integer.class), Sinks.EmitFailureHandler.busyLooping(LIMIT));
                    return gate.asMono();
                },
                latest);
        listener.ready().block(LIMIT);
        int atWork = latest.concurrency();
        for (int number = 0; number < atWork + 103; number++) {
            radio.say(number);
        }
        assertDone("missed", "missed", "missed");

        gate.tryEmitEmpty();
        assertThat(begun.asFlux().take(atWork + 100).collectList().block(LIMIT))
                .containsExactlyElementsOf(numbers(0, atWork, atWork + 3, atWork + 103));
        assertThat(stopped(listener).handled()).isEqualTo(atWork + 100);
        live.shutdown().block(LIMIT);
    }

    private static List<Integer> numbers(int first, int firstEnd, int last, int lastEnd) {
        return IntStream.concat(IntStream.range(first, firstEnd), IntStream.range(last, lastEnd))
                .boxed()
                .toList();
    }

    // == Retries ==

    /** A listener's handler fails once, with the only event that is due. */
    private EventListener.Counts failingOnce(int attempt, ListenOptions options, RuntimeException failure) {
        Sinks.One<Integer> handed = Sinks.one();
        EventListener listener = events.listen(
                "orders",
                message -> {
                    handed.tryEmitValue(message.attempts());
                    return Mono.error(failure);
                },
                options);
        assertThat(handed.asMono().block(LIMIT)).as("attempts").isEqualTo(attempt);
        EventListener.Counts counts = stopped(listener);
        assertThat(counts.failed()).isEqualTo(1);
        return counts;
    }

    private void assertDeadAtTheFirstAttempt(ListenOptions options, RuntimeException failure) {
        publish("orders", ORDER, "order.placed");
        EventListener.Counts counts = failingOnce(1, options, failure);
        assertThat(counts.deadLettered()).isEqualTo(1);
        assertThat(counts.retried()).isZero();
    }

    private void assertComesAgain(ListenOptions options, RuntimeException failure, Duration least, Duration most) {
        publish("orders", ORDER, "order.placed");
        EventListener.Counts counts = failingOnce(1, options, failure);
        assertThat(counts.retried()).isEqualTo(1);
        assertThat(counts.deadLettered()).isZero();
        assertDueIn(least, most);
    }

    /** Of one event that is given back, and taken away here. */
    private void assertDueIn(Duration least, Duration most) {
        Instant before = now;
        now = before.plus(least).minusMillis(1);
        assertThat(events.receive("orders", Duration.ZERO).block(LIMIT)).isNull();
        now = before.plus(most);
        assertThat(events.receive("orders", Duration.ZERO)
                        .flatMap(EventMessage::ack)
                        .block(LIMIT))
                .isTrue();
    }

    private static ListenOptions with(RetryPolicy policy) {
        return ListenOptions.defaults().withRetry(policy);
    }

    @Test
    void whatIsNotRetriedIsADeadLetterAtTheFirstAttempt() {
        assertDeadAtTheFirstAttempt(snippets.retrying(), new ValidationException("no such order"));
        assertThat(events.deadLetters("orders")
                        .browse(DeadLetterQuery.latest(1))
                        .map(DeadLetter::attempts)
                        .blockFirst(LIMIT))
                .isEqualTo(1);
    }

    @Test
    void otherFailuresComeAgainUntilTheFifthAttempt() {
        publish("orders", ORDER, "order.placed");
        for (int attempt = 1; attempt < 5; attempt++) {
            assertThat(failingOnce(attempt, snippets.retrying(), OTHER).retried())
                    .as("retried after attempt " + attempt)
                    .isEqualTo(1);
            now = now.plus(Duration.ofMinutes(5));
        }
        assertThat(failingOnce(5, snippets.retrying(), OTHER).deadLettered()).isEqualTo(1);
    }

    @Test
    void theFirstDelayIsASecondMoreOrLess() {
        assertComesAgain(snippets.retrying(), OTHER, Duration.ofMillis(800), Duration.ofMillis(1_200));
    }

    @Test
    void policiesDecide() {
        List<RetryPolicy> policies = HandlerSnippets.policies();
        assertThat(policies).hasSize(4);
        assertComesAgain(with(policies.get(0)), OTHER, Duration.ofSeconds(10), Duration.ofSeconds(10));
        assertDeadAtTheFirstAttempt(with(policies.get(1)), OTHER);
        assertComesAgain(with(policies.get(2)), OTHER, Duration.ofMinutes(1), Duration.ofMinutes(1));
        assertComesAgain(with(policies.get(3)), OTHER, Duration.ofMillis(800), Duration.ofMillis(1_200));
        assertDeadAtTheFirstAttempt(with(policies.get(3)), new IllegalStateException("an unknown customer"));
    }

    @Test
    void aPolicyOfOnesOwnGivesUp() {
        ListenOptions own = with(HandlerSnippets.policies().get(2));
        publish("orders", ORDER, "order.placed");
        for (int attempt = 1; attempt < 4; attempt++) {
            assertThat(failingOnce(attempt, own, OTHER).retried())
                    .as("retried after attempt " + attempt)
                    .isEqualTo(1);
            now = now.plus(Duration.ofMinutes(attempt));
        }
        assertThat(failingOnce(4, own, OTHER).deadLettered()).isEqualTo(1);
    }

    @Test
    void whatWillNeverBeRightIsRejected() {
        EventListener listener = snippets.decidingItself();
        publish("orders", new OrderPlaced(0, "anna"), "order.placed");
        publish("orders", ORDER, "order.placed");
        assertDone("shipped 42");

        assertThat(stopped(listener).deadLettered()).isEqualTo(1);
    }

    @Test
    void whatIsAwayIsTriedAgainInAMinute() {
        snippets.failures.add(new EventException.Unavailable("The carrier cannot be reached.", null));
        EventListener listener = snippets.decidingItself();
        publish("orders", ORDER, "order.placed");
        assertDone("could not ship 42");

        EventListener.Counts counts = stopped(listener);
        assertThat(counts.retried()).isEqualTo(1);
        assertThat(counts.acked()).isZero();
        assertDueIn(Duration.ofMinutes(1), Duration.ofMinutes(1));
    }
}
