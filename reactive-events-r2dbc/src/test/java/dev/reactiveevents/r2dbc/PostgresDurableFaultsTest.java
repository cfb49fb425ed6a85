package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.Arrays;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Mono;

/**
 * The sessions of whoever publishes, tells, listens or claims are ended on a real server in the middle of the traffic from one
 * channel object to another one, which never polls.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class PostgresDurableFaultsTest {

    private static final Duration NO_POLLING = Duration.ofMinutes(10);

    /** Whose sessions are ended, by the names of their applications. */
    enum Victim {
        PUBLISHER,
        TELLER,
        LISTENER,
        CLAIMER;

        private final String application = name() + UUID.randomUUID();
    }

    private final PostgresQueue queue = new PostgresQueue();
    private final R2dbcEventChannel publisher = open(Victim.PUBLISHER, Victim.TELLER);
    private final R2dbcEventChannel consumer = open(Victim.CLAIMER, Victim.LISTENER);

    private R2dbcEventChannel open(Victim working, Victim listening) {
        return queue.open(queue.builder(queue.pool(working.application, 5))
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .listenerConnections(queue.pool(listening.application, 1))
                .pollInterval(NO_POLLING)
                .lease(Duration.ofSeconds(2)));
    }

    @AfterEach
    void close() {
        queue.close();
    }

    static Stream<Arguments> victimsInAllRounds() {
        return Rounds.all()
                .boxed()
                .flatMap(round -> Arrays.stream(Victim.values()).map(victim -> Arguments.of(victim, round)));
    }

    @ParameterizedTest
    @MethodSource("victimsInAllRounds")
    void nothingIsLostOrStoredTwiceWhenSessionsAreEnded(Victim victim, int round) {
        try (Traffic traffic = new Traffic(publisher, consumer)) {
            traffic.suffers(() -> queue.kill(victim.application));
            traffic.endsWithNothingLostOrStoredTwice(new TestDatabase(queue.direct()), queue.table());
        }
        CompletableFuture<EventMessage> next =
                consumer.subscribe("orders").next().toFuture();
        String id = Traffic.untilConfirmed(publisher.publish("orders", 0)).block(Traffic.LIMIT);

        assertThat(Mono.fromFuture(next).block(Traffic.LIMIT).eventId()).isEqualTo(id);
    }
}
