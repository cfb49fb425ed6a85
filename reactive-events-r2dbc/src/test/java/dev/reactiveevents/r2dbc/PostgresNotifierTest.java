package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

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
        return new PostgresNotifier(
                DATABASE, Duration.ofMinutes(10), PostgresNotifierTest::tellElsewhere, () -> {}, failure -> failure);
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
}
