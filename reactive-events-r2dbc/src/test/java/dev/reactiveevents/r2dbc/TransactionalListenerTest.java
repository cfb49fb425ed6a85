package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Transactional handlers as listeners run them: by keys, to their end when they are stopped, and where nothing is kept. */
class TransactionalListenerTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }
    }

    @Nested
    class OnPostgresWithNotifications extends OnEveryDatabase {
        OnPostgresWithNotifications() {
            super(TestDatabase.postgres());
        }

        @Override
        R2dbcEventChannelBuilder builder() {
            return super.builder().backend(BackendType.LISTEN_NOTIFY_DURABLE);
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2());
        }
    }

    @Nested
    class OnMariaDb extends OnEveryDatabase {
        OnMariaDb() {
            super(TestDatabase.mariaDb());
        }
    }

    abstract static class OnEveryDatabase {

        private static final int KEYS = 3;
        private static final int OF_EACH = 10;

        private final TestDatabase database;
        private final ConnectionPool pool;
        private final List<R2dbcEventChannel> opened = new ArrayList<>();
        private final Sinks.Empty<Void> gate = Sinks.empty();

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
            this.pool = database.pool(12);
            database.execute("CREATE TABLE ledger (line INTEGER PRIMARY KEY, owner VARCHAR(40), payment INTEGER)");
        }

        @AfterEach
        void close() {
            gate.tryEmitEmpty();
            Flux.fromIterable(opened).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
            pool.disposeLater().block(LIMIT);
        }

        R2dbcEventChannelBuilder builder() {
            return TestDatabase.builder(pool).shutdownTimeout(LIMIT);
        }

        private R2dbcEventChannel open(UnaryOperator<R2dbcEventChannelBuilder> change) {
            R2dbcEventChannel events = change.apply(builder()).build();
            opened.add(events);
            return events;
        }

        private static Mono<Void> insert(Connection connection, int line, EventMessage message) {
            String values = line + ", '" + message.key() + "', " + message.payloadAs(Integer.class);
            return Flux.from(connection
                            .createStatement("INSERT INTO ledger (line, owner, payment) VALUES (" + values + ")")
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }

        private long number(String what) {
            return database.number("SELECT COUNT(*) FROM " + what);
        }

        /** Of each key the fourth fails once, after its work. Lines are numbered when the work begins. */
        @Test
        void ofAKeyOneCommitsAfterTheOtherInOrderWhoeverWorksOnIt() {
            AtomicInteger lines = new AtomicInteger();
            AtomicInteger together = new AtomicInteger();
            Map<String, String> atWork = new ConcurrentHashMap<>();
            for (int i = 0; i < 2; i++) {
                R2dbcEventChannel events = open(UnaryOperator.identity());
                EventHandler handler = events.transactional((message, connection) -> Mono.defer(() -> {
                            if (atWork.putIfAbsent(message.key(), message.eventId()) != null) {
                                together.incrementAndGet();
                            }
                            return insert(connection, lines.incrementAndGet(), message);
                        })
                        .then(Mono.defer(() -> message.payloadAs(Integer.class) == 3 && message.attempts() == 1
                                ? Mono.<Void>error(new IllegalStateException("not yet"))
                                : Mono.empty()))
                        .doOnTerminate(() -> atWork.remove(message.key(), message.eventId())));
                events.listen(
                                "payments",
                                handler,
                                ListenOptions.defaults().withConcurrency(4).withRetry(RetryPolicy.fixed(Duration.ZERO)))
                        .ready()
                        .block(LIMIT);
            }
            opened.get(0)
                    .publishAll(IntStream.range(0, KEYS * OF_EACH)
                            .mapToObj(i -> Event.of("payments", i / KEYS).withKey("key-" + i % KEYS))
                            .toList())
                    .block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'acked'", KEYS * OF_EACH);

            assertThat(together).hasValue(0);
            assertThat(number("ledger")).isEqualTo(KEYS * OF_EACH);
            assertThat(number("\"queue\" WHERE attempts = 2")).isEqualTo(KEYS);
            assertThat(number("\"queue\" WHERE attempts > 2")).isZero();
            for (int key = 0; key < KEYS; key++) {
                assertThat(database.query(
                                "SELECT payment FROM ledger WHERE owner = 'key-" + key + "' ORDER BY line",
                                Integer.class))
                        .containsExactlyElementsOf(
                                IntStream.range(0, OF_EACH).boxed().toList());
            }
        }

        @Test
        void whereNothingIsKeptTheAcknowledgedEventIsDeletedWithTheWork() {
            R2dbcEventChannel events =
                    open(builder -> builder.retention(Duration.ZERO).maxAttempts(1));
            EventHandler handler = events.transactional((message, connection) -> insert(connection, 1, message)
                    .then(
                            message.payloadAs(Integer.class) == 0
                                    ? Mono.error(new IllegalStateException("failed"))
                                    : Mono.empty()));
            events.publish("payments", 1).block(LIMIT);
            EventMessage message = events.receive("payments", LIMIT).block(LIMIT);
            handler.handle(message).block(LIMIT);
            assertThat(number("\"queue\"")).isZero();
            assertThat(number("ledger")).isEqualTo(1);
            assertThat(message.ack().block(LIMIT)).as("it is what happened").isTrue();
            assertThat(message.nack().block(LIMIT)).isFalse();

            events.publish("payments", 0).block(LIMIT);
            handler.handle(events.receive("payments", LIMIT).block(LIMIT))
                    .onErrorComplete()
                    .block(LIMIT);
            assertThat(number("\"queue\" WHERE status = 'dead'")).isEqualTo(1);
            assertThat(number("ledger")).isEqualTo(1);
        }

        /** Listens with a handler that has done its work and waits at the gate. */
        private EventListener atWork(R2dbcEventChannel events) {
            CompletableFuture<Void> atWork = new CompletableFuture<>();
            EventListener listener = events.listen(
                    "payments",
                    events.transactional((message, connection) -> insert(connection, 1, message)
                            .doOnSuccess(done -> atWork.complete(null))
                            .then(gate.asMono())));
            events.publish("payments", 1).block(LIMIT);
            Mono.fromFuture(atWork).block(LIMIT);
            return listener;
        }

        private void assertThatItEndsWithTheWork(CompletableFuture<Void> end) {
            assertThat(end).isNotDone();
            assertThat(number("ledger")).isZero();
            gate.tryEmitEmpty();
            Mono.fromFuture(end).block(LIMIT);
            assertThat(number("ledger")).isEqualTo(1);
            assertThat(number("\"queue\" WHERE status = 'acked' AND attempts = 1"))
                    .isEqualTo(1);
        }

        @Test
        void aStopWaitsForTheCommit() {
            EventListener listener = atWork(open(UnaryOperator.identity()));
            CompletableFuture<Void> end = listener.stop(LIMIT).toFuture();
            assertThat(listener.state()).isEqualTo(State.STOPPING);
            assertThatItEndsWithTheWork(end);
            assertThat(listener.counts().handled()).isEqualTo(1);
        }

        @Test
        void aShutdownWaitsForTheCommit() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            atWork(events);
            assertThatItEndsWithTheWork(events.shutdown().toFuture());
        }
    }
}
