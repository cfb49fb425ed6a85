package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Statement;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Whoever has an event's row locked for long, as a transactional handler does, holds up nobody but who is after this event. */
class LockedRowTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static String work(String eventId) {
        return "UPDATE \"queue\" SET attempts = attempts WHERE event_id = '" + eventId + "'";
    }

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2());
        }
    }

    @Nested
    class OnMariaDb extends OnOneWhoseHandlersWaitForTheRow {
        OnMariaDb() {
            super(TestDatabase.mariaDb());
        }
    }

    @Nested
    class OnMySql extends OnOneWhoseHandlersWaitForTheRow {
        OnMySql() {
            super(new TestDatabase(ConnectionFactories.get(MySqlServer.freshDatabase())));
        }
    }

    /** The beginning of a handler's transaction waits for whoever is about to take the event. */
    abstract static class OnOneWhoseHandlersWaitForTheRow extends OnEveryDatabase {
        OnOneWhoseHandlersWaitForTheRow(TestDatabase database) {
            super(database);
        }

        /** As many as there are statements at a time: they were others' already when their leases were over. */
        @Test
        void acknowledgementsOfWhatAHandlerNeverGotHoldUpNoOther() {
            R2dbcEventChannel events = open(database.connections(), Duration.ofSeconds(5));
            List<EventMessage> late = List.of(received(events, "orders"), received(events, "orders"));
            String[] taken = late.stream()
                    .map(message -> "UPDATE \"queue\" SET lease_token = '" + UUID.randomUUID() + "' WHERE event_id = '"
                            + message.eventId() + "'")
                    .toArray(String[]::new);
            List<CompletableFuture<Void>> handled;
            try (TestDatabase.Transaction other = database.transaction(taken)) {
                handled = late.stream()
                        .map(message -> events.transactional((ignored, connection) -> Mono.never())
                                .handle(message)
                                .toFuture())
                        .toList();
                awaitLoss(received(events, "later"));
                assertThat(handled).noneMatch(CompletableFuture::isDone);
                Mono.from(other.connection().commitTransaction()).block(LIMIT);
            }
            handled.forEach(refused -> Mono.fromFuture(refused).block(LIMIT));

            assertHoldUpNoOther(events, late);
        }
    }

    abstract static class OnEveryDatabase {

        final TestDatabase database;
        private final List<R2dbcEventChannel> opened = new ArrayList<>();
        private final List<Connection> connections = new CopyOnWriteArrayList<>();
        private final Sinks.Empty<Void> gate = Sinks.empty();

        /** The failure of a handler is about to be recorded. */
        private final CompletableFuture<Void> recording = new CompletableFuture<>();

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
        }

        @AfterEach
        void close() {
            gate.tryEmitEmpty();
            Flux.fromIterable(connections).concatMap(Connection::close).blockLast(LIMIT);
            Flux.fromIterable(opened).concatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
        }

        R2dbcEventChannel open(ConnectionFactory factory, Duration lease) {
            R2dbcEventChannel events =
                    TestDatabase.builder(factory).lease(lease).build();
            opened.add(events);
            return events;
        }

        static EventMessage received(R2dbcEventChannel events, String channel) {
            events.publish(channel, 1).block(LIMIT);
            return events.receive(channel, LIMIT).block(LIMIT);
        }

        static void awaitLoss(EventMessage message) {
            Mono.fromSupplier(message::isLeaseLost)
                    .filter(lost -> lost)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LIMIT);
        }

        /** A handler that is at work, with its event's row, until the test ends. */
        private String atWork(R2dbcEventChannel events) {
            EventMessage message = received(events, "orders");
            CompletableFuture<Void> atWork = new CompletableFuture<>();
            events.transactional((ignored, connection) -> {
                        atWork.complete(null);
                        return gate.asMono();
                    })
                    .handle(message)
                    .subscribe();
            Mono.fromFuture(atWork).block(LIMIT);
            return message.eventId();
        }

        @Test
        void whatIsWorkedOnIsNotWithdrawnAndNobodyWaits() {
            R2dbcEventChannel events = open(database.connections(), Duration.ofMinutes(1));
            assertThat(events.withdraw(atWork(events)).block(LIMIT)).isFalse();
        }

        @Test
        void whatIsWorkedOnIsPublishedAgainInVainAndNobodyWaits() {
            R2dbcEventChannel events = open(database.connections(), Duration.ofMinutes(1));
            String id = atWork(events);
            Event again = Event.of("orders", 1).withId(id);
            Event other = Event.of("orders", 2).withId(UUID.randomUUID().toString());
            assertThat(events.publishAll(List.of(again, other)).block(LIMIT))
                    .containsExactly(id, other.id().toString());
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(2);
        }

        /** Some databases limit a claim before they skip what is locked. */
        @Test
        void whoTakesOneEventAtATimeIsGivenTheNextThatIsFree() {
            R2dbcEventChannel events = open(database.connections(), Duration.ofMinutes(1));
            String[] work = Flux.range(1, 3)
                    .concatMap(i -> events.publish("orders", i))
                    .map(LockedRowTest::work)
                    .collectList()
                    .block(LIMIT)
                    .toArray(String[]::new);
            String last = events.publish("orders", 4).block(LIMIT);
            try (TestDatabase.Transaction other = database.transaction(work)) {
                EventMessage free = events.receive("orders", LIMIT).block(LIMIT);
                assertThat(free.eventId()).isEqualTo(last);
                other.rollback();
            }
        }

        /** As many as there are statements at a time, whose leases are over, and somebody else works on the events. */
        @Test
        void lateAcknowledgementsHoldUpNoOther() {
            R2dbcEventChannel events = open(database.connections(), Duration.ofSeconds(10));
            List<EventMessage> late = List.of(received(events, "orders"), received(events, "orders"));
            database.execute("UPDATE \"queue\" SET lease_token = '" + UUID.randomUUID() + "'");
            late.forEach(OnEveryDatabase::awaitLoss);
            assertHoldUpNoOther(events, late);
        }

        /** Others are at work on these by now. */
        void assertHoldUpNoOther(R2dbcEventChannel events, List<EventMessage> late) {
            List<CompletableFuture<Boolean>> acknowledged;
            String[] work =
                    late.stream().map(message -> work(message.eventId())).toArray(String[]::new);
            try (TestDatabase.Transaction other = database.transaction(work)) {
                acknowledged =
                        late.stream().map(message -> message.ack().toFuture()).toList();
                assertThat(received(events, "invoices").ack().block(LIMIT)).isTrue();
                assertThat(acknowledged).noneMatch(CompletableFuture::isCompletedExceptionally);
                other.rollback();
            }
            assertThat(acknowledged)
                    .allSatisfy(answer ->
                            assertThat(Mono.fromFuture(answer).block(LIMIT)).isFalse());
        }

        /** Whoever has claimed the event since then works on it in a transaction. */
        @Test
        void aHandlerWhoseEventIsInOtherHandsDoesNotWaitForThem() {
            R2dbcEventChannel events = open(database.connections(), Duration.ofMinutes(1));
            EventMessage late = received(events, "orders");
            database.execute("UPDATE \"queue\" SET lease_token = '" + UUID.randomUUID() + "'");
            AtomicBoolean worked = new AtomicBoolean();
            try (TestDatabase.Transaction other = database.transaction(work(late.eventId()))) {
                events.transactional((message, connection) -> Mono.fromRunnable(() -> worked.set(true)))
                        .handle(late)
                        .block(LIMIT);
                other.rollback();
            }
            assertThat(worked).isFalse();
        }

        private Connection thatNeverRollsBack(Connection connection) {
            connections.add(connection);
            return (Connection) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, values) -> {
                        String sql = String.valueOf(values == null ? null : values[0]);
                        if (sql.contains("COALESCE(") && sql.contains("last_error)")) {
                            recording.complete(null);
                        }
                        if (method.getName().equals("rollbackTransaction")) {
                            return Mono.never();
                        }
                        return sql.equals("ROLLBACK") ? neverAnswered() : method.invoke(connection, values);
                    });
        }

        private Statement neverAnswered() {
            return (Statement) Proxy.newProxyInstance(
                    getClass().getClassLoader(),
                    new Class<?>[] {Statement.class},
                    (proxy, method, values) -> Mono.never());
        }

        @Test
        void rollbacksThatAreNotConfirmedHoldUpNobody() {
            R2dbcEventChannel events = open(
                    database.changed(connection -> connection.map(this::thatNeverRollsBack)), Duration.ofMinutes(1));
            List<EventMessage> failing = List.of(received(events, "orders"), received(events, "orders"));
            List<CompletableFuture<Void>> handled = failing.stream()
                    .map(message -> events.transactional(
                                    (ignored, connection) -> Mono.error(new IllegalStateException("failed")))
                            .handle(message)
                            .toFuture())
                    .toList();
            Mono.fromFuture(recording).block(LIMIT);

            assertThat(received(events, "invoices").ack().block(LIMIT)).isTrue();
            assertThat(handled).noneMatch(CompletableFuture::isDone);
        }
    }
}
