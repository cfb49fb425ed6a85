package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the bridge does over any durable backend. */
abstract class BridgeContract {

    static final Duration LIMIT = Stage.LIMIT;
    private static final int THREADS = 16;
    private static final int EVENTS = 50_000;

    Stage stage;
    BlockingEventChannel blocking;

    abstract Stage stage();

    @BeforeEach
    void open() {
        stage = stage();
        blocking = stage.blocking();
    }

    @AfterEach
    void end() {
        blocking.close();
        stage.close();
    }

    private List<String> publish(int count) {
        return blocking.publishAll(IntStream.range(0, count)
                .mapToObj(number -> Event.of("orders", number))
                .toList());
    }

    private static List<Integer> numbers(List<EventMessage> messages) {
        return messages.stream()
                .map(message -> message.payloadAs(Integer.class))
                .toList();
    }

    // == The common things ==

    @Test
    void whatIsPublishedIsReceivedAndAcked() {
        String id = blocking.publish("orders", "first");
        EventMessage message = blocking.receive("orders", LIMIT).orElseThrow();
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(message.payloadAs(String.class)).isEqualTo("first");
        assertThat(blocking.ack(message)).isTrue();
        assertThat(blocking.nack(message)).isFalse();
        assertThat(blocking.receive("orders", Duration.ZERO)).isEmpty();
    }

