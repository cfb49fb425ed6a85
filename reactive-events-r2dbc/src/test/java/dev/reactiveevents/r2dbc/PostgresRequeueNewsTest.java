package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** What becomes due by a requeue is told to other processes, which do not poll meanwhile. */
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
                .pollInterval(NO_POLLING));
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
