package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.Option;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A deadlock of a batch and a foreign transaction: each has stored one of two ids and waits for the other's. */
class PostgresConflictsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String NEVER = "10min";

    private final PostgresQueue queue = new PostgresQueue();
    private final String name = "conflicts-" + UUID.randomUUID();
    private final UUID first = UUID.randomUUID();
    private final UUID second = UUID.randomUUID();

    @AfterEach
    void close() {
        queue.close();
    }

    @Test
    void aBatchSucceedsWhenTheOtherIsUndone() throws Exception {
        CompletableFuture<List<String>> published;
        try (PostgresQueue.Lock other = queue.new Lock(insert(second))) {
            other.execute("SET LOCAL deadlock_timeout = '10ms'");
            published = publishBoth(NEVER);
            assertThatThrownBy(() -> other.execute(insert(first)))
                    .isInstanceOfSatisfying(
                            R2dbcException.class,
                            error -> assertThat(error.getSqlState()).isEqualTo("40P01"));
            other.rollback();
        }
        assertBothAreStoredOnce(published);
    }

    @Test
    void aBatchThatIsUndoneIsDoneAgain() throws Exception {
        CompletableFuture<List<String>> published;
        try (PostgresQueue.Lock other = queue.new Lock(insert(second))) {
            other.execute("SET LOCAL deadlock_timeout = '" + NEVER + "'");
            published = publishBoth("5s");
            other.execute(insert(first)); // only once the batch has let go of it
            assertThat(published).isNotDone();
            other.rollback();
        }
        assertBothAreStoredOnce(published);
    }

    private String insert(UUID id) {
        return "INSERT INTO " + queue.table()
                + " (event_id, channel, payload, deliver_at, available_at, created_at) VALUES ('" + id
                + "', 'orders', '1', now(), now(), now())";
    }

    /** Returns when the batch has stored the first and waits for the second. */
    private CompletableFuture<List<String>> publishBoth(String deadlockTimeout) {
        R2dbcEventChannel events = queue.open(queue.builder(connections(deadlockTimeout)));
        CompletableFuture<List<String>> published = events.publishAll(List.of(
                        Event.of("orders", 1).withId(first),
                        Event.of("orders", 2).withId(second)))
                .toFuture();
        queue.awaitBlocked(name);
        return published;
    }

    private ConnectionFactory connections(String deadlockTimeout) {
        return ConnectionFactories.get(ConnectionFactoryOptions.parse(queue.url())
                .mutate()
                .option(Option.valueOf("applicationName"), name)
                .option(Option.valueOf("options"), Map.of("deadlock_timeout", deadlockTimeout))
                .build());
    }

    private void assertBothAreStoredOnce(CompletableFuture<List<String>> published) throws Exception {
        assertThat(published.get(LIMIT.toSeconds(), TimeUnit.SECONDS))
                .containsExactly(first.toString(), second.toString());
        assertThat(queue.query("SELECT event_id FROM ${table} ORDER BY seq", row -> row.get(0, UUID.class)))
                .containsExactly(first, second);
    }
}
