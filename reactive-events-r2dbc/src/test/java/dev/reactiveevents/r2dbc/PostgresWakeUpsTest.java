package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Two channel objects that poll so seldom that only notifications can bring anything in time. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class PostgresWakeUpsTest {

    private static final Duration LIMIT = Duration.ofSeconds(25);
    private static final Duration AT_ONCE = Duration.ofSeconds(1);
    private static final Duration NO_POLLING = Duration.ofMinutes(10);

    private final PostgresQueue queue = new PostgresQueue();
    private final String listeners = "listener-" + UUID.randomUUID();
    private final R2dbcEventChannel here = open(NO_POLLING, queue.pool("here", 5));
    private final R2dbcEventChannel elsewhere = open(NO_POLLING, queue.pool("elsewhere", 5));

    private R2dbcEventChannel open(Duration pollInterval, ConnectionFactory database) {
        return queue.open(durable(pollInterval, database).listenerConnections(queue.pool(listeners, 1)));
    }

    private R2dbcEventChannelBuilder durable(Duration pollInterval, ConnectionFactory database) {
        return queue.builder(database)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .pollInterval(pollInterval);
    }

    @AfterEach
    void close() {
        queue.close();
    }

    // == What wakes ==

    @Test
    void theNextEventOfAKeyArrivesElsewhereOnceTheOneBeforeIsSettledHere() {
        Event event = Event.of("orders", 1).withKey("anna");
        here.publishAll(List.of(event, event, event)).block(LIMIT);
        EventMessage first = here.receive("orders", LIMIT).block(LIMIT);
        Arrivals arrivals = Arrivals.at(elsewhere);
        assertThat(arrivals.hasNone()).isTrue();
        assertThat(first.ack().block(LIMIT)).isTrue();
        arrivals.next(AT_ONCE);
        arrivals.next(AT_ONCE);
    }

    @Test
    void aPublishElsewhereWakesAtOnce() {
        Arrivals arrivals = Arrivals.at(here);
        elsewhere.publish("orders", -1).block(LIMIT);
        arrivals.next(LIMIT); // told over a connection that is opened for it
        for (int i = 0; i < 20; i++) {
            String id = elsewhere.publish("orders", i).block(LIMIT);
            assertThat(arrivals.next(AT_ONCE).eventId()).isEqualTo(id);
        }
    }

    @Test
    void whatIsGivenBackElsewhereWakesAtOnce() {
        here.publish("orders", 1).block(LIMIT);
        EventMessage first = elsewhere.receive("orders", LIMIT).block(LIMIT);
        Arrivals arrivals = Arrivals.at(here);

        assertThat(first.nack(Duration.ZERO).block(LIMIT)).isTrue();
        assertThat(arrivals.next(AT_ONCE).attempts()).isEqualTo(2);
    }

    @Test
    void aDelayThatIsSetElsewhereWakesWhenItIsOver() {
        Duration delay = Duration.ofMillis(600);
        Arrivals arrivals = Arrivals.at(here);
        elsewhere.publish("orders", 0).block(LIMIT);
        arrivals.next(LIMIT); // told over a connection that is opened for it
        long start = System.nanoTime();
        elsewhere.publish(Event.of("orders", 1).withDelay(delay)).block(LIMIT);
        arrivals.next(delay.plus(AT_ONCE));

        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(delay);
    }

    @Test
    void aRetryThatIsSetElsewhereWakesWhenItIsDue() {
        Duration delay = Duration.ofMillis(600);
        here.publish("orders", 1).block(LIMIT);
        EventMessage first = elsewhere.receive("orders", LIMIT).block(LIMIT);
        Arrivals arrivals = Arrivals.at(here);
        first.nack(delay).block(LIMIT);

        assertThat(arrivals.next(delay.plus(AT_ONCE)).attempts()).isEqualTo(2);
    }

    @Test
    void whatIsReleasedElsewhereWakesAtOnce() {
        IntStream.range(0, 300).forEach(i -> here.publish("orders", i).block(LIMIT));
        HalfWay leaving = new HalfWay(150);
        elsewhere.subscribe("orders").subscribe(leaving);
        new TestDatabase(queue.direct())
                .await("SELECT count(*) FROM " + queue.table() + " WHERE status = 'acked'", 150);
        new TestDatabase(queue.direct())
                .await("SELECT least(count(*), 1) FROM " + queue.table() + " WHERE status = 'leased'", 1);
        Arrivals arrivals = Arrivals.at(here);
        leaving.cancel();

        IntStream.range(150, 300)
                .forEach(i -> assertThat(arrivals.next(LIMIT).attempts()).isEqualTo(1));
    }

    /** Acknowledges so many and asks for no more; what was claimed beyond that waits in its buffer. */
    private static final class HalfWay extends BaseSubscriber<EventMessage> {

        private final int demand;

        HalfWay(int demand) {
            this.demand = demand;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            request(demand);
        }

        @Override
        protected void hookOnNext(EventMessage message) {
            message.ack().subscribe();
        }
    }

    @Test
    void whatAShutdownElsewhereGivesBackWakesAtOnce() {
        here.publish("orders", 1).block(LIMIT);
        assertThat(elsewhere.receive("orders", LIMIT).block(LIMIT).attempts()).isEqualTo(1);
        Arrivals arrivals = Arrivals.at(here);
        elsewhere.shutdown().block(LIMIT);

        assertThat(arrivals.next(AT_ONCE).attempts()).isEqualTo(2);
    }

    @Test
    void aChannelThatOnlyPublishesDoesNotListen() {
        elsewhere.publish("orders", 1).block(LIMIT);
        Arrivals.at(here).next(AT_ONCE);
        elsewhere.publish("orders", 2).block(LIMIT);

        assertThat(queue.number(listening())).isEqualTo(1);
    }

    /** Who only tells has another last statement. */
    private String listening() {
        return "SELECT count(*) FROM pg_stat_activity WHERE application_name = '" + listeners
                + "' AND query LIKE 'LISTEN%'";
    }

    // == What may happen to the connection ==

    @Test
    void nothingIsLostWhenTheListeningConnectionsAreKilledInMidTraffic() {
        Arrivals arrivals = Arrivals.at(here);
        Set<Integer> expected = IntStream.range(0, 600).boxed().collect(Collectors.toSet());
        Flux.range(0, 600)
                .concatMap(i -> elsewhere.publish("orders", i))
                .index()
                .filter(published -> published.getT1() % 200 == 100)
                .publishOn(Schedulers.boundedElastic(), 1)
                .doOnNext(published -> awaitListening())
                .doOnNext(published -> assertThat(queue.kill(listeners)).isPositive())
                .blockLast(LIMIT);
        Set<Integer> arrived = new TreeSet<>();
        while (!arrived.equals(expected)) {
            arrived.add(arrivals.next(LIMIT).payloadAs(Integer.class));
        }
        awaitListening();
        String afterwards = elsewhere.publish("orders", 600).block(LIMIT);

        assertThat(arrivals.next(AT_ONCE).eventId()).isEqualTo(afterwards);
    }

    private void awaitListening() {
        new TestDatabase(queue.direct()).await(listening(), 1);
    }

    @Test
    void aListenerThatCannotConnectIsReadyAndPolls() {
        ConnectionFactory nowhere = ConnectionFactories.get("r2dbc:postgresql://me@localhost:1/none");
        R2dbcEventChannel polling = queue.open(
                durable(Duration.ofMillis(200), queue.pool("polling", 5)).listenerConnections(nowhere));
        Arrivals arrivals = Arrivals.at(polling);

        elsewhere.publish("orders", 1).block(LIMIT);
        arrivals.next(AT_ONCE);
        polling.publish("orders", 2).block(LIMIT);
        arrivals.next(AT_ONCE);
    }

    @Test
    void aConnectionThatGoesDeadInSilenceIsReplaced() throws IOException {
        try (Proxy proxy = new Proxy(queue.url(), true)) {
            R2dbcEventChannel proxied = queue.open(durable(NO_POLLING, queue.pool("proxied", 5))
                    .listenerConnections(proxy.connections())
                    .probeInterval(Duration.ofMillis(100)));
            Arrivals arrivals = Arrivals.at(proxied);
            elsewhere.publish("orders", 1).block(LIMIT);
            arrivals.next(LIMIT); // told over a connection that is opened for it

            proxy.freeze();
            elsewhere.publish("orders", 2).block(LIMIT);
            arrivals.next(LIMIT); // found when the loss was noticed: nobody listens yet
            elsewhere.publish("orders", 3).block(LIMIT);
            arrivals.next(LIMIT);
            Traffic.await(() -> proxied.snapshot().notifications() == Notifications.HEARD);
            for (int i = 4; i < 8; i++) {
                elsewhere.publish("orders", i).block(LIMIT);
                arrivals.next(AT_ONCE);
            }
            assertThat(proxy.accepted()).isEqualTo(2);
            proxied.shutdown().block(LIMIT);
        }
    }

    @Test
    void aWayOnWhichNotificationsGetLostIsReplacedAndPolled() throws IOException {
        try (Proxy pooler = new Proxy(queue.url(), false)) {
            R2dbcEventChannel pooled = queue.open(durable(Duration.ofMillis(200), queue.pool("pooled", 5))
                    .listenerConnections(pooler.connections())
                    .probeInterval(Duration.ofSeconds(30)));
            Arrivals arrivals = Arrivals.at(pooled);
            for (int i = 0; i < 5; i++) {
                elsewhere.publish("orders", i).block(LIMIT);
                arrivals.next(AT_ONCE);
            }
            Mono.fromSupplier(pooler::accepted)
                    .filter(connections -> connections == 2)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                    .block(LIMIT);
            elsewhere.publish("orders", 5).block(LIMIT);
            arrivals.next(AT_ONCE);
            pooled.shutdown().block(LIMIT);
        }
    }

    @Test
    void aPoolOfOneIsEnough() {
        ConnectionFactory one = queue.pool("one", 1);
        R2dbcEventChannel receiving = queue.open(durable(NO_POLLING, one));
        R2dbcEventChannel publishing = queue.open(durable(NO_POLLING, one));
        Arrivals arrivals = Arrivals.at(receiving);
        Flux.range(0, 200).flatMap(i -> publishing.publish("orders", i)).blockLast(LIMIT);

        IntStream.range(0, 200).forEach(i -> arrivals.next(LIMIT));
    }

    // == Names ==

    @ParameterizedTest
    @ValueSource(
            strings = {
                "select",
                "User",
                "Order.Group",
                "a23456789_123456789_123456789_123456789_1234567.b23456789_123456789_123456789_123456789_1234567"
            })
    void anyNameOfAQueueTableWakes(String table) {
        ConnectionFactory database = ConnectionFactories.get(PostgresServer.freshDatabase());
        R2dbcEventChannel one = durable(NO_POLLING, database).queueTable(table).build();
        R2dbcEventChannel other =
                durable(NO_POLLING, database).queueTable(table).build();
        EventSchema.of(one).migrate().block(LIMIT);
        Arrivals arrivals = Arrivals.at(one);
        other.publish("orders", 1).block(LIMIT);
        arrivals.next(LIMIT); // told over a connection that is opened for it
        other.publish("orders", 2).block(LIMIT);

        arrivals.next(AT_ONCE);
        Flux.just(one, other).flatMap(EventChannel::shutdown).blockLast(LIMIT);
    }
}
