package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Keys where transactions end in another order than their events were numbered: the database has the last word. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class PostgresKeyOrderTest {

    private static final Duration LIMIT = Duration.ofSeconds(25);
    private static final Duration SHORT_LEASE = Duration.ofSeconds(2);

    private final PostgresQueue queue = new PostgresQueue();
    private final String name = "keys-" + UUID.randomUUID();
    private final BlockingQueue<EventMessage> arrived = new LinkedTransferQueue<>();

    @AfterEach
    void close() {
        queue.close();
    }

    private R2dbcEventChannel open(Duration lease) {
        return queue.open(queue.builder(queue.pool(name, 5))
                .lease(lease)
                .maxAttempts(2) // what lapsed once is a suspect already
                .pollInterval(Duration.ofMillis(50)));
    }

    private void subscribe(R2dbcEventChannel events) {
        events.subscribe("orders").subscribe(arrived::add);
    }

    private void publish(R2dbcEventChannel events, String key, String payload) {
        events.publish(Event.of("orders", payload).withKey(key)).block(LIMIT);
    }

    private EventMessage next(String payload) throws InterruptedException {
        EventMessage message = Objects.requireNonNull(arrived.poll(LIMIT.toMillis(), TimeUnit.MILLISECONDS), payload);
        assertThat(message.payloadAs(String.class)).isEqualTo(payload);
        return message;
    }

    private void assertNothingElse(R2dbcEventChannel events) throws InterruptedException {
        String marker = UUID.randomUUID().toString();
        publish(events, marker, marker);
        next(marker).ack().block(LIMIT);
    }

    private static void ack(EventMessage message) {
        assertThat(message.ack().block(LIMIT)).isTrue();
    }

    private String insert(String payload, String statusTokenAvailable) {
        return "INSERT INTO " + queue.table()
                + " (event_id, channel, event_key, payload, deliver_at, created_at, status, lease_token, available_at)"
                + " VALUES (gen_random_uuid(), 'orders', 'anna', '\"" + payload + "\"', now(), now(), "
                + statusTokenAvailable + ")";
    }

    /** An earlier number that is committed later. */
    private PostgresQueue.Lock late() {
        return queue.new Lock(insert("late", "'ready', NULL, now()"));
    }

    @Test
    void whatIsCommittedLateWaitsForTheHolderAndComesBeforeTheRest() throws Exception {
        R2dbcEventChannel events = open(Duration.ofSeconds(30));
        try (PostgresQueue.Lock late = late()) {
            publish(events, "anna", "first");
            publish(events, "anna", "second");
            subscribe(events);
            EventMessage holder = next("first");
            late.commit();
            assertNothingElse(events);
            ack(holder);
            ack(next("late"));
            ack(next("second"));
        }
    }

    @Test
    void aHolderThatLapsedComesBeforeWhatIsCommittedLate() throws Exception {
        R2dbcEventChannel events = open(SHORT_LEASE);
        try (PostgresQueue.Lock late = late()) {
            publish(events, "anna", "first");
            subscribe(events);
            next("first");
            late.commit();
            EventMessage again = next("first");
            assertThat(again.attempts()).isEqualTo(2);
            ack(again);
            ack(next("late"));
        }
    }

    @Test
    void whatIsCommittedLateGoesFirstIfNobodyHoldsTheKey() throws Exception {
        R2dbcEventChannel events = open(Duration.ofSeconds(30));
        try (PostgresQueue.Lock late = late()) {
            publish(events, "anna", "first");
            late.commit();
        }
        subscribe(events);
        ack(next("late"));
        ack(next("first"));
    }

    /** Another process has leased an event that this claim does not see yet. */
    @Test
    void aClaimThatMeetsAnotherHolderIsDoneAgain() throws Exception {
        R2dbcEventChannel events = open(Duration.ofSeconds(30));
        String leased = insert("leased", "'leased', gen_random_uuid(), now() + interval '1 hour'");
        try (PostgresQueue.Lock other = queue.new Lock(leased)) {
            publish(events, "anna", "waits");
            subscribe(events);
            queue.awaitBlocked(name);
            other.commit();
        }
        assertNothingElse(events);
        queue.execute("UPDATE ${table} SET status = 'acked', available_at = NULL WHERE payload = '\"leased\"'");
        ack(next("waits"));
    }

    @Test
    void twoEventsOfAKeyCannotBeLeased() {
        queue.execute(insert("one", "'leased', gen_random_uuid(), now()"));
        assertThatThrownBy(() -> queue.execute(insert("two", "'leased', gen_random_uuid(), now()")))
                .isInstanceOfSatisfying(
                        R2dbcException.class,
                        error -> assertThat(error.getSqlState()).isEqualTo("23505"));
    }
}
