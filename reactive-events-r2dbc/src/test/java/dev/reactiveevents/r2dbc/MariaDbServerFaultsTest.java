package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A server of the test's own: it is stopped in the middle of traffic, has no room for connections, or no patience with locks. */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class MariaDbServerFaultsTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static MariaDbServer.Embedded server;

    private final MySqlQueue queue = new MySqlQueue(MariaDbServer.freshDatabase(server.url()));
    private final TestDatabase database = queue.database();

    @BeforeAll
    static void start() {
        MariaDbServer.url(); // skipped where there is none
        server = new MariaDbServer.Embedded("--innodb-lock-wait-timeout=1", "--lock-wait-timeout=1");
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    @AfterEach
    void close() {
        queue.close();
    }

    @Test
    void nothingIsLostWhenTheServerIsStoppedAndStarted() {
        R2dbcEventChannel events = queue.open(queue.builder().lease(Duration.ofSeconds(2)));
        try (Traffic traffic = new Traffic(events, events)) {
            Rounds.all().forEach(round -> {
                traffic.awaitConfirmed(100);
                server.stop();
                traffic.awaitFailure();
                server.start();
            });
            traffic.awaitConfirmed(100);
            traffic.endsWithNothingLostOrStoredTwice(database, MySqlQueue.TABLE);
        }
    }

    /** Its last connections are taken by others until there are none, and given back later. */
    @Test
    void aServerWithoutRoomForConnectionsIsAnOutageThatEnds() {
        R2dbcEventChannel events = queue.open(
                Channels.tableQueue(ConnectionFactories.get(queue.url())).shutdownTimeout(Duration.ofMillis(200)));
        try (Traffic traffic = new Traffic(events, events)) {
            traffic.awaitConfirmed(100);
            List<Connection> others = takeAllConnections();
            traffic.awaitFailure();
            Throwable refused = failureOfAPublish();
            for (int i = 0; refused == null && i < 10; i++) { // our channel gave one back in between
                others.addAll(takeAllConnections());
                refused = failureOfAPublish();
            }
            assertThat(refused)
                    .isInstanceOf(EventException.Unavailable.class)
                    .hasMessageContaining("Nothing was changed");
            Flux.fromIterable(others)
                    .flatMap(new Release(false)::of) // not all were closed within a minute, once
                    .blockLast(LIMIT);
            traffic.awaitConfirmed(100);
            traffic.endsWithNothingLostOrStoredTwice(database, MySqlQueue.TABLE);
        }
    }

    private @Nullable Throwable failureOfAPublish() {
        return catchThrowable(() -> queue.open(Channels.tableQueue(ConnectionFactories.get(queue.url())))
                .publish("invoices", 1)
                .block(LIMIT));
    }

    private List<Connection> takeAllConnections() {
        List<Connection> taken = new ArrayList<>();
        int inVain = 0;
        while (inVain < 20) { // what our channel gives back is taken too
            try {
                taken.add(
                        Mono.from(ConnectionFactories.get(queue.url()).create()).block(LIMIT));
                inVain = 0;
            } catch (R2dbcException full) {
                inVain++;
            }
        }
        return taken;
    }

    @Test
    void whatWaitsForALockForTooLongIsTriedAgainAndNobodyIsTold() {
        R2dbcEventChannel events = queue.open(queue.builder().lease(Duration.ofSeconds(30)));
        events.publish("orders", 1).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        CompletableFuture<Boolean> ack;
        try (TestDatabase.Transaction other =
                database.transaction("SELECT seq FROM " + MySqlQueue.TABLE + " FOR UPDATE")) {
            ack = message.ack().toFuture();
            awaitTriesOf("acked", 2);
            other.rollback();
        }
        assertThat(Mono.fromFuture(ack).block(LIMIT)).isTrue();
    }

    @Test
    void whatWaitsForALockedTableForTooLongIsTriedAgainAndNobodyIsTold() {
        R2dbcEventChannel events = queue.open();
        CompletableFuture<String> published;
        try (TestDatabase.Transaction other = database.transaction("LOCK TABLES " + MySqlQueue.TABLE + " WRITE")) {
            published = events.publish("orders", 1).toFuture();
            awaitTriesOf("INSERT INTO", 2);
            other.execute("UNLOCK TABLES");
        }
        assertThat(Mono.fromFuture(published).block(LIMIT)).isNotNull();
    }

    /** Each waits until the server has no patience any more: it is seen waiting, then not, then again. */
    private void awaitTriesOf(String statement, int tries) {
        for (int i = 0; i < tries; i++) {
            Traffic.await(() -> waiting(statement));
            if (i < tries - 1) {
                Traffic.await(() -> !waiting(statement));
            }
        }
    }

    private boolean waiting(String statement) {
        return database.number("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"
                        + " AND COMMAND = 'Query' AND INFO LIKE '%" + statement + "%'")
                > 0;
    }
}
