package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.relay.Confirmation;
import dev.reactiveevents.relay.EventTransport;
import dev.reactiveevents.relay.OutboxRelay;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What a relay does with a channel's events and a transport's answers. */
abstract class RelayingContract extends ContractGroup {

    private final ManualTransport broker = new ManualTransport();

    RelayingContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsComeAgain() {
        requires(Capability.RETRY);
    }

    private OutboxRelay relay(EventChannel events) {
        return relay(events, broker, builder -> builder);
    }

    private OutboxRelay relay(
            EventChannel events, EventTransport transport, UnaryOperator<OutboxRelay.Builder> change) {
        OutboxRelay relay = change.apply(
                        OutboxRelay.from(events, channel).to(transport).retry(RetryPolicy.fixed(Duration.ZERO)))
                .start();
        awaitEnd(relay.ready());
        return relay;
    }

    private void assertAcked(OutboxRelay relay, long count) {
        awaitUntil(() -> relay.counts().acked() == count);
    }

    // == At least once ==

    @Test
    void anEventIsAcknowledgedOnceItIsConfirmedAndNotBefore() {
        EventChannel events = open();
        OutboxRelay relay = relay(events);
        String id = await(events.publish(Event.of(channel, 1).withType("order.placed")));
        ManualTransport.Sent sent = broker.next();
        assertThat(sent.message().eventId()).isEqualTo(id);
        assertThat(sent.message().type()).isEqualTo("order.placed");
        assertThat(relay.counts().handling()).isEqualTo(1);
        assertThat(relay.counts().acked()).isZero();

        sent.confirm();
        assertAcked(relay, 1);
        assertThat(relay.counts().handled()).isEqualTo(1);
        awaitEnd(relay.stop(AWAIT));
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void whatWasNotConfirmedWhenItStoppedIsSentByAnother() {
        EventChannel events = open();
        OutboxRelay relay = relay(events);
        publish(events, 1);
        String id = broker.next().message().eventId();
        awaitEnd(relay.stop(Duration.ZERO));
        assertThat(relay.state()).isEqualTo(OutboxRelay.State.STOPPED);

        relay(events);
        ManualTransport.Sent again = broker.next();
        assertThat(again.message().eventId()).isEqualTo(id);
        assertThat(again.message().attempts()).isEqualTo(2);
        again.confirm();
    }

    @Test
    void whatTheBrokerDidNotTakeIsSentAgainUntilItDoes() {
        EventChannel events = open(OPTIONS.withMaxAttempts(2));
        OutboxRelay relay = relay(events);
        publish(events, 1);
        for (int attempt = 1; attempt <= 15; attempt++) {
            ManualTransport.Sent sent = broker.next();
            assertThat(sent.message().attempts()).isEqualTo(attempt);
            sent.fail(new IllegalStateException("the broker is away"));
        }
        broker.next().confirm();
        assertAcked(relay, 1);
        assertThat(relay.counts().failed()).isEqualTo(15);
        assertThat(relay.counts().retried()).isEqualTo(15);
    }

    @Test
    @SuppressWarnings("NullAway") // what a transport without it can do
    void aTransportThatThrowsOrEndsEarlyOrAnswersNullLosesNothing() {
        EventChannel events = open();
        AtomicInteger calls = new AtomicInteger();
        EventTransport odd = new EventTransport() {
            @Override
            public Mono<Void> send(EventMessage message) {
                return broker.send(message);
            }

            @Override
            public Flux<Confirmation> sendAll(List<EventMessage> messages) {
                return switch (calls.incrementAndGet()) {
                    case 1 -> throw new IllegalStateException("thrown");
                    case 2 -> Flux.empty();
                    case 3 -> null;
                    case 4 -> Flux.error(new IllegalStateException("failed"));
                    default -> EventTransport.super.sendAll(messages);
                };
            }
        };
        OutboxRelay relay = relay(events, odd, builder -> builder);
        publish(events, 1);
        ManualTransport.Sent sent = broker.next();
        assertThat(sent.message().attempts()).isEqualTo(5);
        sent.confirm();
        assertAcked(relay, 1);
    }

    // == Dead letters ==

    @Test
    void whatTheBrokerWillNeverTakeIsADeadLetterAtOnceAndHoldsUpNobody() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        OutboxRelay relay = relay(events);
        publish(events, 2);
        ManualTransport.Sent refused = broker.next();
        refused.fail(new EventException.Invalid("too large for the broker"));
        broker.next().confirm();
        assertAcked(relay, 1);
        awaitUntil(() -> relay.counts().deadLettered() == 1);
        assertThat(await(events.deadLetters(channel)
                                .browse(DeadLetterQuery.latest(10))
                                .next())
                        .reason())
                .contains("too large for the broker");
    }

    @Test
    void attemptsCanBeBounded() {
        EventChannel events = open();
        OutboxRelay relay = relay(events, broker, builder -> builder.maxAttempts(2));
        publish(events, 1);
        broker.next().fail(new IllegalStateException("once"));
        broker.next().fail(new IllegalStateException("twice"));
        awaitUntil(() -> relay.counts().deadLettered() == 1);
        assertThat(broker.count()).isEqualTo(2);
    }

    // == How much at once ==

    @Test
    void noMoreAreOnTheirWayThanItsConcurrency() {
        EventChannel events = open();
        OutboxRelay relay = relay(events, broker, builder -> builder.concurrency(3));
        publish(events, 10);
        List<ManualTransport.Sent> first = List.of(broker.next(), broker.next(), broker.next());
        assertThat(relay.counts().handling()).isEqualTo(3);
        assertThat(broker.count()).isEqualTo(3);
        first.forEach(ManualTransport.Sent::confirm);
        for (int i = 3; i < 10; i++) {
            assertThat(relay.counts().handling()).isLessThanOrEqualTo(3);
            broker.next().confirm();
        }
        assertAcked(relay, 10);
    }

