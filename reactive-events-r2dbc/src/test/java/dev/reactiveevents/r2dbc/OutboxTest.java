package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What is published in a transaction commits with it, or never was. */
class OutboxTest {

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }

        @Test
        void aBackendThatKeepsNothingHasNoOutbox() {
            R2dbcEventChannel events = open(builder -> builder.backend(BackendType.LISTEN_NOTIFY));
            assertThatThrownBy(() -> events.in(transaction().connection()))
                    .isInstanceOf(EventException.Unsupported.class)
                    .hasMessageContaining("LISTEN_NOTIFY_DURABLE");
            assertThatThrownBy(() -> Objects.requireNonNull(
                            events.inTransaction((connection, publisher) -> publisher.publish("orders", 1))))
                    .isInstanceOf(EventException.Unsupported.class);
        }

        @Test
        void workThatHidesAFailureOfItsTransactionIsNotTakenForCommitted() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            Mono<String> hiding = events.inTransaction((connection, publisher) -> publisher
                    .publish("orders", 1)
                    .delayUntil(id -> execute(connection, "SELECT 1 / 0").onErrorComplete()));
            assertThatThrownBy(() -> hiding.block(LIMIT)).isInstanceOf(EventException.class);
            assertThat(stored()).isZero();
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

        @Override
        List<String> idsInOrder() {
            String dashed =
                    "INSERT(INSERT(INSERT(INSERT(HEX(event_id), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')";
            return database.query("SELECT LOWER(" + dashed + ") FROM \"queue\" ORDER BY seq", String.class);
        }

        /** Which is what it does by default. */
        @Test
        void whatATransactionSeesThatIsGoneByNowIsStoredAgain() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            Event event = Event.of("payments", 1).withId(UUID.randomUUID());
            events.publish(event).block(LIMIT);
            TestDatabase.Transaction transaction = transaction();
            transaction.execute("SELECT COUNT(*) FROM \"queue\"");
            assertThat(events.withdraw(event.id().toString()).block(LIMIT)).isTrue();
            events.in(transaction.connection()).publish(event).block(LIMIT);
            commit(transaction);
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(1);
        }
    }

    abstract static class OnEveryDatabase {

        static final Duration LIMIT = Duration.ofSeconds(30);
        static final Duration NO_POLLING = Duration.ofMinutes(10);

        final TestDatabase database;
        private final ConnectionPool pool;
        private final List<R2dbcEventChannel> opened = new ArrayList<>();
        private final List<Disposable> subscriptions = new ArrayList<>();
        private final List<TestDatabase.Transaction> transactions = new ArrayList<>();

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
            this.pool = database.pool(6);
            database.execute("CREATE TABLE ledger (payment INTEGER NOT NULL)");
        }

        @AfterEach
        void close() {
            transactions.forEach(TestDatabase.Transaction::close);
            subscriptions.forEach(Disposable::dispose);
            Flux.fromIterable(opened).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
            pool.disposeLater().block(LIMIT);
        }

        R2dbcEventChannel open(UnaryOperator<R2dbcEventChannelBuilder> change) {
            R2dbcEventChannel events = change.apply(TestDatabase.builder(pool)).build();
            opened.add(events);
            return events;
        }

        TestDatabase.Transaction transaction() {
            TestDatabase.Transaction transaction = database.transaction();
            transactions.add(transaction);
            return transaction;
        }

        static void commit(TestDatabase.Transaction transaction) {
            Mono.from(transaction.connection().commitTransaction()).block(LIMIT);
        }

        Arrivals subscribe(R2dbcEventChannel events) {
            Arrivals arrivals = Arrivals.at(events);
            subscriptions.add(arrivals::cancel);
            return arrivals;
        }

        static Mono<Long> execute(Connection connection, String sql) {
            return Flux.from(connection.createStatement(sql).execute())
                    .concatMap(Result::getRowsUpdated)
                    .reduce(0L, Long::sum);
        }

        static Mono<Long> pay(Connection connection, int payment) {
            return execute(connection, "INSERT INTO ledger (payment) VALUES (" + payment + ")");
        }

        long stored() {
            return database.number("SELECT COUNT(*) FROM \"queue\"");
        }

        private long ledger() {
            return database.number("SELECT COUNT(*) FROM ledger");
        }

        private static List<Event> three() {
            return IntStream.range(0, 3).mapToObj(i -> Event.of("orders", i)).toList();
        }

        List<String> idsInOrder() {
            return database.query("SELECT CAST(event_id AS VARCHAR(36)) FROM \"queue\" ORDER BY seq", String.class);
        }

        // == In a transaction of the caller's ==

        @Test
        void theEventIsThereWithTheCommitAndNotBefore() {
            R2dbcEventChannel events = open(builder -> builder.pollInterval(Duration.ofMillis(50)));
            Arrivals arrivals = subscribe(events);
            TestDatabase.Transaction transaction = transaction();
            pay(transaction.connection(), 42).block(LIMIT);
            String id = events.in(transaction.connection())
                    .publish(Event.of("orders", "payload")
                            .withType("order.placed")
                            .withKey("anna")
                            .withMetadata("source", "checkout"))
                    .block(LIMIT);
            assertThat(stored()).isZero();
            assertThat(arrivals.hasNone()).isTrue();

            commit(transaction);
            EventMessage message = arrivals.next(LIMIT);
            assertThat(message.eventId()).isEqualTo(id);
            assertThat(message.payloadAs(String.class)).isEqualTo("payload");
            assertThat(message.type()).isEqualTo("order.placed");
            assertThat(message.key()).isEqualTo("anna");
            assertThat(message.metadata()).containsEntry("source", "checkout");
            assertThat(ledger()).isEqualTo(1);
        }

        @Test
        void aRollbackLeavesNothing() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            TestDatabase.Transaction transaction = transaction();
            EventPublisher publisher = events.in(transaction.connection());
            pay(transaction.connection(), 42).block(LIMIT);
            publisher.publish("orders", 1).block(LIMIT);
            publisher.publishAll(three()).block(LIMIT);
            publisher.publishAll(Flux.fromIterable(three())).blockLast(LIMIT);
            transaction.rollback();
            assertThat(stored()).isZero();
            assertThat(ledger()).isZero();
        }

        @Test
        void eachCallIsOneStatementAndNeverEndsTheTransaction() {
            R2dbcEventChannel events = open(builder -> builder.wakeOnCommit(false));
            TestDatabase.Transaction transaction = transaction();
            Recorded recorded = Recorded.of(transaction.connection());
            EventPublisher publisher = events.in(recorded.connection());
            publisher.publish("orders", 1).block(LIMIT);
            publisher.publishAll(three()).block(LIMIT);
            assertThat(recorded.calls()).containsExactly("INSERT", "INSERT");
            commit(transaction);
            assertThat(stored()).isEqualTo(4);
        }

        @Test
        void batchesAndStreamsKeepTheirOrder() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            TestDatabase.Transaction transaction = transaction();
            EventPublisher publisher = events.in(transaction.connection());
            int many = 2_500;
            List<Event> batch = IntStream.range(0, many)
                    .mapToObj(i -> Event.of("orders", i))
                    .toList();
            List<String> ids = new ArrayList<>(publisher.publishAll(batch).block(LIMIT));
            ids.addAll(
                    publisher.publishAll(Flux.fromIterable(batch)).collectList().block(LIMIT));
            assertThat(publisher.publishAll(List.of()).block(LIMIT)).isEmpty();
            commit(transaction);
            assertThat(idsInOrder()).isEqualTo(ids).hasSize(2 * many);
        }

        @Test
        void subscribingAgainStoresTheEventOnceInThisTransactionAndInAnother() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            TestDatabase.Transaction transaction = transaction();
            Mono<String> publish = events.in(transaction.connection()).publish("orders", 1);
            String id = publish.block(LIMIT);
            assertThat(publish.block(LIMIT)).isEqualTo(id);
            transaction.rollback();
            Mono.from(transaction.connection().beginTransaction()).block(LIMIT);
            assertThat(publish.block(LIMIT)).isEqualTo(id);
            commit(transaction);
            assertThat(idsInOrder()).containsExactly(id);
        }

        @Test
        void aDeduplicationKeyStoresOnceAndAnIdOfAnotherChannelIsRefused() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            Event once = Event.of("orders", 1).withDeduplicationKey("order-42");
            events.publish(once).block(LIMIT);
            TestDatabase.Transaction transaction = transaction();
            EventPublisher publisher = events.in(transaction.connection());
            publisher.publishAll(List.of(once, once)).block(LIMIT);
            Mono<String> elsewhere =
                    publisher.publish(Event.of("invoices", 1).withId(Objects.requireNonNull(once.id())));
            assertThatThrownBy(() -> elsewhere.block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class)
                    .hasMessageContaining("\"orders\"")
                    .hasMessageContaining("Roll back");
            commit(transaction);
            assertThat(stored()).isEqualTo(1);
        }

        @Test
        void badInputFailsBeforeTheDatabaseIsCalled() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            Recorded recorded = Recorded.of(transaction().connection());
            EventPublisher publisher = events.in(recorded.connection());
            assertThatThrownBy(() -> publisher.publish((Event) null).block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class);
            assertThatThrownBy(() -> publisher.publish("orders", "\0").block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class);
            assertThatThrownBy(() -> publisher
                            .publishAll(List.of(Event.of("orders", 1), Event.of("orders", "\0")))
                            .block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class);
            assertThatThrownBy(() -> events.in(null)).isInstanceOf(EventException.Invalid.class);
            assertThat(recorded.calls()).isEmpty();
        }

        @Test
        void afterAShutdownItRefuses() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            EventPublisher publisher = events.in(transaction().connection());
            events.shutdown().block(LIMIT);
            assertThatThrownBy(() -> publisher.publish("orders", 1).block(LIMIT))
                    .isInstanceOf(EventException.Closed.class);
            assertThatThrownBy(() -> publisher.publishAll(three()).block(LIMIT))
                    .isInstanceOf(EventException.Closed.class);
        }

        // == In a transaction of ours ==

        @Test
        void workAndEventsCommitTogetherAndSubscribersAreWokenAtOnce() {
            R2dbcEventChannel events = open(builder -> builder.pollInterval(NO_POLLING));
            Arrivals arrivals = subscribe(events);
            String id = events.inTransaction(
                            (connection, publisher) -> pay(connection, 42).then(publisher.publish("orders", 42)))
                    .block(LIMIT);
            assertThat(arrivals.next(LIMIT).eventId()).isEqualTo(id);
            assertThat(ledger()).isEqualTo(1);
        }

        @Test
        void workThatFailsOrThrowsLeavesNothingAndItsErrorIsTold() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            IllegalStateException broke = new IllegalStateException("no funds");
            Mono<String> failing = events.inTransaction((connection, publisher) ->
                    pay(connection, 42).then(publisher.publish("orders", 42)).then(Mono.error(broke)));
            Mono<String> throwing = events.inTransaction((connection, publisher) -> {
                throw broke;
            });
            assertThatThrownBy(() -> failing.block(LIMIT)).isSameAs(broke);
            assertThatThrownBy(() -> throwing.block(LIMIT)).isSameAs(broke);
            assertThat(stored()).isZero();
            assertThat(ledger()).isZero();
        }

        @Test
        void cancellingRollsBackAndGivesTheConnectionBack() {
            ConnectionPool alone = database.pool(1);
            R2dbcEventChannel events =
                    TestDatabase.builder(alone).wakeOnCommit(false).build();
            opened.add(events);
            CompletableFuture<Void> published = new CompletableFuture<>();
            Disposable running = events.inTransaction((connection, publisher) -> publisher
                            .publish("orders", 42)
                            .doOnNext(id -> published.complete(null))
                            .then(Mono.never()))
                    .subscribe();
            Mono.fromFuture(published).block(LIMIT);
            running.dispose();
            events.publish("orders", 43).block(LIMIT);
            assertThat(stored()).isEqualTo(1);
            alone.dispose();
        }

        @Test
        void theEndOfTheTransactionIsNotForTheWork() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            Mono<Void> committing = events.inTransaction((connection, publisher) ->
                    publisher.publish("orders", 42).then(Mono.from(connection.commitTransaction())));
            assertThatThrownBy(() -> committing.block(LIMIT))
                    .hasMessageContaining("commitTransaction()")
                    .hasMessageContaining("inTransaction");
            assertThat(stored()).isZero();
        }

        @Test
        void itIsColdAndEachSubscriptionIsATransaction() {
            R2dbcEventChannel events = open(UnaryOperator.identity());
            Mono<String> work = events.inTransaction((connection, publisher) -> publisher.publish("orders", 42));
            assertThat(stored()).isZero();
            String first = work.block(LIMIT);
            String second = work.block(LIMIT);
            assertThat(idsInOrder()).containsExactly(first, second);
        }

        @Test
        void whatAHandlerPublishesCommitsWithItsEventAndWakesAtOnce() {
            R2dbcEventChannel events = open(builder -> builder.pollInterval(NO_POLLING));
            Arrivals arrivals = subscribe(events);
            EventListener listener = events.listen(
                    "payments",
                    events.transactional((message, connection) ->
                            pay(connection, 42).then(events.in(connection).publish("orders", message.payload()))));
            listener.ready().block(LIMIT);
            events.publish("payments", 42).block(LIMIT);
            assertThat(arrivals.next(LIMIT).payloadAs(Integer.class)).isEqualTo(42);
            listener.stop(LIMIT).block(LIMIT);
            assertThat(ledger()).isEqualTo(1);
        }
    }
}
