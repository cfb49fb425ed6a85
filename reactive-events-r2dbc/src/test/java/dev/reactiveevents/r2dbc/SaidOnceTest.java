package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** What an operator finds in the log: whatever lasts is said once. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
@Isolated("reads what is logged")
class SaidOnceTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Test
    void theDefaultOfPostgresSaysWhatItPromisesAndNamesTheDurableBackend() {
        try (LoggedLines logged = new LoggedLines()) {
            R2dbcEventChannel.create(PostgresServer.connectionFactory());

            assertThat(logged.of("INFO", "listen_notify"))
                    .singleElement()
                    .asString()
                    .contains("at most once", "nothing is stored", "BackendType.LISTEN_NOTIFY_DURABLE");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "LISTEN_NOTIFY         | goes to one of the subscribers that compete for its channel, not to all",
                "LISTEN_NOTIFY_DURABLE | the promise is the same"
            })
    void aFallbackSaysWhatChangesAndIsSeenInTheSnapshot(BackendType asked, String change) {
        try (LoggedLines logged = new LoggedLines()) {
            R2dbcEventChannel events = R2dbcEventChannel.builder(
                            TestDatabase.h2().connections())
                    .backend(asked)
                    .build();

            assertThat(logged.of("WARN", asked.optionName() + " does not exist on H2"))
                    .singleElement()
                    .asString()
                    .contains("table_queue", change);
            assertThat(events.snapshot())
                    .isEqualTo(new ChannelSnapshot(
                            BackendType.TABLE_QUEUE,
                            true,
                            Notifications.UNUSED,
                            new ChannelTotals(0, 0, 0, 0, 0, 0, 0, 0, 0),
                            0,
                            0,
                            0));
        }
    }

    /** A publish that is given up while its statement waits for a lock is none: its line would come before the other's. */
    @Test
    void aConnectionThatDoesNotComeBackIsToldAndOneThatStillWorksIsNot() {
        PostgresQueue queue = new PostgresQueue();
        R2dbcEventChannel events = queue.open(queue.builder(queue.direct()).publishTimeout(Duration.ofSeconds(2)));
        try (LoggedLines logged = new LoggedLines();
                PostgresQueue.Lock lock = queue.lock()) {
            StepVerifier.create(events.publish("orders", 1))
                    .expectError(EventException.OutcomeUnknown.class)
                    .verify(LIMIT);
            Connection unending = Mono.from(queue.direct().create()).block(LIMIT);
            new Release(false).after(Mono.never(), unending).block(LIMIT);
            lock.rollback();

            assertThat(logged.of("WARN", "A connection was not given back within PT5S"))
                    .hasSize(1);
            Mono.from(unending.close()).block(LIMIT);
        } finally {
            queue.close();
        }
    }

    @Test
    void aSubscriberOfABroadcastThatWasCutOffIsNamed() {
        TestDatabase database = TestDatabase.postgres();
        R2dbcEventChannel events = R2dbcEventChannel.builder(database.connections())
                .backend(BackendType.LISTEN_NOTIFY)
                .build();
        Sinks.Empty<Void> ready = Sinks.empty();
        Disposable subscription = events.subscribe(
                        "cut_off", SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty))
                .subscribe();
        ready.asMono().block(LIMIT);
        try (LoggedLines logged = new LoggedLines()) {
            database.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname ="
                            + " current_database()",
                    Boolean.class);
            logged.await("WARN", "Events of [cut_off] may have been missed");

            assertThat(logged.of("WARN", "Notifications of PostgreSQL are cut off"))
                    .hasSize(1);
            assertThat(logged.of("WARN", "may have been missed")).hasSize(1);
        }
        subscription.dispose();
        events.shutdown().block(LIMIT);
    }

    @Test
    void behindAPoolerInTransactionModeItIsSaidOnceAndPolled() throws IOException {
        String url = PostgresServer.freshDatabase();
        TestDatabase database = new TestDatabase(ConnectionFactories.get(url)).migrated();
        try (LoggedLines logged = new LoggedLines();
                Proxy pooler = new Proxy(url, false)) {
            R2dbcEventChannel pooled = durable(database)
                    .listenerConnections(pooler.connections())
                    .probeInterval(Duration.ofMillis(100))
                    .pollInterval(Duration.ofMillis(200))
                    .build();
            R2dbcEventChannel elsewhere = durable(database).build();
            Sinks.Many<EventMessage> arrived = Sinks.many().replay().all();
            Disposable consumer = pooled.subscribe("orders")
                    .doOnNext(arrived::tryEmitNext)
                    .flatMap(EventMessage::ack)
                    .subscribe();
            logged.await("WARN", "pooler in transaction mode");
            assertThat(pooled.snapshot().notifications()).isEqualTo(Notifications.NOT_HEARD);

            int attempts = pooler.accepted();
            Traffic.await(() -> pooler.accepted() >= attempts + 2);
            Flux.range(0, 10).concatMap(i -> elsewhere.publish("orders", i)).blockLast(LIMIT);
            assertThat(arrived.asFlux()
                            .take(10)
                            .map(message -> message.payloadAs(Integer.class))
                            .collectList()
                            .block(LIMIT))
                    .isEqualTo(IntStream.range(0, 10).boxed().toList());
            assertThat(logged.of("WARN", "pooler in transaction mode")).hasSize(1);
            assertThat(logged.of("WARN", "Notifications of PostgreSQL")).hasSizeLessThanOrEqualTo(2);
            assertThat(pooled.snapshot().notifications()).isEqualTo(Notifications.NOT_HEARD);
            consumer.dispose();
            Flux.just(pooled, elsewhere).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
        }
    }

    private static R2dbcEventChannelBuilder durable(TestDatabase database) {
        return database.builder().backend(BackendType.LISTEN_NOTIFY_DURABLE);
    }
}
