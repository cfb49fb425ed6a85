package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.postgresql.api.PostgresqlResult;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Wrapped;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** What a handler writes and the event it handles commit together, or neither does. */
class TransactionalTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }

        @Test
        void aTransactionThatItsProcessForgotIsEndedByTheDatabase() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message =
                    publishAndSubscribe(events, Duration.ofSeconds(2)).get(0);
            CompletableFuture<String> timeout = new CompletableFuture<>();
            events.transactional((ignored, connection) -> Flux.from(connection
                                    .createStatement("SHOW idle_in_transaction_session_timeout")
                                    .execute())
                            .concatMap(result -> result.map(row -> row.get(0, String.class)))
                            .doOnNext(timeout::complete))
                    .handle(message)
                    .block(LIMIT);
            assertThat(timeout).isCompletedWithValue("7s");
            assertThat(database.query("SHOW idle_in_transaction_session_timeout", String.class))
                    .containsExactly("0");
        }

        @Test
        void theHandlersOwnStatementsArePlannedAsUsual() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            CompletableFuture<String> planned = new CompletableFuture<>();
            events.transactional((ignored, connection) -> Flux.from(connection
                                    .createStatement("SHOW enable_seqscan")
                                    .execute())
                            .concatMap(result -> result.map(row -> row.get(0, String.class)))
                            .doOnNext(planned::complete))
                    .handle(message)
                    .block(LIMIT);
            assertThat(planned).isCompletedWithValue("on");
        }
    }

    @Nested
    class OnPostgresWithNotifications extends OnEveryDatabase {

        private static final Duration NO_POLLING = Duration.ofMinutes(10);

        OnPostgresWithNotifications() {
            super(TestDatabase.postgres());
        }

        @Override
        R2dbcEventChannel open(Function<R2dbcEventChannelBuilder, R2dbcEventChannelBuilder> change) {
            return super.open(builder -> change.apply(builder.backend(BackendType.LISTEN_NOTIFY_DURABLE)));
        }

        @Test
        void aNackWithinIsToldToOtherProcesses() {
            R2dbcEventChannel here = open(builder -> builder.pollInterval(NO_POLLING));
            here.publish("payments", 1).block(LIMIT);
            EventMessage message = here.receive("payments", LIMIT).block(LIMIT);
            CompletableFuture<Void> ready = new CompletableFuture<>();
            CompletableFuture<EventMessage> elsewhere = new CompletableFuture<>();
            subscriptions.add(open(builder -> builder.pollInterval(NO_POLLING))
                    .subscribe("payments", SubscribeOptions.defaults().withOnReady(() -> ready.complete(null)))
                    .subscribe(elsewhere::complete));
            Mono.fromFuture(ready).block(LIMIT);
            here.transactional(
                            (payment, connection) -> insert(connection, payment).then(payment.nack(Duration.ZERO)))
                    .handle(message)
                    .block(LIMIT);

            assertThat(Mono.fromFuture(elsewhere).block(LIMIT).attempts()).isEqualTo(2);
            assertThat(database.number("SELECT COUNT(*) FROM ledger")).isEqualTo(1);
        }

        /** Who waits for a key looks again by itself after a while, so that it is the word itself that is listened to. */
        @Test
        void aKeyThatIsFreedWithinIsToldToOtherProcessesAndWhatFreesNothingIsNot() {
            PostgresqlConnection listening = (PostgresqlConnection)
                    Mono.from(database.connections().create()).block(LIMIT);
            BlockingQueue<String> told = new LinkedTransferQueue<>();
            listening
                    .createStatement("LISTEN \"reactive_events.queue\"")
                    .execute()
                    .flatMap(PostgresqlResult::getRowsUpdated)
                    .blockLast(LIMIT);
            subscriptions.add(listening
                    .getNotifications()
                    .mapNotNull(Notification::getParameter)
                    .filter(channel -> channel.equals("payments") || channel.equals("others"))
                    .subscribe(told::add));
            R2dbcEventChannel here = open(builder -> builder.pollInterval(NO_POLLING));
            EventHandler handler = here.transactional((payment, connection) -> insert(connection, payment));
            here.publish(Event.of("others", 1)).block(LIMIT);
            assertThat(Arrivals.next(told, LIMIT)).isEqualTo("others");
            here.publish(Event.of("payments", 2).withKey("anna")).block(LIMIT);
            assertThat(Arrivals.next(told, LIMIT)).isEqualTo("payments");

            handler.handle(here.receive("others", LIMIT).block(LIMIT)).block(LIMIT);
            handler.handle(here.receive("payments", LIMIT).block(LIMIT)).block(LIMIT);
            assertThat(Arrivals.next(told, LIMIT)).isEqualTo("payments");
            listening.close().block(LIMIT);
        }
    }

    @Nested
    class OnH2 extends OnOneThatGoesOnAfterADeadlock {
        OnH2() {
            super(TestDatabase.h2());
        }
    }

    @Nested
    class OnMariaDb extends OnOneThatGoesOnAfterADeadlock {
        OnMariaDb() {
            super(TestDatabase.mariaDb());
        }

        /** The other transaction has changed more, so that it is not the one to be rolled back. */
        @Test
        void aDeadlockThatTheWorkSurvivesUndoesAllOfIt() {
            database.execute(
                    "CREATE TABLE stock (item INTEGER PRIMARY KEY, amount INTEGER NOT NULL)",
                    "INSERT INTO stock VALUES (1, 0), (2, 0)",
                    "CREATE TABLE movements (number INTEGER)");
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            List<Throwable> survived = new CopyOnWriteArrayList<>();
            try (TestDatabase.Transaction other = database.transaction(
                    "INSERT INTO movements SELECT seq FROM seq_1_to_1000",
                    "UPDATE stock SET amount = 5 WHERE item = 2")) {
                CompletableFuture<Void> crossed = new CompletableFuture<>();
                Mono<Void> crossing = Mono.<Void>fromRunnable(
                                () -> other.execute("UPDATE stock SET amount = 5 WHERE item = 1"))
                        .subscribeOn(Schedulers.boundedElastic());
                StepVerifier.create(events.transactional((payment, connection) -> insert(connection, 1)
                                        .then(execute(connection, "UPDATE stock SET amount = 1 WHERE item = 1"))
                                        .doOnSuccess(done -> crossing.subscribe(
                                                nothing -> {},
                                                crossed::completeExceptionally,
                                                () -> crossed.complete(null)))
                                        .then(execute(connection, "UPDATE stock SET amount = 1 WHERE item = 2"))
                                        .onErrorResume(deadlock -> {
                                            survived.add(deadlock);
                                            return Mono.empty();
                                        })
                                        .then(insert(connection, 2)))
                                .handle(message))
                        .verifyErrorSatisfies(TransactionalTest::assertAllIsRolledBack);
                Mono.fromFuture(crossed).block(LIMIT);
            }
            assertThat(survived).hasSize(1);
            assertThat(database.number("SELECT COUNT(*) FROM ledger")).isZero();
        }

        @Test
        void aTransactionThatItsProcessForgotIsEndedByTheDatabase() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message =
                    publishAndSubscribe(events, Duration.ofSeconds(2)).get(0);
            CompletableFuture<Long> timeout = new CompletableFuture<>();
            events.transactional(
                            (ignored, connection) -> waitTimeout(connection).doOnNext(timeout::complete))
                    .handle(message)
                    .block(LIMIT);
            assertThat(timeout).isCompletedWithValue(8L);

            List<Connection> all = Flux.range(0, 6)
                    .flatMap(i -> pool.create(), 6)
                    .collectList()
                    .block(LIMIT);
            assertThat(Flux.fromIterable(all)
                            .flatMap(OnMariaDb::waitTimeout)
                            .collectList()
                            .block(LIMIT))
                    .hasSize(6)
                    .doesNotContain(8L);
            assertThat(Flux.fromIterable(all)
                            .flatMap(connection -> number(connection, "SELECT @@autocommit"))
                            .collectList()
                            .block(LIMIT))
                    .hasSize(6)
                    .containsOnly(1L);
            Flux.fromIterable(all).flatMap(Connection::close).blockLast(LIMIT);
        }

        private static Flux<Long> waitTimeout(Connection connection) {
            return number(connection, "SELECT @@wait_timeout");
        }

        private static Flux<Long> number(Connection connection, String sql) {
            return Flux.from(connection.createStatement(sql).execute())
                    .concatMap(result -> result.map(row -> row.get(0, Long.class)));
        }
    }

    private static void assertAllIsRolledBack(Throwable refused) {
        assertThat(refused)
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("What it did was rolled back");
    }

    /** In a deadlock it rolls the whole transaction back, and takes what comes next for another one. */
    abstract static class OnOneThatGoesOnAfterADeadlock extends OnEveryDatabase {
        OnOneThatGoesOnAfterADeadlock(TestDatabase database) {
            super(database);
        }

        @Test
        void whatTheWorkGoesOnWithAfterItsTransactionWasRolledBackIsUndoneToo() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            StepVerifier.create(events.transactional((payment, connection) -> insert(connection, 1)
                                    .then(execute(connection, "ROLLBACK"))
                                    .then(insert(connection, 2)))
                            .handle(message))
                    .verifyErrorSatisfies(TransactionalTest::assertAllIsRolledBack);
            assertThat(ledger()).isZero();
            assertThat(status()).isEqualTo("dead");
        }

        @Test
        void aFailureIsRecordedAlsoWhereTheWorkHasCommittedBeforeIt() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            StepVerifier.create(events.transactional((payment, connection) -> insert(connection, 1)
                                    .then(execute(connection, "COMMIT"))
                                    .then(Mono.error(new IllegalStateException("no funds"))))
                            .handle(message))
                    .verifyErrorMessage("no funds");
            assertThat(ledger()).isEqualTo(1);
            assertThat(status()).isEqualTo("dead");
            assertThat(database.query("SELECT last_error FROM \"queue\"", String.class))
                    .singleElement()
                    .asString()
                    .contains("no funds");
        }
    }

    abstract static class OnEveryDatabase {

        final TestDatabase database;
        final ConnectionPool pool;
        private final List<R2dbcEventChannel> opened = new ArrayList<>();
        final List<Disposable> subscriptions = new ArrayList<>();

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
            this.pool = database.pool(6);
            database.execute("CREATE TABLE ledger (payment INTEGER NOT NULL, note VARCHAR(40))");
        }

        @AfterEach
        void close() {
            subscriptions.forEach(Disposable::dispose);
            Flux.fromIterable(opened).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
            pool.disposeLater().block(LIMIT);
        }

        R2dbcEventChannel open(Function<R2dbcEventChannelBuilder, R2dbcEventChannelBuilder> change) {
            R2dbcEventChannel events = change.apply(TestDatabase.builder(pool)
                            .retryPolicy(RetryPolicy.fixed(Duration.ZERO))
                            .pollInterval(Duration.ofMillis(50)))
                    .build();
            opened.add(events);
            return events;
        }

        List<EventMessage> publishAndSubscribe(R2dbcEventChannel events) {
            return publishAndSubscribe(events, Duration.ofSeconds(20));
        }

        /** One event, numbered 1, in the hands of a subscription that stays. */
        List<EventMessage> publishAndSubscribe(R2dbcEventChannel events, Duration maxProcessingTime) {
            events.publish("payments", 1).block(LIMIT);
            List<EventMessage> messages = Collections.synchronizedList(new ArrayList<>());
            subscriptions.add(
                    events.subscribe("payments", SubscribeOptions.defaults().withMaxProcessingTime(maxProcessingTime))
                            .subscribe(messages::add));
            awaitCount(messages, 1);
            return messages;
        }

        private static void awaitCount(List<EventMessage> messages, int count) {
            Mono.fromSupplier(messages::size)
                    .filter(size -> size >= count)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LIMIT);
        }

        static Mono<Long> insert(Connection connection, EventMessage message) {
            return insert(connection, message.payloadAs(Integer.class));
        }

        static Mono<Long> insert(Connection connection, int payment) {
            return Flux.from(connection
                            .createStatement("INSERT INTO ledger (payment) VALUES (" + payment + ")")
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .reduce(0L, Long::sum);
        }

        static Mono<Void> execute(Connection connection, String sql) {
            return Flux.from(connection.createStatement(sql).execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }

        long ledger() {
            return database.number("SELECT COUNT(*) FROM ledger");
        }

        String status() {
            return database.query("SELECT status FROM \"queue\"", String.class).get(0);
        }

        private long attempts() {
            return database.number("SELECT CAST(attempts AS BIGINT) FROM \"queue\"");
        }

        private void assertNothingIsHeld() {
            assertThat(pool.getMetrics().orElseThrow().acquiredSize()).isLessThanOrEqualTo(3);
        }

        @Test
        void theWorkAndTheAcknowledgementCommitTogether() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            events.transactional((payment, connection) -> insert(connection, payment))
                    .handle(message)
                    .block(LIMIT);

            assertThat(status()).isEqualTo("acked");
            assertThat(ledger()).isEqualTo(1);
            assertThat(message.ack().block(LIMIT)).as("it is what happened").isTrue();
            assertThat(message.nack().block(LIMIT)).isFalse();
        }

        @Test
        void aPlainSubscriptionWorksWithTheHandler() {
            R2dbcEventChannel events = open(Function.identity());
            EventHandler handler = events.transactional((payment, connection) -> insert(connection, payment));
            int count = 50;
            events.publishAll(IntStream.range(0, count)
                            .mapToObj(i -> Event.of("payments", i))
                            .toList())
                    .block(LIMIT);
            subscriptions.add(
                    events.subscribe("payments").concatMap(handler::handle).subscribe());

            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'acked'", count);
            assertThat(database.number("SELECT COUNT(DISTINCT payment) FROM ledger"))
                    .isEqualTo(count);
            assertThat(ledger()).isEqualTo(count);
        }

        @Test
        void whatFailsIsRolledBackRecordedAndComesAgain() {
            R2dbcEventChannel events = open(Function.identity());
            List<EventMessage> messages = publishAndSubscribe(events);
            EventHandler failing = events.transactional((payment, connection) ->
                    insert(connection, payment).then(Mono.error(new IllegalStateException("no funds"))));
            StepVerifier.create(failing.handle(messages.get(0))).verifyErrorMessage("no funds");
            awaitCount(messages, 2);

            assertThat(ledger()).isZero();
            assertThat(messages.get(1).attempts()).isEqualTo(2);
            assertThat(database.query("SELECT last_error FROM \"queue\"", String.class))
                    .singleElement()
                    .asString()
                    .contains("no funds");
            events.transactional((payment, connection) -> insert(connection, payment))
                    .handle(messages.get(1))
                    .block(LIMIT);
            assertThat(ledger()).isEqualTo(1);
        }

        @Test
        void afterTheLastAttemptAFailureMakesADeadLetterWithItsReason() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            EventHandler throwing = events.transactional((payment, connection) -> {
                throw new IllegalStateException("no funds");
            });
            StepVerifier.create(throwing.handle(message)).verifyErrorMessage("no funds");

            assertThat(status()).isEqualTo("dead");
            assertThat(events.deadLetters("payments")
                            .browse(DeadLetterQuery.latest(1))
                            .blockFirst(LIMIT)
                            .reason())
                    .contains("no funds");
        }

        /** Reactor throws such an error past whoever waits, on the driver's thread. */
        @Test
        void whatIsThrownIsTheFailureOfTheWorkAlsoIfItIsAMissingClass() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            List<EventMessage> messages = publishAndSubscribe(events);
            events.publish("payments", 2).block(LIMIT);
            awaitCount(messages, 2);
            EventHandler throwing = events.transactional((payment, connection) -> {
                throw new NoClassDefFoundError("missing");
            });
            EventRouter router = new EventRouter()
                    .otherwise(events.transactional((payment, connection) -> insert(connection, payment)))
                    .otherwise(message -> {
                        throw new NoClassDefFoundError("missing");
                    });
            assertThatThrownBy(() -> throwing.handle(messages.get(0)).block(LIMIT))
                    .isInstanceOf(NoClassDefFoundError.class);
            assertThatThrownBy(() -> router.handle(messages.get(1)).block(LIMIT))
                    .isInstanceOf(NoClassDefFoundError.class);
            assertThatThrownBy(() -> events.inTransaction((connection, publisher) -> {
                                throw new NoClassDefFoundError("missing");
                            })
                            .block(LIMIT))
                    .isInstanceOf(NoClassDefFoundError.class);

            assertThat(database.number("SELECT COUNT(*) FROM \"queue\" WHERE status = 'dead'"))
                    .isEqualTo(2);
            assertThat(ledger()).isZero();
        }

        @Test
        void aHandlerThatReturnsNullFails() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            StepVerifier.create(
                            events.transactional((payment, connection) -> null).handle(message))
                    .verifyErrorSatisfies(failure -> assertThat(failure).hasMessageContaining("returned null"));
            assertThat(status()).isEqualTo("dead");
        }

        @Test
        void whatIsSaidOfTheEventBecomesTheOutcomeAndTheFirstCounts() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            List<Boolean> answers = new ArrayList<>();
            events.transactional((payment, connection) -> insert(connection, payment)
                            .thenMany(Flux.concat(
                                            payment.extend(Duration.ofMinutes(1)),
                                            payment.reject("not for us"),
                                            payment.reject("again"),
                                            events.ack(payment.eventId()),
                                            events.nack(payment.eventId()))
                                    .doOnNext(answers::add)))
                    .handle(message)
                    .block(LIMIT);

            assertThat(answers).containsExactly(true, true, true, false, false);
            assertThat(status()).isEqualTo("dead");
            assertThat(ledger()).as("the work commits with the outcome").isEqualTo(1);
            assertThat(message.reject("late").block(LIMIT)).isTrue();
            assertThat(message.ack().block(LIMIT)).isFalse();
        }

        @Test
        void aReasonIsStoredAsItIsWhateverItsCharacters() {
            String reason = "no $1 '; DROP TABLE \"queue\"; -- \\'' E'\\x' ${event} \uD83D\uDE00 \u00E9\n$$";
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            events.transactional((payment, connection) -> payment.reject(reason))
                    .handle(message)
                    .block(LIMIT);

            assertThat(database.query("SELECT last_error FROM \"queue\"", String.class))
                    .containsExactly(reason);
        }

        @Test
        void anAckByItsIdWithinIsTheOutcome() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            events.transactional((payment, connection) -> events.ack(payment.eventId())
                            .doOnNext(acked -> assertThat(acked).isTrue())
                            .then(insert(connection, payment)))
                    .handle(message)
                    .block(LIMIT);
            assertThat(status()).isEqualTo("acked");
        }

        @Test
        void aNackWithinCommitsTheWorkAndTheEventComesAgain() {
            R2dbcEventChannel events = open(Function.identity());
            List<EventMessage> messages = publishAndSubscribe(events);
            events.transactional(
                            (payment, connection) -> insert(connection, payment).then(payment.nack(Duration.ZERO)))
                    .handle(messages.get(0))
                    .block(LIMIT);
            awaitCount(messages, 2);
            assertThat(messages.get(1).attempts()).isEqualTo(2);
            assertThat(ledger()).isEqualTo(1);
        }

        @Test
        void whatWasSaidBeforeAFailureDoesNotStand() {
            R2dbcEventChannel events = open(Function.identity());
            List<EventMessage> messages = publishAndSubscribe(events);
            StepVerifier.create(events.transactional((payment, connection) ->
                                    payment.ack().then(Mono.error(new IllegalStateException("after all"))))
                            .handle(messages.get(0)))
                    .verifyErrorMessage("after all");
            awaitCount(messages, 2);
            assertThat(status()).isEqualTo("leased");
        }

        @Test
        void whatIsSettledAlreadyIsNotWorkedOn() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            assertThat(message.ack().block(LIMIT)).isTrue();
            events.transactional((payment, connection) -> insert(connection, payment))
                    .handle(message)
                    .block(LIMIT);
            assertThat(ledger()).isZero();
        }

        @Test
        void whatIsInOtherHandsByNowIsNotWorkedOnAndItsAckAnswersFalse() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            database.execute("UPDATE \"queue\" SET lease_token = '" + UUID.randomUUID() + "'");
            events.transactional((payment, connection) -> insert(connection, payment))
                    .handle(message)
                    .block(LIMIT);
            assertThat(ledger()).isZero();
            assertThat(message.ack().block(LIMIT)).isFalse();
        }

        @Test
        void aMessageOfAnotherChannelObjectIsRefused() {
            R2dbcEventChannel events = open(Function.identity());
            R2dbcEventChannel other = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            StepVerifier.create(other.transactional((payment, connection) -> insert(connection, payment))
                            .handle(message))
                    .verifyErrorSatisfies(refused -> assertThat(refused)
                            .isInstanceOf(EventException.Invalid.class)
                            .hasMessageContaining("did not deliver it"));
            assertThat(message.ack().block(LIMIT)).isTrue();
        }

        @Test
        void whoEndsTheEventInItsOwnStatementsIsRolledBack() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            StepVerifier.create(events.transactional((payment, connection) -> insert(connection, payment)
                                    .thenMany(Flux.from(connection
                                                    .createStatement(database.inItsWords("DELETE FROM \"queue\""))
                                                    .execute())
                                            .concatMap(Result::getRowsUpdated)))
                            .handle(message))
                    .verifyErrorSatisfies(
                            refused -> assertThat(refused).hasMessageContaining("What it did was rolled back"));
            assertThat(ledger()).isZero();
            assertThat(status()).isEqualTo("dead");
        }

        @Test
        void endingTheTransactionIsRefusedWithASentenceAndUnwrappingIsTheEscape() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            List<String> refusals = new ArrayList<>();
            List<Object> unwrapped = new ArrayList<>();
            events.transactional((payment, connection) -> {
                        unwrapped.add(((Wrapped<?>) connection).unwrap());
                        return Flux.<Publisher<Void>>just(
                                        connection.beginTransaction(),
                                        connection.beginTransaction(IsolationLevel.SERIALIZABLE),
                                        connection.commitTransaction(),
                                        connection.rollbackTransaction(),
                                        connection.setAutoCommit(true),
                                        connection.setTransactionIsolationLevel(IsolationLevel.SERIALIZABLE),
                                        connection.close())
                                .concatMap(call -> Mono.from(call).onErrorResume(refused -> {
                                    refusals.add(refused.getMessage());
                                    return Mono.empty();
                                }))
                                .then(insert(connection, payment));
                    })
                    .handle(message)
                    .block(LIMIT);

            assertThat(refusals).hasSize(7).allMatch(refusal -> refusal.contains("commits with the event"));
            assertThat(refusals.get(0)).contains("beginTransaction()");
            assertThat(unwrapped.get(0)).isInstanceOf(Connection.class).isNotInstanceOf(GuardedConnection.class);
            assertThat(ledger()).isEqualTo(1);
            assertThat(status()).isEqualTo("acked");
        }

        @Test
        void anEventThatIsWorkedOnHoldsUpNoExtensionsOfOthers() {
            R2dbcEventChannel events = open(Function.identity());
            List<EventMessage> messages = publishAndSubscribe(events);
            events.publish("payments", 2).block(LIMIT);
            awaitCount(messages, 2);
            String locked = "SELECT event_id FROM \"queue\" WHERE event_id = '"
                    + messages.get(0).eventId() + "' FOR UPDATE";
            try (TestDatabase.Transaction work = database.transaction(locked)) {
                CompletableFuture<Boolean> waiting =
                        messages.get(0).extend(Duration.ofMinutes(5)).toFuture();
                assertThat(messages.get(1).extend(Duration.ofMinutes(5)).block(LIMIT))
                        .isTrue();
                assertThat(waiting).isNotDone();
                work.rollback();
                assertThat(Mono.fromFuture(waiting).block(LIMIT)).isTrue();
            }
            assertThat(messages.get(0).isLeaseLost()).isFalse();
        }

        @Test
        void savepointsWork() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            events.transactional((payment, connection) -> insert(connection, 1)
                            .then(Mono.from(connection.createSavepoint("half")))
                            .then(insert(connection, 2))
                            .then(Mono.from(connection.rollbackTransactionToSavepoint("half")))
                            .then(insert(connection, 3)))
                    .handle(message)
                    .block(LIMIT);
            assertThat(database.query("SELECT payment FROM ledger ORDER BY payment", Integer.class))
                    .containsExactly(1, 3);
        }

        @Test
        void theConnectionIsOfNoMoreUseAfterwards() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            List<Connection> kept = new ArrayList<>();
            events.transactional((payment, connection) -> {
                        kept.add(connection);
                        return Mono.empty();
                    })
                    .handle(message)
                    .block(LIMIT);
            assertThatThrownBy(() -> kept.get(0).createStatement("SELECT 1"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("after its handler had ended");
        }

        @Test
        void aHandlerThatTakesTooLongIsCancelledAndRolledBack() {
            R2dbcEventChannel events = open(Function.identity());
            List<EventMessage> messages = publishAndSubscribe(events, Duration.ofMillis(300));
            CompletableFuture<Void> cancelled = new CompletableFuture<>();
            EventHandler endless = events.transactional((payment, connection) ->
                    insert(connection, payment).then(Mono.never()).doOnCancel(() -> cancelled.complete(null)));
            StepVerifier.create(endless.handle(messages.get(0)))
                    .verifyErrorSatisfies(late -> assertThat(late).hasMessageContaining("did not end within PT0.3S"));
            awaitCount(messages, 2);
            assertThat(cancelled).isCompleted();
            assertThat(ledger()).isZero();
        }

        @Test
        void whoeverCancelsRollsBackAndTheEventCanBeSettledAgain() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            CompletableFuture<Void> inserted = new CompletableFuture<>();
            Disposable handling = events.transactional((payment, connection) -> insert(connection, payment)
                            .doOnNext(done -> inserted.complete(null))
                            .then(Mono.never()))
                    .handle(message)
                    .subscribe();
            Mono.fromFuture(inserted).block(LIMIT);
            handling.dispose();
            assertThat(Mono.defer(message::ack)
                            .publishOn(Schedulers.boundedElastic())
                            .filter(acked -> acked && status().equals("acked"))
                            .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                            .block(LIMIT))
                    .isTrue();
            assertThat(ledger()).isZero();
        }

        // == Several handlers ==

        @Test
        void handlersOfOnePatternShareOneTransaction() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            List<Long> seen = new ArrayList<>();
            EventRouter router = new EventRouter()
                    .on("**", events.transactional((payment, connection) -> insert(connection, 1)))
                    .on("**", EventHandler.blocking(payment -> seen.add(ledger())))
                    .on(
                            "**",
                            events.transactional((payment, connection) -> insert(connection, 2)
                                    .then(count(connection))
                                    .doOnNext(seen::add)));
            router.handle(message).block(LIMIT);

            assertThat(seen).as("by others, and within").containsExactly(0L, 2L);
            assertThat(ledger()).isEqualTo(2);
            assertThat(status()).isEqualTo("acked");
        }

        private Mono<Long> count(Connection connection) {
            return Flux.from(connection
                            .createStatement("SELECT COUNT(*) FROM ledger")
                            .execute())
                    .concatMap(result -> result.map(row -> row.get(0, Long.class)))
                    .single();
        }

        @Test
        void whatOneOfThemFailsAtIsUndoneForAllAndTheyRunAgain() {
            R2dbcEventChannel events = open(Function.identity());
            List<EventMessage> messages = publishAndSubscribe(events);
            AtomicInteger plain = new AtomicInteger();
            AtomicInteger behind = new AtomicInteger();
            EventRouter router = new EventRouter()
                    .on("**", events.transactional((payment, connection) -> insert(connection, payment)))
                    .on(
                            "**",
                            payment -> plain.incrementAndGet() == 1
                                    ? Mono.error(new IllegalStateException("no funds"))
                                    : Mono.empty())
                    .on("**", events.transactional((payment, connection) -> {
                        behind.incrementAndGet();
                        return insert(connection, payment);
                    }));
            StepVerifier.create(router.handle(messages.get(0))).verifyErrorMessage("no funds");
            assertThat(ledger()).isZero();
            assertThat(behind).hasValue(0);

            awaitCount(messages, 2);
            router.handle(messages.get(1)).block(LIMIT);
            assertThat(ledger()).isEqualTo(2);
            assertThat(behind).hasValue(1);
        }

        @Test
        void aSecondTransactionForAnEventIsRefusedWithASentence() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            EventHandler inner = events.transactional((payment, connection) -> insert(connection, 2));
            EventHandler outer = events.transactional(
                    (payment, connection) -> insert(connection, 1).then(inner.handle(payment)));
            StepVerifier.create(outer.handle(message))
                    .verifyErrorSatisfies(failure -> assertThat(failure)
                            .isInstanceOf(EventException.Invalid.class)
                            .hasMessageContaining("under one pattern"));

            assertThat(ledger()).isZero();
            assertThat(status()).isEqualTo("dead");
        }

        @Test
        void aLeaseThatLapsedIsNotInTheWayAsLongAsNobodyElseHasTheEvent() {
            R2dbcEventChannel events =
                    open(builder -> builder.lease(Duration.ofMillis(200)).pollInterval(Duration.ofMinutes(10)));
            events.publish("payments", 1).block(LIMIT);
            EventMessage message = events.receive("payments", LIMIT).block(LIMIT);
            Mono.fromSupplier(message::isLeaseLost)
                    .filter(lost -> lost)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                    .block(LIMIT);
            events.transactional((payment, connection) -> insert(connection, payment)
                            .then(events.ack(payment.eventId())
                                    .doOnNext(acked -> assertThat(acked).isTrue())))
                    .handle(message)
                    .block(LIMIT);
            assertThat(ledger()).isEqualTo(1);
            assertThat(status()).isEqualTo("acked");
        }

        @Test
        void nobodyGetsTheEventWhileItIsWorkedOnHoweverLongTheLeaseIsOver() {
            R2dbcEventChannel events = open(builder -> builder.lease(Duration.ofSeconds(1)));
            List<EventMessage> messages = publishAndSubscribe(events);
            R2dbcEventChannel other = open(builder -> builder.lease(Duration.ofSeconds(1)));
            AtomicInteger elsewhere = new AtomicInteger();
            subscriptions.add(other.subscribe("payments").subscribe(message -> elsewhere.incrementAndGet()));
            events.transactional((payment, connection) -> insert(connection, payment)
                            .then(Mono.delay(Duration.ofSeconds(3)))
                            .then(events.ack(payment.eventId())
                                    .doOnNext(acked -> assertThat(acked).isTrue())))
                    .handle(messages.get(0))
                    .block(LIMIT);
            assertThat(status()).isEqualTo("acked");
            assertThat(attempts()).isEqualTo(1);
            assertThat(messages).hasSize(1);
            assertThat(elsewhere).hasValue(0);
            assertThat(ledger()).isEqualTo(1);
        }

        @Test
        void waitingForAConnectionEndsWithWhatToDo() {
            R2dbcEventChannel events = open(builder -> builder.publishTimeout(Duration.ofSeconds(2)));
            EventMessage message = publishAndSubscribe(events).get(0);
            List<Connection> all = Objects.requireNonNull(
                    Flux.range(0, 6).flatMap(i -> pool.create()).collectList().block(LIMIT));
            try {
                StepVerifier.create(events.transactional((payment, connection) -> insert(connection, payment))
                                .handle(message))
                        .verifyErrorSatisfies(late -> assertThat(late)
                                .isInstanceOf(EventException.Unavailable.class)
                                .hasMessageContaining("got no connection within PT2S"));
            } finally {
                Flux.fromIterable(all).flatMap(Connection::close).blockLast(LIMIT);
            }
            assertThat(ledger()).isZero();
            assertThat(message.ack().block(LIMIT)).isTrue();
        }

        @Test
        void aShutdownCancelsWhatDoesNotEndInTimeAndGivesTheEventBack() {
            R2dbcEventChannel events = open(Function.identity());
            EventMessage message = publishAndSubscribe(events).get(0);
            CompletableFuture<Void> inserted = new CompletableFuture<>();
            CompletableFuture<Throwable> failure = new CompletableFuture<>();
            events.transactional((payment, connection) -> insert(connection, payment)
                            .doOnNext(done -> inserted.complete(null))
                            .then(Mono.never()))
                    .handle(message)
                    .subscribe(null, failure::complete);
            Mono.fromFuture(inserted).block(LIMIT);
            events.shutdown().block(LIMIT);
            assertThat(Mono.fromFuture(failure).block(LIMIT)).isInstanceOf(EventException.Closed.class);
            assertThat(ledger()).isZero();
            assertThat(status()).isEqualTo("ready");
        }

        @Test
        void aListenerRetriesAsItsOwnPolicySaysAndCountsWhatHappened() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            AtomicInteger calls = new AtomicInteger();
            EventListener listener = events.listen(
                    "payments",
                    events.transactional((payment, connection) -> insert(connection, payment)
                            .then(
                                    calls.incrementAndGet() < 3
                                            ? Mono.error(new IllegalStateException("not yet"))
                                            : Mono.empty())),
                    ListenOptions.defaults().withMaxAttempts(5).withRetry(RetryPolicy.fixed(Duration.ZERO)));
            events.publish("payments", 1).block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'acked'", 1);
            listener.stop(LIMIT).block(LIMIT);

            assertThat(ledger()).isEqualTo(1);
            assertThat(attempts()).isEqualTo(3);
            assertThat(listener.counts().failed()).isEqualTo(2);
            assertThat(listener.counts().handled()).isEqualTo(1);
            assertThat(listener.counts().acked()).isEqualTo(1);
            assertThat(listener.counts().retried()).isEqualTo(2);
            assertThat(listener.counts().lost()).isZero();
        }

        @Test
        void whatAListenerDoesNotRetryBecomesADeadLetter() {
            R2dbcEventChannel events = open(Function.identity());
            EventListener listener = events.listen(
                    "payments",
                    events.transactional((payment, connection) ->
                            insert(connection, payment).then(Mono.error(new IllegalArgumentException("never")))),
                    ListenOptions.defaults()
                            .withRetry(RetryPolicy.fixed(Duration.ZERO).notOn(IllegalArgumentException.class)));
            events.publish("payments", 1).block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'dead'", 1);
            listener.stop(LIMIT).block(LIMIT);
            assertThat(attempts()).isEqualTo(1);
            assertThat(ledger()).isZero();
        }

        @Test
        void aTimeoutOfTheHandlersOwnIsNotTakenForThatOfItsProcessing() {
            assertIsFinal(
                    Mono.error(new TimeoutException("mine")),
                    TimeoutException.class,
                    "java.util.concurrent.TimeoutException: mine");
        }

        @Test
        void aFinalFailureIsRecognisedInWhatReactorWrapsItIn() {
            assertIsFinal(
                    Mono.error(Exceptions.propagate(new IOException("no file"))).hide(),
                    IOException.class,
                    "java.io.IOException: no file");
        }

        private void assertIsFinal(Mono<?> failure, Class<? extends Throwable> type, String reason) {
            R2dbcEventChannel events = open(Function.identity());
            EventListener listener = events.listen(
                    "payments",
                    events.transactional(
                            (payment, connection) -> insert(connection, payment).then(failure)),
                    ListenOptions.defaults()
                            .withMaxAttempts(2)
                            .withRetry(RetryPolicy.fixed(Duration.ZERO).notOn(type)));
            events.publish("payments", 1).block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'dead'", 1);
            listener.stop(LIMIT).block(LIMIT);

            assertThat(attempts()).isEqualTo(1);
            assertThat(ledger()).isZero();
            assertThat(database.query("SELECT last_error FROM \"queue\"", String.class))
                    .containsExactly(reason);
        }

        /** Stops a listener when its handler has inserted, until the event is back. */
        private void stopAtWork(R2dbcEventChannel events, Runnable onCancel) {
            CompletableFuture<Void> inserted = new CompletableFuture<>();
            EventListener listener = events.listen(
                    "payments",
                    events.transactional((payment, connection) -> insert(connection, payment)
                            .then(Mono.create(endless -> {
                                endless.onCancel(onCancel::run);
                                inserted.complete(null);
                            }))));
            events.publish("payments", 1).block(LIMIT);
            Mono.fromFuture(inserted).block(LIMIT);
            listener.stop(Duration.ZERO).block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'ready'", 1);
        }

        @Test
        void whatIsStoppedAtItsLastAttemptIsRolledBackAndComesAgain() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            stopAtWork(events, () -> {});

            assertThat(ledger()).isZero();
            assertThat(events.receive("payments", LIMIT).block(LIMIT).attempts())
                    .isEqualTo(1);
        }

        @Test
        void whatTheShutdownEndsAtItsLastAttemptIsRolledBackAndComesAgain() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(1));
            EventMessage message = publishAndSubscribe(events).get(0);
            CompletableFuture<Void> inserted = new CompletableFuture<>();
            events.transactional((payment, connection) -> insert(connection, payment)
                            .doOnNext(done -> inserted.complete(null))
                            .then(Mono.never()))
                    .handle(message)
                    .subscribe(null, closed -> {});
            Mono.fromFuture(inserted).block(LIMIT);
            events.shutdown().block(LIMIT);

            assertThat(status()).isEqualTo("ready");
            assertThat(ledger()).isZero();
        }

        @Test
        void aListenersHandlerThatTakesTooLongIsRolledBackAndAtItsLastAttemptADeadLetterThatSaysSo() {
            R2dbcEventChannel events = open(builder -> builder.lease(Duration.ofSeconds(2)));
            EventListener listener = events.listen(
                    "payments",
                    events.transactional(
                            (payment, connection) -> insert(connection, payment).then(Mono.never())),
                    ListenOptions.defaults()
                            .withMaxAttempts(2)
                            .withMaxProcessingTime(Duration.ofMillis(100))
                            .withRetry(RetryPolicy.fixed(Duration.ZERO)));
            events.publish("payments", 1).block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'dead'", 1);
            listener.stop(LIMIT).block(LIMIT);

            assertThat(ledger()).isZero();
            assertThat(attempts()).isEqualTo(2);
            assertThat(database.query("SELECT last_error FROM \"queue\"", String.class))
                    .singleElement()
                    .asString()
                    .containsPattern("took longer than PT0.1S|did not end within PT0.1S");
            assertThat(listener.counts().timedOut() + listener.counts().failed())
                    .isEqualTo(2);
            assertThat(listener.counts().retried()).isEqualTo(1);
            assertThat(listener.counts().deadLettered()).isEqualTo(1);
        }

        @Test
        void aListenerThatIsStoppedRollsBackAndGivesTheEventBackAtOnce() {
            R2dbcEventChannel events = open(Function.identity());
            stopAtWork(events, () -> {});
            assertThat(ledger()).isZero();
        }

        @Test
        void whatThrowsAtItsCancellationIsRolledBackAndItsConnectionGivenBack() {
            R2dbcEventChannel events = open(Function.identity());
            stopAtWork(events, () -> {
                throw new IllegalStateException("not to be cancelled");
            });
            assertThat(ledger()).isZero();
            Mono.fromSupplier(() -> pool.getMetrics().orElseThrow().acquiredSize())
                    .filter(held -> held == 0)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LIMIT);
        }

        @Test
        void aListenersHandlerThatTakesTooLongIsRolledBackAndTheEventComesAgain() {
            Duration enoughForOne = Duration.ofSeconds(2);
            R2dbcEventChannel events = open(builder -> builder.lease(enoughForOne));
            AtomicInteger calls = new AtomicInteger();
            EventListener listener = events.listen(
                    "payments",
                    events.transactional((payment, connection) -> insert(connection, payment)
                            .then(calls.incrementAndGet() == 1 ? Mono.never() : Mono.empty())),
                    ListenOptions.defaults().withMaxProcessingTime(enoughForOne));
            events.publish("payments", 1).block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status = 'acked'", 1);
            listener.stop(LIMIT).block(LIMIT);
            assertThat(ledger()).isEqualTo(1);
            assertThat(attempts()).isEqualTo(2);
        }

        @Test
        void connectionsAreGivenBack() {
            R2dbcEventChannel events = open(builder -> builder.maxAttempts(3));
            subscriptions.add(events.subscribe("payments")
                    .concatMap(message -> events.transactional((payment, connection) -> insert(connection, payment)
                                    .then(
                                            payment.payloadAs(Integer.class) % 2 == 0
                                                    ? Mono.empty()
                                                    : Mono.error(new IllegalStateException("odd"))))
                            .handle(message)
                            .onErrorComplete())
                    .subscribe());
            events.publishAll(IntStream.range(0, 40)
                            .mapToObj(i -> Event.of("payments", i))
                            .toList())
                    .block(LIMIT);
            database.await("SELECT COUNT(*) FROM \"queue\" WHERE status IN ('acked', 'dead')", 40);
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\" WHERE status = 'dead' AND attempts = 3"))
                    .isEqualTo(20);
            assertThat(ledger()).isEqualTo(20);
            assertNothingIsHeld();
        }
    }
}
