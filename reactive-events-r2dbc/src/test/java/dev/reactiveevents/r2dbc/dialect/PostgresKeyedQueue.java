package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import reactor.core.publisher.Mono;

/** The statements of a queue on PostgreSQL whose events have keys, on one connection and with a clock of the test's own. */
abstract class PostgresKeyedQueue {

    static final Duration LIMIT = Duration.ofSeconds(30);
    static final String READY = "'ready', NULL, now()";
    static final String HELD = "'leased', gen_random_uuid(), now() + interval '1 hour'";
    static final String LAPSED = "'leased', gen_random_uuid(), now() - interval '1 second'";

    final ConnectionFactory database = PostgresServer.migratedDatabase();
    final AtomicLong nanos = new AtomicLong();
    final PostgresDialect dialect = new PostgresDialect();
    final PostgresStatements statements =
            new PostgresStatements(QueueTable.of("queue"), Duration.ofHours(1), nanos::get);
    Connection connection;
    UUID token;

    @BeforeEach
    void open() {
        connection = Mono.<Connection>from(database.create()).block(LIMIT);
    }

    @AfterEach
    void close() {
        Mono.from(connection.close()).block(LIMIT);
    }

    void insert(long seq, String key, String statusTokenAvailable) {
        PostgresServer.execute(
                database,
                "INSERT INTO queue (event_id, seq, channel, event_key, payload, deliver_at, created_at, status,"
                        + " lease_token, available_at) OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), " + seq
                        + ", 'orders', '" + key.replace("'", "''") + "', '" + seq + "', now(), now(), "
                        + statusTokenAvailable + ")");
    }

    Claimed claim(DeadLetterKeys deadLetterKeys) {
        return claim(deadLetterKeys, 1_000);
    }

    Claimed claim(DeadLetterKeys deadLetterKeys, int limit) {
        token = UUID.randomUUID();
        Claim claim = new Claim(
                token, Duration.ofHours(1), false, deadLetterKeys, List.of(new Claim.Request("orders", limit, 10)));
        return statements
                .claim(connection, claim, "test", () -> {})
                .block(LIMIT)
                .get(0);
    }

    List<String> claim() {
        return payloads(claim(DeadLetterKeys.FREE));
    }

    static List<String> payloads(Claimed claimed) {
        return claimed.events().stream().map(ClaimedEvent::payload).toList();
    }

    /**
     * Holds an event of each key, the one with a number above a hundred. The claim that took them found nothing else, so that
     * the next one, once they are settled, looks at their keys alone.
     */
    Claimed holding(String... keys) {
        for (int i = 1; i <= keys.length; i++) {
            insert(i, keys[i - 1], READY);
            insert(100 + i, keys[i - 1], READY);
        }
        claim(); // tells that there are keys
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
        Claimed held = claim(DeadLetterKeys.FREE);
        assertThat(held.events()).hasSameSizeAs(keys);
        return held;
    }

    List<Settlement> settlements(Claimed claimed, Outcome outcome) {
        return claimed.events().stream()
                .map(event ->
                        new Settlement(outcome, "orders", event.eventId(), event.key(), token, Duration.ZERO, null))
                .toList();
    }

    void settle(Claimed claimed, Outcome outcome) {
        List<Settlement> settlements = settlements(claimed, outcome);
        assertThat(statements.settle(connection, outcome, settlements).block(LIMIT))
                .hasSameSizeAs(settlements)
                .containsOnly(true);
        statements.freed(settlements);
    }

    long number(String sql) {
        return Mono.from(connection.createStatement(sql).execute())
                .flatMap(result -> Mono.from(result.map(row -> row.get(0, Long.class))))
                .block(LIMIT);
    }
}
