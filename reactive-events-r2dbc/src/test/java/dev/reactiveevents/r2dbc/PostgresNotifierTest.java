package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class PostgresNotifierTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration BETWEEN_TWO_WORDS = Duration.ofMillis(2);

    private static final ConnectionFactory DATABASE = PostgresServer.connectionFactory();
    private static final int WORDS = 500;
    private static final String LAST = "last";

    private final String topic = "news-" + UUID.randomUUID();
    private final PostgresNotifier teller = notifier();
    private final PostgresNotifier hearer = notifier();

    private static PostgresNotifier notifier() {
        return notifier(DATABASE, PostgresNotifierTest::tellElsewhere, failure -> failure);
    }

    private static PostgresNotifier notifier(
            ConnectionFactory database,
            BiFunction<String, String, Mono<Void>> tellElsewhere,
            UnaryOperator<Throwable> meaning) {
        return new PostgresNotifier(database, Duration.ofMinutes(10), tellElsewhere, () -> {}, meaning);
    }

    /** A connection that heard nothing of it would be taken for dead in the middle of a long conversation. */
    private static Mono<Void> tellElsewhere(String topic, String payload) {
        return Mono.usingWhen(
                DATABASE.create(),
                connection -> Flux.from(connection
                                .createStatement("SELECT pg_notify($1, $2)")
                                .bind(0, topic)
                                .bind(1, payload)
                                .execute())
                        .concatMap(result -> result.map(row -> true))
                        .then(),
                Connection::close);
    }

    @AfterEach
    void stop() {
        Mono.when(teller.stop(), hearer.stop()).block(LIMIT);
    }

    /** Tells so many words, each when the one before is heard, which takes much less; then does the last thing. */
    private void converse(int words, Runnable last) {
        CountDownLatch standing = new CountDownLatch(1);
        AtomicInteger left = new AtomicInteger(words);
        hearer.listen(topic, news -> {
            if (news.kind() == Notifier.Kind.STANDING) {
                standing.countDown();
            } else if (!news.payload().equals(LAST) && left.decrementAndGet() > 0) {
                teller.tell(topic, "news");
            } else {
                last.run();
            }
        });
        await(standing);
        teller.tell(topic, "news");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    @Test
    void aWordWaitsAMomentForOthersAfterTheOneBefore() {
        CountDownLatch over = new CountDownLatch(1);
        long start = System.nanoTime();
        converse(WORDS, over::countDown);
        await(over);

        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .isGreaterThanOrEqualTo(BETWEEN_TWO_WORDS.multipliedBy(WORDS - 1));
    }

    @Test
    void aWordIsToldAtOnceBeforeTheEnd() {
        CountDownLatch over = new CountDownLatch(2);
        converse(WORDS, () -> {
            over.countDown();
            teller.tell(topic, LAST);
            teller.stop().subscribe();
        });
        await(over);

        assertThat(teller.reconnects()).as("it needed no other connection").isZero();
    }

    /** Answers when it is heard. */
    private static Disposable listen(PostgresNotifier notifier, String topic) {
        CountDownLatch standing = new CountDownLatch(1);
        Disposable listening = notifier.listen(topic, news -> standing.countDown());
        await(standing);
        return listening;
    }

    @Test
    void howeverManyComeAndGoOneProbeAfterTheOtherIsTold() {
        AtomicInteger probes = new AtomicInteger();
        PostgresNotifier notifier = notifier(
                DATABASE,
                (topic, payload) -> {
                    probes.incrementAndGet();
                    return tellElsewhere(topic, payload);
                },
                failure -> failure);
        for (int i = 0; i < 20; i++) {
            listen(notifier, topic).dispose();
        }
        notifier.stop().block(LIMIT);

        assertThat(probes).hasValue(1);
    }

    @Test
    void aProbeThatIsToldWhenNobodyListensAnyMoreIsHeardAllTheSame() throws InterruptedException {
        Sinks.Empty<Void> gate = Sinks.empty();
        CountDownLatch lost = new CountDownLatch(1);
        PostgresNotifier notifier =
                notifier(DATABASE, (topic, payload) -> gate.asMono().then(tellElsewhere(topic, payload)), failure -> {
                    lost.countDown();
                    return failure;
                });
        listen(notifier, topic).dispose();
        Disposable other = listen(notifier, "other-" + topic); // behind the end of the first
        other.dispose();
        gate.tryEmitEmpty();

        assertThat(lost.await(6, TimeUnit.SECONDS))
                .as("it was taken for lost, as it is after five seconds in which a probe was not heard")
                .isFalse();
        notifier.stop().block(LIMIT);
    }

    /** Each try to connect would leave one more. */
    @Test
    void aConnectionThatDoesNotAnswerItsFirstStatementIsClosed() {
        CountDownLatch closed = new CountDownLatch(1);
        ConnectionFactory silent = new ConnectionFactory() {
            @Override
            public Mono<? extends Connection> create() {
                return Mono.from(DATABASE.create()).map(connection -> silent(connection, closed));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return DATABASE.getMetadata();
            }
        };
        StepVerifier.create(PostgresSession.open(silent, Duration.ofMillis(100)))
                .expectError(TimeoutException.class)
                .verify(LIMIT);
        await(closed);
    }

    private static PostgresqlConnection silent(Connection connection, CountDownLatch closed) {
        return (PostgresqlConnection) Proxy.newProxyInstance(
                PostgresNotifierTest.class.getClassLoader(),
                new Class<?>[] {PostgresqlConnection.class},
                (proxy, method, values) -> switch (method.getName()) {
                    case "createStatement" -> connection.createStatement("SELECT pg_sleep(10)");
                    case "close" -> Mono.from(connection.close()).doOnSuccess(done -> closed.countDown());
                    default -> method.invoke(connection, values);
                });
    }

    /** Listeners would not be told that they were cut off, if they were heard again before. */
    @Test
    void noOtherConnectionIsOpenedBeforeTheLossOfTheOneBeforeIsTold() {
        AtomicInteger opened = new AtomicInteger();
        AtomicInteger openedAtTheLoss = new AtomicInteger();
        BlockingQueue<Notifier.Kind> told = new LinkedTransferQueue<>();
        AtomicReference<PostgresNotifier> itself = new AtomicReference<>();
        ConnectionFactory database = new ConnectionFactory() {
            @Override
            public Mono<? extends Connection> create() {
                return Mono.defer(() -> {
                    opened.incrementAndGet();
                    return Mono.from(DATABASE.create());
                });
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return DATABASE.getMetadata();
            }
        };
        PostgresNotifier notifier = notifier(database, PostgresNotifierTest::tellElsewhere, failure -> {
            itself.get().tell(topic, "news");
            openedAtTheLoss.set(opened.get());
            return failure;
        });
        itself.set(notifier);
        notifier.listen(topic, news -> told.add(news.kind()));
        assertThat(Arrivals.next(told, LIMIT)).isEqualTo(Notifier.Kind.STANDING);
        PostgresServer.execute(
                DATABASE,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%" + topic
                        + "%'");

        assertThat(Arrivals.next(told, LIMIT)).isEqualTo(Notifier.Kind.CUT_OFF);
        assertThat(Arrivals.next(told, LIMIT)).isEqualTo(Notifier.Kind.STANDING);
        assertThat(openedAtTheLoss).hasValue(1);
        notifier.stop().block(LIMIT);
    }
}
