package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/** Connections are killed on a real server: while a statement of ours is certainly running, and in the middle of traffic. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class MySqlFaultsTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int UNKNOWN_THREAD = 1094;

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(MariaDbServer.freshDatabase(), MariaDbServer.freshDatabase());
        }
    }

    @Nested
    class OnMySql extends OnEither {
        OnMySql() {
            super(MySqlServer.freshDatabase(), MySqlServer.freshDatabase());
        }
    }

    /** The queue lies in one database. Those whose sessions are killed are connected to another one, by which they are known. */
    abstract static class OnEither {

        private final MySqlQueue queue;
        private final TestDatabase database;
        private final String table;
        private final String victims;
        private final R2dbcEventChannel victim;
        private final R2dbcEventChannel other;

        OnEither(String url, String victims) {
            this.queue = new MySqlQueue(url);
            this.database = queue.database();
            this.table = nameOf(url) + "." + MySqlQueue.TABLE;
            this.victims = nameOf(victims);
            this.victim = queue.open(
                    withLease(Channels.tableQueue(new TestDatabase(ConnectionFactories.get(victims)).pool(10))
                            .queueTable(table)));
            this.other = queue.open(withLease(queue.builder()));
        }

        private static R2dbcEventChannelBuilder withLease(R2dbcEventChannelBuilder builder) {
            return builder.lease(Duration.ofSeconds(4)).shutdownTimeout(Duration.ofMillis(200));
        }

        private static String nameOf(String url) {
            return url.replaceFirst("^.*/", "").replaceFirst("\\?.*$", "");
        }

        @AfterEach
        void close() {
            queue.close();
        }

        /** Ends these sessions of the victim; answers how many there were. */
        private long kill(String where) {
            List<Long> sessions = database.query(
                    "SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE DB = '" + victims + "'"
                            + where,
                    Long.class);
            return sessions.stream().filter(this::killed).count();
        }

        private boolean killed(long session) {
            try {
                database.execute("KILL CONNECTION " + session);
                return true;
            } catch (R2dbcException gone) {
                assertThat(gone.getErrorCode()).isEqualTo(UNKNOWN_THREAD);
                return false;
            }
        }

        private void killWhenBlocked() {
            Traffic.await(() -> kill(" AND STATE LIKE 'Waiting for table%'") > 0);
        }

        /** Keeps everybody else from the table until closed. */
        private TestDatabase.Transaction lock() {
            return database.transaction("LOCK TABLES " + table + " WRITE");
        }

        @Test
        void aPublishWhoseConnectionIsKilledIsOfUnknownOutcomeAndStoredOnceWhenRepeated() {
            Mono<String> publishing = victim.publish("orders", 1);
            try (TestDatabase.Transaction lock = lock()) {
                CompletableFuture<String> first = publishing.toFuture();
                killWhenBlocked();
                assertThatThrownBy(() -> Mono.fromFuture(first).block(LIMIT))
                        .isInstanceOf(EventException.OutcomeUnknown.class);
                lock.execute("UNLOCK TABLES");
            }
            String id = publishing.block(LIMIT);
            assertThat(publishing.block(LIMIT)).isEqualTo(id);
            assertThat(database.number("SELECT count(*) FROM " + table)).isEqualTo(1);
        }

        @Test
        void anAckWhoseConnectionIsKilledIsRepeated() {
            victim.publish("orders", 1).block(LIMIT);
            EventMessage message = victim.receive("orders", LIMIT).block(LIMIT);
            CompletableFuture<Boolean> ack;
            try (TestDatabase.Transaction lock = lock()) {
                ack = message.ack().toFuture();
                killWhenBlocked();
                lock.execute("UNLOCK TABLES");
            }
            assertThat(Mono.fromFuture(ack).block(LIMIT)).isTrue();
            assertThat(database.query("SELECT status FROM " + table, String.class))
                    .containsExactly("acked");
        }

        @Test
        void aClaimWhoseConnectionIsKilledIsRepeated() {
            victim.publish("orders", 1).block(LIMIT);
            CompletableFuture<EventMessage> received;
            try (TestDatabase.Transaction lock = lock()) {
                received = victim.subscribe("orders").next().toFuture();
                killWhenBlocked();
                lock.execute("UNLOCK TABLES");
            }
            assertThat(Mono.fromFuture(received).flatMap(EventMessage::ack).block(LIMIT))
                    .isTrue();
        }

        @Test
        void nothingIsLostOrStoredTwiceWhenThePublishersSessionsAreKilled() {
            try (Traffic traffic = new Traffic(victim, other)) {
                traffic.suffers(() -> kill(""));
                traffic.endsWithNothingLostOrStoredTwice(database, table);
            }
        }

        @Test
        void nothingIsLostOrStuckWhenTheConsumersSessionsAreKilled() {
            try (Traffic traffic = new Traffic(other, victim)) {
                traffic.suffers(() -> kill(""));
                traffic.endsWithNothingLostOrStoredTwice(database, table);
            }
        }
    }
}
