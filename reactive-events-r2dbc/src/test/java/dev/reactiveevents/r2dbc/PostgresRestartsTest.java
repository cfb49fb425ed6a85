package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/** The server itself is stopped and started, again and again, in the middle of the traffic of backends that listen to it. */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class PostgresRestartsTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final PostgresServer.Restartable server = new PostgresServer.Restartable();
    private final TestDatabase database = new TestDatabase(ConnectionFactories.get(server.url()));
    private final ConnectionPool pool = database.pool(5);

    @AfterEach
    void close() {
        pool.disposeLater().block(LIMIT);
        server.close();
    }

    @Test
    void whatAPublisherRepeatsUntilItIsConfirmedIsStoredOnceAndArrives() {
        database.migrated();
        R2dbcEventChannel events = TestDatabase.builder(pool)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .lease(Duration.ofSeconds(2))
                .build();
        try (Traffic traffic = new Traffic(events, events)) {
            Rounds.all().forEach(round -> {
                traffic.awaitConfirmed(100);
                awaitHeard(events); // otherwise the next stop may fall into the same outage
                server.stop();
                traffic.awaitFailure();
                server.start();
            });
            traffic.awaitConfirmed(100);
            awaitHeard(events);
            traffic.endsWithNothingLostOrStoredTwice(database, "queue");
        }
        assertThat(events.snapshot().reconnects()).isGreaterThanOrEqualTo(Rounds.COUNT);
        events.shutdown().block(LIMIT);
    }

    @Test
    void aSubscriberOfABroadcastIsToldOfEachRestartAndHearsAgain() {
        R2dbcEventChannel events = R2dbcEventChannel.builder(pool)
                .backend(BackendType.LISTEN_NOTIFY)
                .build();
        BlockingQueue<Integer> arrived = new LinkedTransferQueue<>();
        BlockingQueue<Long> missed = new LinkedTransferQueue<>();
        Sinks.Empty<Void> ready = Sinks.empty();
        Disposable subscription = events.subscribe(
                        "orders",
                        SubscribeOptions.defaults()
                                .withOnReady(ready::tryEmitEmpty)
                                .withOnMissed(missed::add))
                .map((EventMessage message) -> message.payloadAs(Integer.class))
                .subscribe(arrived::add);
        ready.asMono().block(LIMIT);
        Rounds.all().forEach(round -> {
            publish(events, round);
            assertThat(Arrivals.next(arrived, LIMIT)).isEqualTo(round);

            server.stop();
            assertThat(catchThrowable(() -> events.publish("orders", -round).block(LIMIT)))
                    .isInstanceOfAny(EventException.Unavailable.class, EventException.OutcomeUnknown.class);
            Traffic.await(() -> events.snapshot().notifications() == Notifications.NOT_HEARD);

            server.start();
            assertThat(Arrivals.next(missed, LIMIT)).isZero();
            assertThat(events.snapshot().notifications()).isEqualTo(Notifications.HEARD);
        });
        publish(events, 0);
        assertThat(Arrivals.next(arrived, LIMIT)).isZero();

        assertThat(missed).isEmpty();
        assertThat(events.snapshot().cutOffs()).isEqualTo(Rounds.COUNT);
        assertThat(events.snapshot().reconnects()).isEqualTo(Rounds.COUNT);
        subscription.dispose();
        assertThat(events.snapshot().notifications()).isEqualTo(Notifications.UNUSED);
        events.shutdown().block(LIMIT);
    }

    private static void awaitHeard(R2dbcEventChannel events) {
        Traffic.await(() -> events.snapshot().notifications() == Notifications.HEARD);
    }

    /** The pool may have connections that the restart broke. */
    private static void publish(R2dbcEventChannel events, int number) {
        events.publish("orders", number)
                .retryWhen(Retry.fixedDelay(100, Duration.ofMillis(20))
                        .filter(EventException.Unavailable.class::isInstance))
                .block(LIMIT);
    }
}
