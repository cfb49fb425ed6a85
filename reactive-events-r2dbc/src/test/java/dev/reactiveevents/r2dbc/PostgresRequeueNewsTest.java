package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.postgresql.api.PostgresqlResult;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedTransferQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** What becomes due by a requeue, or free by a withdrawal or a purge, is told to other processes, which do not poll meanwhile. */
class PostgresRequeueNewsTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Duration NO_POLLING = Duration.ofMinutes(10);

    private final PostgresQueue queue = new PostgresQueue();

    @AfterEach
    void close() {
        queue.close();
    }

    private R2dbcEventChannel open(String name) {
        return queue.open(queue.builder(queue.pool(name, 5))
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .deadLetterKeys(DeadLetterKeys.PARK)
                .pollInterval(NO_POLLING));
    }

    /** Hears the word itself, because who waits for a key looks again after a while without it. */
    private final class Listening implements AutoCloseable {

        private final PostgresqlConnection connection =
                (PostgresqlConnection) Mono.from(queue.direct().create()).block(LIMIT);
        private final BlockingQueue<String> told = new LinkedTransferQueue<>();

        Listening() {
            connection
                    .createStatement("LISTEN \"reactive_events." + queue.table() + '"')
                    .execute()
                    .flatMap(PostgresqlResult::getRowsUpdated)
                    .blockLast(LIMIT);
            connection.getNotifications().mapNotNull(Notification::getParameter).subscribe(told::add);
        }

        String next() {
            return Arrivals.next(told, LIMIT);
        }

        /** Another begins, and whatever the one before it has told was heard. */
        R2dbcEventChannel insteadOf(R2dbcEventChannel before) {
            before.shutdown().block(LIMIT);
            R2dbcEventChannel here = open("here");
            here.publish("beginning", 1).block(LIMIT);
            String heard = next();
            while (!heard.equals("beginning")) {
                heard = next();
            }
            return here;
        }

        @Override
        public void close() {
            connection.close().block(LIMIT);
        }
    }

    @Test
    void whatAWithdrawalFreesIsTold() {
        try (Listening listening = new Listening()) {
            R2dbcEventChannel before = open("before");
            String id = before.publish(Event.of("orders", 1).withKey("anna").withDelay(Duration.ofHours(1)))
                    .block(LIMIT);
            R2dbcEventChannel here = listening.insteadOf(before);
            assertThat(here.withdraw(id).block(LIMIT)).isTrue();
            assertThat(listening.next()).isEqualTo("orders");
        }
    }

    @Test
    void whatThePurgeOfAParkedKeyFreesIsTold() {
        try (Listening listening = new Listening()) {
            R2dbcEventChannel before = open("before");
            String id = before.publish(Event.of("orders", 1).withKey("anna")).block(LIMIT);
            before.receive("orders", LIMIT)
                    .flatMap(message -> message.reject("dead"))
                    .block(LIMIT);
            R2dbcEventChannel here = listening.insteadOf(before);
            assertThat(here.deadLetters("orders").purge(id).block(LIMIT)).isTrue();
            assertThat(listening.next()).isEqualTo("orders");
        }
    }

    @Test
    void aRequeueReachesTheSubscribersOfOtherChannelObjectsAtOnce() {
        R2dbcEventChannel here = open("here");
        String id = here.publish("orders", 1).block(LIMIT);
        here.receive("orders", LIMIT).flatMap(message -> message.reject("dead")).block(LIMIT);
        CompletableFuture<Void> ready = new CompletableFuture<>();
        CompletableFuture<EventMessage> delivered = new CompletableFuture<>();
        R2dbcEventChannel there = open("there");
        there.subscribe("orders", SubscribeOptions.defaults().withOnReady(() -> ready.complete(null)))
                .subscribe(delivered::complete);
        Mono.fromFuture(ready).block(LIMIT);

        assertThat(here.deadLetters("orders")
                        .requeue(DeadLetterQuery.oldest(10))
                        .block(LIMIT))
                .isEqualTo(1);
        assertThat(Mono.fromFuture(delivered).block(LIMIT).eventId()).isEqualTo(id);
    }
}
