package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.Overflow;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.micrometer.MicrometerObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import tools.jackson.databind.util.RawValue;

/** LISTEN and NOTIFY alone, on a real server, in an empty database. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class PostgresBroadcastTest {

    private static final Duration LIMIT = Duration.ofSeconds(25);

    private final TestDatabase database = TestDatabase.postgres();
    private final ConnectionPool pool = database.pool(5);
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final R2dbcEventChannel here = R2dbcEventChannel.builder(pool)
            .observer(MicrometerObserver.of(ObservationRegistry.NOOP, meters))
            .build();
    private final R2dbcEventChannel elsewhere = R2dbcEventChannel.create(pool);

    @AfterEach
    void close() {
        Flux.just(here, elsewhere).flatMap(EventChannel::shutdown).blockLast(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    /** A subscriber that is ready. */
    private static final class Listener extends BaseSubscriber<EventMessage> {

        /** Who adds takes no lock: on a driver's thread that would be an error, which ends the subscription. */
        private final BlockingQueue<EventMessage> messages = new LinkedTransferQueue<>();

        private final Sinks.Empty<Void> ready = Sinks.empty();
        private final Sinks.One<Throwable> failure = Sinks.one();
        private final Sinks.Many<Long> missed = Sinks.many().replay().all();
        private final long demand;

        Listener(EventChannel events, String channel, long demand, SubscribeOptions options) {
            this.demand = demand;
            events.subscribe(
                            channel,
                            options.withOnReady(ready::tryEmitEmpty).withOnMissed(count -> missed.tryEmitNext(count)))
                    .subscribe(this);
            ready.asMono().block(LIMIT);
        }

        Listener(EventChannel events, String channel) {
            this(events, channel, Long.MAX_VALUE, SubscribeOptions.defaults());
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            if (demand > 0) {
                request(demand);
            }
        }

        @Override
        protected void hookOnNext(EventMessage message) {
            messages.add(message);
        }

        @Override
        protected void hookOnError(Throwable error) {
            failure.tryEmitValue(error);
        }

        EventMessage next() {
            try {
                return Objects.requireNonNull(
                        messages.poll(10, TimeUnit.SECONDS),
                        () -> "nothing arrived; what ended it: "
                                + failure.asMono().toFuture().getNow(null));
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
        }

        List<Integer> numbers(int count) {
            return IntStream.range(0, count)
                    .mapToObj(i -> next().payloadAs(Integer.class))
                    .toList();
        }
    }

    // == What is delivered ==

    @Test
    void everySubscriberOfEveryChannelObjectGetsEveryEventInOrder() {
        List<Listener> listeners =
                List.of(new Listener(here, "orders"), new Listener(here, "orders"), new Listener(elsewhere, "orders"));
        List<Integer> numbers = IntStream.range(0, 500).boxed().toList();
        Flux.fromIterable(numbers)
                .concatMap(number -> here.publish("orders", number))
                .blockLast(LIMIT);

        listeners.forEach(listener -> assertThat(listener.numbers(500)).isEqualTo(numbers));
    }

    @Test
    void anEventArrivesWhole() {
        Listener listener = new Listener(here, "orders");
        String id = elsewhere
                .publish(Event.of("orders", Map.of("total", new BigDecimal("1.10"), "name", "Zoë \"x\""))
                        .withType("order.\"placed\"")
                        .withMetadata("source", "checkout"))
                .block(LIMIT);
        EventMessage message = listener.next();

        assertThat(message.eventId()).isEqualTo(id);
        assertThat(message.channel()).isEqualTo("orders");
        assertThat(message.type()).isEqualTo("order.\"placed\"");
        assertThat(message.payloadText()).contains("1.10", "Zoë");
        assertThat(message.metadata()).isEqualTo(Map.of("source", "checkout"));
        assertThat(message.attempts()).isEqualTo(1);
        assertThat(message.publishedAt()).isBetween(Instant.now().minusSeconds(60), Instant.now());
    }

    @Test
    void manyAtOnceArriveInTheirOrder() {
        Listener listener = new Listener(here, "orders");
        List<Event> events =
                IntStream.range(0, 300).mapToObj(i -> Event.of("orders", i)).toList();
        assertThat(elsewhere.publishAll(events).block(LIMIT)).hasSize(300);

        assertThat(listener.numbers(300))
                .isEqualTo(IntStream.range(0, 300).boxed().toList());
    }

    @Test
    void manyAtOnceFindTheirChannels() {
        Listener orders = new Listener(here, "orders");
        Listener invoices = new Listener(here, "invoices");
        elsewhere
                .publishAll(IntStream.range(0, 100)
                        .mapToObj(i -> Event.of(i % 3 == 0 ? "invoices" : "orders", i))
                        .toList())
                .block(LIMIT);

        assertThat(invoices.numbers(34))
                .isEqualTo(
                        IntStream.range(0, 100).filter(i -> i % 3 == 0).boxed().toList());
        assertThat(orders.numbers(66))
                .isEqualTo(
                        IntStream.range(0, 100).filter(i -> i % 3 != 0).boxed().toList());
    }

    /** It separates the events that are sent together. JSON does not allow it as it is, but a raw value is written as it is. */
    @Test
    void aControlCharacterDividesNoEvent() {
        Listener listener = new Listener(here, "orders");
        elsewhere
                .publishAll(List.of(
                        Event.of("orders", "a\u001eb"),
                        Event.of("orders", new RawValue("\"c\u001ed\"")),
                        Event.of("orders", "last")))
                .block(LIMIT);

        assertThat(listener.next().payloadAs(String.class)).isEqualTo("a\u001eb");
        assertThat(listener.next().payloadAs(String.class)).isEqualTo("c\u001ed");
        assertThat(listener.next().payloadAs(String.class)).isEqualTo("last");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain text",
                "{\"payload\": 1}",
                "[1, 2]",
                "{\"event_id\": 7, \"payload\": 1, \"published_at\": {}}"
            })
    void whatOthersNotifyArrivesAsItIs(String text) {
        Listener listener = new Listener(here, "orders");
        database.execute("NOTIFY orders, '" + text + "'");
        EventMessage message = listener.next();

        assertThat(message.payloadText()).isEqualTo(text);
        assertThat(UUID.fromString(message.eventId())).isNotNull();
        assertThat(message.type()).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"select", "user", "Order.Placed:v2", "_", "a-b"})
    void anyNameOfAChannelWorks(String channel) {
        Listener listener = new Listener(here, channel);
        elsewhere.publish(channel, 1).block(LIMIT);

        assertThat(listener.next().channel()).isEqualTo(channel);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\"; NOTIFY b; --", "a b", "1a", ""})
    void aNameThatCouldBeSomethingElseIsRefused(String channel) {
        assertThatThrownBy(() -> here.subscribe(channel).blockFirst(LIMIT)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> here.publish(channel, 1).block(LIMIT)).isInstanceOf(EventException.Invalid.class);
    }

    // == What is refused ==

    @Test
    void whatIsTooLargeIsRefusedAndWhatJustFitsArrives() {
        Listener listener = new Listener(here, "orders");
        int envelope = here.measure(Event.of("orders", ""));
        Event fits = Event.of("orders", "x".repeat(7_999 - envelope));
        Event tooLarge = Event.of("orders", "x".repeat(8_000 - envelope));

        assertThat(here.measure(fits)).isEqualTo(7_999);
        assertThat(here.fits(fits)).isTrue();
        assertThat(here.fits(tooLarge)).isFalse();
        assertThatThrownBy(() -> here.publish(tooLarge).block(LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("8000", "7999");
        assertThatThrownBy(() -> here.publishAll(List.of(fits, tooLarge)).block(LIMIT))
                .isInstanceOf(EventException.Invalid.class);
        here.publish(fits).block(LIMIT);
        assertThat(listener.next().payloadText()).hasSize(7_999 - envelope + 2);
        assertThat(listener.messages).isEmpty();
    }

    @Test
    void whatNeedsAStoreIsRefusedWithTheRemedy() {
        for (Event event : List.of(
                Event.of("orders", 1).withDelay(Duration.ofSeconds(1)),
                Event.of("orders", 1).withKey("anna"),
                Event.of("orders", 1).withDeduplicationKey("order-1"))) {
            assertThatThrownBy(() -> here.publish(event).block(LIMIT))
                    .isInstanceOf(EventException.Unsupported.class)
                    .hasMessageContaining("listen_notify");
        }
    }

    @Test
    void settlingIsTrueAndWhatWouldBringItAgainIsRefused() {
        Listener listener = new Listener(here, "orders");
        here.publish("orders", 1).block(LIMIT);
        EventMessage message = listener.next();

        assertThat(message.ack().block(LIMIT)).isTrue();
        assertThat(message.nack().block(LIMIT)).isTrue();
        for (Mono<Boolean> refused :
                List.of(message.nack(Duration.ZERO), message.extend(Duration.ofSeconds(1)), message.reject("bad"))) {
            assertThatThrownBy(() -> refused.block(LIMIT))
                    .isInstanceOf(EventException.Unsupported.class)
                    .hasMessageContaining("durable");
        }
    }

    // == Slow subscribers ==

    @Test
    void aSubscriberThatDoesNotKeepUpEndsAndTheOthersGetAll() {
        Listener fast = new Listener(here, "orders");
        Listener slow =
                new Listener(here, "orders", 1, SubscribeOptions.defaults().withPrefetch(10));
        publish(1_000);

        assertThat(fast.numbers(1_000))
                .isEqualTo(IntStream.range(0, 1_000).boxed().toList());
        assertThat(slow.failure.asMono().block(LIMIT))
                .isInstanceOf(EventException.Unavailable.class)
                .hasMessageContainingAll("orders", "10 events", "withOverflow");
    }

    @Test
    void theLatestAreDroppedAndCounted() {
        Listener slow = new Listener(
                here, "orders", 1, SubscribeOptions.defaults().withPrefetch(10).withOverflow(Overflow.DROP_LATEST));
        publish(100);
        assertThat(dropped(slow, 89)).isEqualTo(89);
        slow.request(Long.MAX_VALUE);

        assertThat(slow.numbers(11)).isEqualTo(IntStream.range(0, 11).boxed().toList());
        assertThat(here.snapshot().dropped()).isEqualTo(89);
        assertThat(elsewhere.snapshot().dropped()).isZero();
    }

    @Test
    void theOldestAreDroppedAndCounted() {
        Listener slow = new Listener(
                here, "orders", 1, SubscribeOptions.defaults().withPrefetch(10).withOverflow(Overflow.DROP_OLDEST));
        publish(100);
        assertThat(dropped(slow, 89)).isEqualTo(89);
        slow.request(Long.MAX_VALUE);

        assertThat(slow.numbers(11).subList(1, 11))
                .isEqualTo(IntStream.range(90, 100).boxed().toList());
        assertThat(here.snapshot().dropped()).isEqualTo(89);
    }

    private static long dropped(Listener listener, int calls) {
        AtomicLong dropped = new AtomicLong();
        listener.missed.asFlux().take(calls).doOnNext(dropped::addAndGet).blockLast(LIMIT);
        return dropped.get();
    }

    private void publish(int count) {
        here.publishAll(IntStream.range(0, count)
                        .mapToObj(i -> Event.of("orders", i))
                        .toList())
                .block(LIMIT);
    }

    // == Interruptions ==

    @Test
    void aSubscriberThatWasCutOffIsToldAndHearsAgain() {
        Listener listener = new Listener(here, "orders");
        here.publish("orders", 1).block(LIMIT);
        listener.next();
        database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname ="
                        + " current_database()",
                Boolean.class);

        assertThat(listener.missed.asFlux().blockFirst(LIMIT)).isZero();
        here.publish("orders", 2).block(LIMIT);
        assertThat(listener.numbers(1)).containsExactly(2);
        assertThat(meters.get("events.listener.reconnect").counter().count()).isEqualTo(1);
        assertThat(here.snapshot())
                .isEqualTo(new ChannelSnapshot(
                        BackendType.LISTEN_NOTIFY,
                        false,
                        ChannelSnapshot.Notifications.HEARD,
                        here.snapshot().totals(),
                        1,
                        1,
                        0));
    }

    @Test
    void aSubscriptionThatCannotEverListenEndsWithWhatToDo() {
        ConnectionFactory nobody = ConnectionFactories.get(ConnectionFactoryOptions.parse(PostgresServer.url())
                .mutate()
                .option(ConnectionFactoryOptions.DATABASE, "there_is_none")
                .build());
        R2dbcEventChannel lost = R2dbcEventChannel.create(nobody);

        assertThatThrownBy(() -> lost.subscribe("orders").blockFirst(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("Listening", "database name");
        lost.shutdown().block(LIMIT);
    }

    @Test
    void aFloodReachesTheFastInOrderAndDropsForTheSlow() {
        int flood = 100_000;
        Listener slow = new Listener(
                here, "orders", 1, SubscribeOptions.defaults().withPrefetch(10).withOverflow(Overflow.DROP_OLDEST));
        AtomicLong inOrder = new AtomicLong();
        Sinks.Empty<Void> ready = Sinks.empty();
        Mono<Void> fast = here.subscribe("orders", SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty))
                .doOnNext(message -> assertThat(message.payloadText()).isEqualTo("" + inOrder.getAndIncrement()))
                .take(flood)
                .then()
                .cache();
        fast.subscribe();
        ready.asMono().block(LIMIT);
        elsewhere
                .publishAll(Flux.range(0, flood).map(i -> Event.of("orders", i)))
                .blockLast(LIMIT);
        fast.block(LIMIT);

        assertThat(dropped(slow, flood - 11)).isEqualTo(flood - 11);
        slow.request(Long.MAX_VALUE);
        assertThat(slow.numbers(11).subList(1, 11))
                .isEqualTo(IntStream.range(flood - 10, flood).boxed().toList());
    }

    @Test
    void nothingIsListenedToAfterTheLastSubscriber() {
        new Listener(here, "orders").cancel();
        database.await(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UNLISTEN%' AND datname = current_database()",
                1);
        Listener again = new Listener(here, "orders");
        elsewhere.publish("orders", 1).block(LIMIT);

        assertThat(again.numbers(1)).containsExactly(1);
    }

    @Test
    void receivingWaitsForOneEvent() {
        assertThat(here.receive("orders", Duration.ofMillis(50)).blockOptional(LIMIT))
                .isEmpty();
        Disposable publishing = elsewhere
                .publish("orders", 1)
                .repeatWhen(published -> published.delayElements(Duration.ofMillis(20)))
                .subscribe();
        EventMessage message = here.receive("orders", LIMIT).block(LIMIT);
        publishing.dispose();

        assertThat(message.payloadAs(Integer.class)).isEqualTo(1);
    }

    @Test
    void aShutdownEndsTheSubscriptionsAndTakesNothingMore() {
        Flux<EventMessage> events = here.subscribe("orders");
        Mono<Void> end = events.then().cache();
        end.subscribe();
        here.shutdown().block(LIMIT);
        end.block(LIMIT);

        assertThatThrownBy(() -> here.publish("orders", 1).block(LIMIT)).isInstanceOf(EventException.Closed.class);
        assertThatThrownBy(() -> events.blockFirst(LIMIT)).isInstanceOf(EventException.Closed.class);
    }
}
