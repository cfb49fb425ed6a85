package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.PostgresDialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settled;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.R2dbcTransientResourceException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** An acknowledgement that comes too late, in a batch that takes the next events of its keys along. */
class PostgresLostAcknowledgementTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionPool pool = new ConnectionPool(
            ConnectionPoolConfiguration.builder(ConnectionFactories.get(PostgresServer.freshDatabase()))
                    .initialSize(1)
                    .maxSize(2)
                    .build());
    private final AtomicInteger connections = new AtomicInteger(Integer.MAX_VALUE);
    private final QueueTable table = QueueTable.of("queue");
    private final PostgresDialect dialect = new PostgresDialect();
    private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));
    private final Database database = new Database(refusing(), dialect, table);
    private final TableQueueBackend backend = new TableQueueBackend(
            database, dialect, table, statements, "test", Janitor.of(database, statements, table, Duration.ofDays(1)));

    @AfterEach
    void close() {
        backend.shutdown().block(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    private ConnectionFactory refusing() {
        return new ConnectionFactory() {
            @Override
            public Mono<Connection> create() {
                return Mono.defer(() -> connections.getAndDecrement() <= 0
                        ? Mono.error(new R2dbcTransientResourceException("The pool has no room."))
                        : pool.create());
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return pool.getMetadata();
            }
        };
    }

    private Claim claim(UUID token, int limit) {
        return new Claim(token, Duration.ofHours(1), false, List.of(new Claim.Request("orders", limit, 10)));
    }

    /** Else what was claimed along would be in nobody's hand until its lease lapses. */
    @Test
    void needsNoOtherConnectionForWhatBecameOfIt() {
        new EventSchema(database, dialect, table, "autovacuum_enabled = false")
                .migrate()
                .block(LIMIT);
        PostgresServer.execute(
                pool,
                "INSERT INTO queue (event_id, channel, event_key, payload, deliver_at, created_at, available_at)"
                        + " SELECT gen_random_uuid(), 'orders', key, to_jsonb(key || n), now(), now(), now()"
                        + " FROM generate_series(0, 1) n, unnest(ARRAY['a', 'b']) key ORDER BY n");
        backend.claim(claim(UUID.randomUUID(), 0)).block(LIMIT); // tells that there are keys
        UUID token = UUID.randomUUID();
        Claimed held = Objects.requireNonNull(backend.claim(claim(token, 2)).block(LIMIT))
                .get(0);
        assertThat(held.events()).extracting(ClaimedEvent::payload).containsExactlyInAnyOrder("\"a0\"", "\"b0\"");
        PostgresServer.execute(
                pool,
                "UPDATE queue SET status = 'ready', lease_token = NULL, available_at = now() WHERE payload = '\"a0\"'");
        List<Settlement> settlements = held.events().stream()
                .map(event ->
                        new Settlement(Outcome.ACK, "orders", event.eventId(), event.key(), token, Duration.ZERO, null))
                .toList();
        connections.set(1);
        Settled settled = Objects.requireNonNull(
                backend.settle(settlements, claim(UUID.randomUUID(), 2)).block(LIMIT));
        connections.set(Integer.MAX_VALUE);

        assertThat(settled.results()).containsExactlyInAnyOrder(SettleResult.LOST, SettleResult.APPLIED);
        assertThat(Objects.requireNonNull(settled.next()).events())
                .extracting(ClaimedEvent::payload)
                .containsExactlyInAnyOrder("\"a0\"", "\"b1\"");
    }
}
