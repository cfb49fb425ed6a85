package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A way to the server, for statements and notifications alike, that is cut, slow, or dead in silence. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class PostgresProxyTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration NO_POLLING = Duration.ofMinutes(10);
    private static final Duration LEASE = Duration.ofSeconds(2);

    private final PostgresQueue queue = new PostgresQueue();
    private final String victim = "victim-" + UUID.randomUUID();
    private final Proxy proxy = new Proxy(queue.url(), true);
    private final ConnectionPool proxied =
            new ConnectionPool(ConnectionPoolConfiguration.builder(proxy.connections(victim))
                    .initialSize(0)
                    .maxSize(5)
                    .build());

    @AfterEach
    void close() throws IOException {
        proxy.close();
        queue.close();
        // to take leave of the server over a connection that was cut fails, if the driver has not heard of the cut yet
        proxied.disposeLater().onErrorComplete().block(LIMIT);
    }

    static IntStream rounds() {
        return Rounds.all();
    }

    /** What is under way on a dead connection is given up after a second. */
    private R2dbcEventChannel throughTheProxy() {
        return queue.open(durable(queue.builder(proxied)).publishTimeout(Duration.ofSeconds(1)));
    }

    private R2dbcEventChannel direct() {
        return queue.open(durable(queue.builder(queue.pool("direct", 5))));
    }

    private static R2dbcEventChannelBuilder durable(R2dbcEventChannelBuilder builder) {
        return builder.backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .pollInterval(NO_POLLING)
                .lease(LEASE);
    }

    // == Cut ==

    @ParameterizedTest
    @MethodSource("rounds")
    void nothingIsLostOrStoredTwiceWhenTheWayIsCutAgainAndAgain(int round) {
        R2dbcEventChannel events = throughTheProxy();
        try (Traffic traffic = new Traffic(events, events)) {
            traffic.suffers(proxy::cut);
            traffic.endsWithNothingLostOrStoredTwice(new TestDatabase(queue.direct()), queue.table());
        }
    }

    /** The server tells of the end and closes in one, but a client reads one after the other. */
    @Test
    void aConnectionWhoseEndIsToldBeforeItIsClosedIsNotUsedAgain() {
        R2dbcEventChannel events = queue.open(Channels.tableQueue(proxied).queueTable(queue.table()));
        proxy.linger(Duration.ofMillis(300));
        Mono<String> publish = events.publish("orders", 1);
        try (PostgresQueue.Lock lock = queue.lock()) {
            CompletableFuture<String> first = publish.toFuture();
            queue.killWhenBlocked(victim);
            assertThat(first)
                    .failsWithin(LIMIT)
                    .withThrowableThat()
                    .withCauseInstanceOf(EventException.OutcomeUnknown.class);
            lock.rollback();
        }

        publish.block(LIMIT);

        assertThat(queue.number("SELECT count(*) FROM ${table}")).isEqualTo(1);
    }

    // == Slow ==

    @Test
    void aSlowWayIsOnlySlow() throws IOException {
        Duration delay = Duration.ofMillis(50);
        try (Proxy listening = new Proxy(queue.url(), true)) {
            proxy.delay(delay);
            listening.delay(delay);
            R2dbcEventChannel slow = queue.open(durable(queue.builder(proxied))
                    .listenerConnections(listening.connections())
                    .probeInterval(Duration.ofMillis(100)));
            Arrivals arrivals = Arrivals.at(slow);
            R2dbcEventChannel publisher = direct();
            for (int i = 0; i < 10; i++) {
                long start = System.nanoTime();
                publisher.publish("orders", i).block(LIMIT);
                EventMessage message = arrivals.next(LIMIT);
                assertThat(message.payloadAs(Integer.class)).isEqualTo(i);
                assertThat(message.attempts()).isEqualTo(1);
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(delay);
            }

            assertThat(listening.accepted()).isEqualTo(1);
            assertThat(slow.snapshot().reconnects()).isZero();
            slow.shutdown().block(LIMIT);
        }
    }

    @Test
    void whoSubscribesAsTheLastSubscriberLeavesIsReadyOnlyOnceItHears() {
        R2dbcEventChannel events = queue.open(R2dbcEventChannel.builder(queue.pool("broadcast", 5))
                .backend(BackendType.LISTEN_NOTIFY)
                .listenerConnections(proxy.connections()));
        Arrivals first = Arrivals.at(events);
        proxy.delay(Duration.ofMillis(100));
        first.cancel();
        Arrivals second = Arrivals.at(events); // while UNLISTEN is on its way
        Flux.range(0, 50)
                .concatMap(number -> events.publish("orders", number).then(Mono.delay(Duration.ofMillis(10))))
                .blockLast(LIMIT);

        for (int number = 0; number < 50; number++) {
            assertThat(second.next(LIMIT).payloadAs(Integer.class)).isEqualTo(number);
        }
        second.cancel();
    }

    // == Dead in silence ==

    @Test
    void aPublishOnADeadWayIsOfUnknownOutcomeInTimeAndStoredOnceWhenRepeated() {
        R2dbcEventChannel events = throughTheProxy();
        events.publish("orders", 0).block(LIMIT);
        Mono<String> publish = events.publish("orders", 1);
        proxy.freezeForGood();
        assertThat(catchThrowable(() -> publish.block(LIMIT))).isInstanceOf(EventException.OutcomeUnknown.class);

        proxy.cut();
        String id = publish.retry(10).block(LIMIT);
        assertThat(publish.block(LIMIT)).isEqualTo(id);
        assertThat(queue.number("SELECT count(*) FROM ${table}")).isEqualTo(2);
    }

    @Test
    void whatAConsumerOnADeadWayHoldsGoesToAnotherOneAndItselfRecovers() {
        R2dbcEventChannel dead = throughTheProxy();
        R2dbcEventChannel alive =
                queue.open(durable(queue.builder(queue.pool("alive", 5))).pollInterval(Duration.ofMillis(200)));
        Flux.range(0, 20).concatMap(i -> alive.publish("orders", i)).blockLast(LIMIT);
        BlockingQueue<EventMessage> held = new LinkedTransferQueue<>();
        Disposable holding = dead.subscribe("orders").subscribe(held::add);
        IntStream.range(0, 20).forEach(i -> Arrivals.next(held, LIMIT));
        proxy.freezeForGood();
        Arrivals others = Arrivals.at(alive);

        for (int i = 0; i < 20; i++) {
            assertThat(others.next(LIMIT).attempts()).isEqualTo(2);
        }
        others.cancel();
        proxy.cut();
        String id = alive.publish("orders", 20).block(LIMIT);
        assertThat(Arrivals.next(held, LIMIT).eventId()).isEqualTo(id);
        holding.dispose();
    }

    @Test
    void aBroadcastOnADeadWayIsReplacedAndItsSubscriberToldOfWhatItMayHaveMissed() {
        R2dbcEventChannel events = queue.open(R2dbcEventChannel.builder(queue.pool("broadcast", 5))
                .backend(BackendType.LISTEN_NOTIFY)
                .listenerConnections(proxy.connections())
                .probeInterval(Duration.ofMillis(100)));
        Sinks.One<Long> missed = Sinks.one();
        Arrivals arrivals =
                Arrivals.at(events, SubscribeOptions.defaults().withOnMissed(count -> missed.tryEmitValue(count)));
        events.publish("orders", 1).block(LIMIT);
        assertThat(arrivals.next(LIMIT).payloadAs(Integer.class)).isEqualTo(1);
        assertThat(events.snapshot().notifications()).isEqualTo(Notifications.HEARD);

        proxy.freeze();
        events.publish("orders", 2).block(LIMIT);
        assertThat(missed.asMono().block(LIMIT)).isZero();
        events.publish("orders", 3).block(LIMIT);

        assertThat(arrivals.next(LIMIT).payloadAs(Integer.class)).isEqualTo(3);
        assertThat(events.snapshot().reconnects()).isEqualTo(1);
        assertThat(events.snapshot().cutOffs()).isEqualTo(1);
    }
}