    @Test
    void whatIsAtHandIsSentTogetherUpToTheBatch() {
        EventChannel events = open();
        List<Integer> sizes = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch unblock = new CountDownLatch(1);
        EventTransport blocking = new EventTransport() {
            @Override
            public Mono<Void> send(EventMessage message) {
                return Mono.empty();
            }

            @Override
            public Flux<Confirmation> sendAll(List<EventMessage> messages) {
                sizes.add(messages.size());
                await(unblock);
                return EventTransport.super.sendAll(messages);
            }
        };
        OutboxRelay relay =
                relay(events, blocking, builder -> builder.concurrency(20).batch(4));
        publish(events, 20);
        awaitUntil(() -> relay.counts().handling() == 20);
        unblock.countDown();
        assertAcked(relay, 20);
        assertThat(sizes).allMatch(size -> size <= 4).contains(4);
        assertThat(sizes.stream().mapToInt(size -> size).sum()).isEqualTo(20);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(AWAIT.toMillis(), TimeUnit.MILLISECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    // == Order ==

    @Test
    void severalRelaysKeepTheOrderOfEachKey() {
        requires(Capability.KEYS);
        int keys = 5;
        int each = 20;
        EventChannel here = open();
        EventChannel elsewhere = open();
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        AtomicInteger turn = new AtomicInteger();
        EventTransport failing = message -> Mono.delay(Duration.ofMillis(turn.incrementAndGet() % 3))
                .then(Mono.defer(() -> {
                    if (turn.get() % 7 == 0 && message.attempts() == 1) {
                        return Mono.error(new IllegalStateException("not yet"));
                    }
                    order.add(message.key() + ":" + message.payloadAs(Integer.class));
                    return Mono.empty();
                }));
        List<OutboxRelay> relays = List.of(
                relay(here, failing, builder -> builder),
                relay(elsewhere, failing, builder -> builder),
                relay(elsewhere, failing, builder -> builder.concurrency(2)));
        List<Event> all = new ArrayList<>();
        for (int number = 0; number < each; number++) {
            for (int key = 0; key < keys; key++) {
                all.add(Event.of(channel, number).withKey("key-" + key));
            }
        }
        awaitEnd(here.publishAll(all));
        awaitUntil(
                () -> relays.stream().mapToLong(relay -> relay.counts().acked()).sum() == (long) keys * each);

        for (int key = 0; key < keys; key++) {
            String prefix = "key-" + key + ":";
            assertThat(order.stream()
                            .filter(sent -> sent.startsWith(prefix))
                            .map(sent -> Integer.valueOf(sent.substring(prefix.length())))
                            .toList())
                    .isEqualTo(numbers(0, each));
        }
    }

    // == Pausing and stopping ==

    @Test
    void aPauseWaitsForWhatIsOnItsWayAndNothingIsSentUntilItIsOver() {
        EventChannel events = open();
        OutboxRelay relay = relay(events);
        assertThat(relay.state()).isEqualTo(OutboxRelay.State.RUNNING);
        publish(events, 1);
        ManualTransport.Sent onItsWay = broker.next();
        Mono<Void> paused = relay.pause().cache();
        paused.subscribe();
        assertThat(relay.state()).isEqualTo(OutboxRelay.State.PAUSED);
        onItsWay.confirm();
        awaitEnd(paused);
        assertThat(relay.counts().acked()).isEqualTo(1);

        publish(events, 3);
        EventChannel other = open();
        Inbox inbox = subscribe(other, 1);
        assertThat(await(inbox.next().ack())).as("nobody else has taken it").isTrue();
        assertThat(broker.count()).isEqualTo(1);
        inbox.cancel();

        awaitEnd(relay.resume());
        assertThat(relay.state()).isEqualTo(OutboxRelay.State.RUNNING);
        broker.next().confirm();
        broker.next().confirm();
        assertAcked(relay, 3);
        awaitEnd(relay.resume());
    }

    @Test
    void whatWasStoppedStaysStopped() {
        EventChannel events = open();
        OutboxRelay relay = relay(events);
        awaitEnd(relay.pause());
        awaitEnd(relay.stop(AWAIT));
        awaitEnd(relay.stop(AWAIT));
        assertThat(relay.state()).isEqualTo(OutboxRelay.State.STOPPED);
        assertThatThrownBy(() -> awaitEnd(relay.resume())).isInstanceOf(EventException.Closed.class);
        assertThatThrownBy(() -> awaitEnd(relay.pause())).isInstanceOf(EventException.Closed.class);
        assertThatThrownBy(() -> awaitEnd(relay.stop(Duration.ofMillis(-1))))
                .isInstanceOf(EventException.Invalid.class);
    }

    @Test
    void itEndsWithItsChannel() {
        EventChannel events = open();
        OutboxRelay relay = relay(events);
        awaitEnd(events.shutdown());
        assertThat(relay.state()).isEqualTo(OutboxRelay.State.STOPPED);
        assertThatThrownBy(() -> relay(events)).isInstanceOf(EventException.Closed.class);
    }

    @Test
    void badInputIsRefused() {
        EventChannel events = open();
        OutboxRelay.Builder builder = OutboxRelay.from(events, channel);
        assertThatThrownBy(builder::start)
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("to(…)");
        assertThatThrownBy(() -> OutboxRelay.from(events, "no name")).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> builder.concurrency(0)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> builder.batch(0)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> builder.maxAttempts(0)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> builder.sendTimeout(Duration.ZERO)).isInstanceOf(EventException.Invalid.class);
    }
}