    @Test
    void anIterationAnswersEventsInOrder() {
        List<String> ids = publish(100);
        List<String> seen = new ArrayList<>();
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            for (EventMessage message : orders) {
                seen.add(message.eventId());
                assertThat(blocking.ack(message)).isTrue();
                if (seen.size() == ids.size()) {
                    break;
                }
            }
        }
        assertThat(seen).isEqualTo(ids);
    }

    @Test
    void aStreamAnswersWhatItIsAskedForAndClosesItsSubscription() {
        publish(20);
        BlockingSubscription orders = blocking.blockingSubscribe("orders");
        try (var stream = orders.stream()) {
            assertThat(stream.limit(10)
                            .peek(message -> blocking.ack(message))
                            .map(message -> message.payloadAs(Integer.class)))
                    .containsExactlyElementsOf(IntStream.range(0, 10).boxed().toList());
        }
        assertThat(orders.hasNext()).isFalse();
    }

    @Test
    void severalAreTakenAndAckedTogether() {
        publish(300);
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            List<EventMessage> taken = orders.take(200, LIMIT);
            assertThat(numbers(taken)).isEqualTo(IntStream.range(0, 200).boxed().toList());
            assertThat(blocking.ackAll(taken)).hasSize(200).containsOnly(true);
            assertThat(blocking.ackAll(List.of())).isEmpty();
            assertThat(orders.hasNext()).isTrue();
            assertThat(orders.take(200, Duration.ofMillis(500))).hasSizeBetween(1, 100);
        }
    }

    @Test
    void everyOutcomeCanBeSaid() {
        publish(4);
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            List<EventMessage> taken = orders.take(4, LIMIT);
            assertThat(blocking.nack(taken.get(0), Duration.ZERO)).isTrue();
            assertThat(blocking.reject(taken.get(1), "never")).isTrue();
            assertThat(blocking.release(taken.get(2))).isTrue();
            assertThat(blocking.extend(taken.get(3), Duration.ofMinutes(5))).isTrue();
            assertThat(blocking.ack(taken.get(3).eventId())).isTrue();

            List<EventMessage> again = orders.take(2, LIMIT);
            assertThat(again)
                    .extracting(EventMessage::eventId)
                    .containsExactlyInAnyOrder(
                            taken.get(0).eventId(), taken.get(2).eventId());
            assertThat(again)
                    .allSatisfy(message -> assertThat(message.attempts())
                            .isEqualTo(message.eventId().equals(taken.get(0).eventId()) ? 2 : 1));
            assertThat(blocking.nack(again.get(0).eventId())).isTrue();
        }
    }

    @Test
    void aPollWaitsNoLongerThanItIsTold() {
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            assertThat(orders.poll(Duration.ZERO)).isEmpty();
            assertThat(orders.poll(Duration.ofMillis(50))).isEmpty();
            assertThat(orders.take(3, Duration.ofMillis(50))).isEmpty();
            blocking.publish("orders", 1);
            assertThat(orders.poll(LIMIT)).isPresent();
        }
    }

    // == Many threads ==

    @Test
    @Timeout(300)
    void sixteenThreadsPublishAndSixteenConsumeEachEventOnce() throws InterruptedException {
        Set<Integer> seen = ConcurrentHashMap.newKeySet();
        AtomicInteger deliveries = new AtomicInteger();
        CountDownLatch all = new CountDownLatch(EVENTS);
        Queue<BlockingSubscription> subscriptions = new ConcurrentLinkedQueue<>();
        List<Background<Boolean>> consumers = IntStream.range(0, THREADS)
                .mapToObj(number -> Background.run("consumer-" + number, () -> {
                    try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
                        subscriptions.add(orders);
                        for (EventMessage message : orders) {
                            deliveries.incrementAndGet();
                            if (blocking.ack(message) && seen.add(message.payloadAs(Integer.class))) {
                                all.countDown();
                            }
                        }
                    }
                    return true;
                }))
                .toList();
        List<Background<Boolean>> publishers = IntStream.range(0, THREADS)
                .mapToObj(number -> Background.run("publisher-" + number, () -> {
                    for (int order = number; order < EVENTS; order += THREADS) {
                        blocking.publish("orders", order);
                    }
                    return true;
                }))
                .toList();

        publishers.forEach(publisher ->
                assertThat(publisher.result(Duration.ofSeconds(200))).isTrue());
        assertThat(all.await(60, TimeUnit.SECONDS)).isTrue();
        subscriptions.forEach(BlockingSubscription::close);
        consumers.forEach(consumer -> assertThat(consumer.result()).isTrue());
        assertThat(seen).hasSize(EVENTS);
        assertThat(deliveries).hasValue(EVENTS);
    }

    // == What it holds ==

    @Test
    void anIterationThatIsNotAdvancedHoldsNoMoreThanItsPrefetch() {
        publish(100);
        try (BlockingSubscription orders = blocking.blockingSubscribe(
                        "orders", SubscribeOptions.defaults().withPrefetch(10));
                BlockingSubscription other = blocking.blockingSubscribe("orders")) {
            for (int acked = 0; acked < 50; acked++) { // the faster they are settled, the more it reads ahead
                assertThat(blocking.ack(orders.next())).isTrue();
            }
            assertThat(orders.hasNext()).isTrue();
            assertThat(other.take(40, LIMIT)).hasSize(40);
        }
    }

    @Test
    void aTakeDoesNotWaitForMoreThanThePrefetchOfTheChannelAllows() {
        BlockingEventChannel narrow = BlockingEventChannel.of(stage.open(Stage.OPTIONS.withPrefetch(5)));
        publish(20);
        BlockingSubscription orders = narrow.blockingSubscribe("orders");
        assertThat(Background.run("taking", () -> orders.take(10, Duration.ofDays(1)))
                        .result())
                .hasSize(5);
        narrow.close();
    }

    @Test
    void whatHasNextHasFoundStaysForNextWhenTheRestIsGivenBack() {
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders");
                BlockingSubscription other = blocking.blockingSubscribe("orders")) {
            assertThat(orders.take(2, Duration.ofMillis(20))).isEmpty(); // it has asked for two
            List<String> ids = publish(2);
            assertThat(orders.hasNext()).isTrue();
            assertThat(other.next().eventId()).isEqualTo(ids.get(1));
            assertThat(orders.poll(Duration.ZERO))
                    .hasValueSatisfying(message -> assertThat(message.eventId()).isEqualTo(ids.get(0)));
        }
    }

    // == Giving back ==

    @Test
    void aSubscriptionThatNobodyCallsClaimsNothing() {
        try (BlockingSubscription idle = blocking.blockingSubscribe("orders");
                BlockingSubscription busy = blocking.blockingSubscribe("orders")) {
            publish(50);
            assertThat(numbers(busy.take(50, LIMIT)))
                    .isEqualTo(IntStream.range(0, 50).boxed().toList());
            assertThat(idle.poll(Duration.ofMillis(50))).isEmpty();
        }
    }

    @Test
    void closingGivesBackWhatWasNotAnsweredAsIfItHadNeverBeenTaken() {
        List<String> ids = publish(20);
        BlockingSubscription orders = blocking.blockingSubscribe("orders");
        assertThat(orders.take(15, LIMIT))
                .hasSize(15)
                .allSatisfy(message -> blocking.ack(message)); // so that it reads ahead
        assertThat(orders.hasNext()).isTrue();
        orders.close();

        try (BlockingSubscription next = blocking.blockingSubscribe("orders")) {
            List<EventMessage> rest = next.take(5, LIMIT);
            assertThat(rest).extracting(EventMessage::eventId).containsExactlyInAnyOrderElementsOf(ids.subList(15, 20));
            assertThat(rest).extracting(EventMessage::attempts).containsOnly(1);
        }
    }

    @Test
    void whatArrivesWhenNobodyWaitsIsGivenBackSoon() {
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders");
                BlockingSubscription other = blocking.blockingSubscribe("orders")) {
            assertThat(orders.take(3, Duration.ofMillis(20))).isEmpty(); // what it asked for it gets when nobody waits
            List<String> ids = publish(3);
            List<EventMessage> given = other.take(3, LIMIT);
            assertThat(given).extracting(EventMessage::eventId).containsExactlyInAnyOrderElementsOf(ids);
            assertThat(given).extracting(EventMessage::attempts).containsOnly(1);
        }
    }

    @Test
    void whatAnAbandonedSubscriptionHoldsIsGivenBack() {
        String id = blocking.publish("orders", "to be found again");
        findAndForget();
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            Optional<EventMessage> again = Optional.empty();
            for (long end = System.nanoTime() + LIMIT.toNanos(); again.isEmpty() && System.nanoTime() < end; ) {
                System.gc();
                again = orders.poll(Duration.ofMillis(100));
            }
            assertThat(again).hasValueSatisfying(message -> {
                assertThat(message.eventId()).isEqualTo(id);
                assertThat(message.attempts()).isEqualTo(1);
            });
        }
    }

    private void findAndForget() {
        assertThat(blocking.blockingSubscribe("orders").hasNext()).isTrue();
    }

    @Test
    void anExceptionInsideTryWithResourcesLeavesTheOneInHandToItsLeaseAndGivesBackTheRest() {
        List<String> ids = publish(10);
        List<EventMessage> inHand = new ArrayList<>();
        assertThatThrownBy(() -> {
                    try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
                        for (EventMessage message : orders) {
                            inHand.add(message);
                            throw new IllegalStateException("out of stock");
                        }
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("out of stock")
                .hasNoSuppressedExceptions();

        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            List<EventMessage> rest = orders.take(9, LIMIT);
            assertThat(rest).extracting(EventMessage::eventId).containsExactlyInAnyOrderElementsOf(ids.subList(1, 10));
            assertThat(rest).extracting(EventMessage::attempts).containsOnly(1);
            assertThat(blocking.nack(inHand.get(0), Duration.ZERO)).isTrue();
            assertThat(orders.next().eventId()).isEqualTo(ids.get(0));
        }
    }

    // == Interruption ==

    @Test
    void anInterruptedThreadStopsWaitingKeepsItsFlagAndHoldsNothing() {
        BlockingSubscription orders = blocking.blockingSubscribe("orders");
        BlockingSubscription polled = blocking.blockingSubscribe("orders");
        BlockingSubscription taken = blocking.blockingSubscribe("orders");
        List<Background<?>> calls = List.of(
                Background.run("in next", orders::next),
                Background.run("in poll", () -> polled.poll(LIMIT)),
                Background.run("in take", () -> taken.take(5, LIMIT)),
                Background.run("in receive", () -> blocking.receive("orders", LIMIT)));
        for (Background<?> call : calls) {
            call.awaitWaiting().interrupt();
            assertThat(call.failure())
                    .isInstanceOf(EventException.Interrupted.class)
                    .hasMessageContaining("thread \"in ");
            assertThat(call.interruptedAfterwards()).isTrue();
        }
        String id = blocking.publish("orders", "for whoever comes");
        EventMessage message = orders.next();
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(message.attempts()).isEqualTo(1);
    }

    @Test
    void aTakeThatIsInterruptedGivesBackWhatItHad() {
        List<String> ids = publish(2);
        BlockingSubscription orders = blocking.blockingSubscribe("orders");
        assertThat(orders.hasNext()).isTrue();
        Background<?> take =
                Background.run("in take", () -> orders.take(3, LIMIT)).awaitWaiting();
        take.interrupt();
        assertThat(take.failure()).isInstanceOf(EventException.Interrupted.class);

        try (BlockingSubscription other = blocking.blockingSubscribe("orders")) {
            List<EventMessage> given = other.take(2, LIMIT);
            assertThat(given).extracting(EventMessage::eventId).containsExactlyInAnyOrderElementsOf(ids);
            assertThat(given).extracting(EventMessage::attempts).containsOnly(1);
        }
    }

    @Test
    void onAThreadThatWasInterruptedBeforeNothingIsSent() {
        Background<?> publish = Background.run("interrupted", () -> {
            Thread.currentThread().interrupt();
            return blocking.publish("orders", "never");
        });
        assertThat(publish.failure())
                .isInstanceOf(EventException.Interrupted.class)
                .hasMessageContaining("nothing was sent");
        assertThat(publish.interruptedAfterwards()).isTrue();
        assertThat(blocking.receive("orders", Duration.ZERO)).isEmpty();
    }

    @Test
    void closingWorksOnAThreadThatWasInterrupted() {
        String id = blocking.publish("orders", "found");
        BlockingEventChannel other = stage.blocking();
        Background<Boolean> close = Background.run("interrupted", () -> {
            BlockingSubscription orders = other.blockingSubscribe("orders");
            boolean found = orders.hasNext();
            Thread.currentThread().interrupt();
            other.close();
            return found;
        });
        assertThat(close.result()).isTrue();
        assertThat(close.interruptedAfterwards()).isTrue();
        assertThat(blocking.receive("orders", LIMIT).orElseThrow().eventId()).isEqualTo(id);
    }

    // == The end ==

    @Test
    void closingFromAnotherThreadEndsTheCallThatWaits() {
        BlockingSubscription orders = blocking.blockingSubscribe("orders");
        Background<Boolean> waiting = Background.run("waiting", orders::hasNext).awaitWaiting();
        orders.close();
        assertThat(waiting.result()).isFalse();
        assertThat(orders.hasNext()).isFalse();
        assertThatThrownBy(orders::next).isInstanceOf(NoSuchElementException.class);
        assertThatThrownBy(() -> orders.poll(Duration.ZERO))
                .isInstanceOf(EventException.Closed.class)
                .hasMessageContaining("closed");
        orders.close();
    }

    @Test
    void aShutdownOfTheChannelEndsIterations() {
        EventChannel events = stage.open();
        BlockingSubscription orders = BlockingEventChannel.of(events).blockingSubscribe("orders");
        Background<Boolean> waiting = Background.run("waiting", orders::hasNext).awaitWaiting();
        events.shutdown().block(LIMIT);
        assertThat(waiting.result()).isFalse();
        assertThatThrownBy(() -> orders.take(1, LIMIT))
                .isInstanceOf(EventException.Closed.class)
                .hasMessageContaining("shut down");
    }

    @Test
    void closingTheBridgeClosesItsSubscriptionsAndLeavesTheChannelOpen() {
        EventChannel events = stage.open();
        BlockingEventChannel bridge = BlockingEventChannel.of(events);
        BlockingSubscription orders = bridge.blockingSubscribe("orders");
        bridge.close();
        bridge.close();
        assertThat(orders.hasNext()).isFalse();
        assertThatThrownBy(() -> bridge.publish("orders", 1))
                .isInstanceOf(EventException.Closed.class)
                .hasMessageContaining("publish");
        assertThatThrownBy(() -> bridge.blockingSubscribe("orders")).isInstanceOf(EventException.Closed.class);
        assertThat(events.publish("orders", 1).block(LIMIT)).isNotNull();
    }
}
