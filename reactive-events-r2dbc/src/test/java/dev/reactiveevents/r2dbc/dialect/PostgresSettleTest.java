package dev.reactiveevents.r2dbc.dialect;

import static dev.reactiveevents.spi.Settlement.Outcome.ACK;
import static dev.reactiveevents.spi.Settlement.Outcome.DEAD;
import static dev.reactiveevents.spi.Settlement.Outcome.EXTEND;
import static dev.reactiveevents.spi.Settlement.Outcome.RELEASE;
import static dev.reactiveevents.spi.Settlement.Outcome.RETRY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Settlements of all outcomes are one message; each answer is that of its settlement. */
class PostgresSettleTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final UUID TOKEN = UUID.randomUUID();

    private final ConnectionFactory database = PostgresServer.migratedDatabase();
    private final PostgresStatements statements = new PostgresStatements(QueueTable.of("queue"), Duration.ofHours(1));
    private Connection connection;

    @BeforeEach
    void open() {
        PostgresServer.execute(
                database,
                "INSERT INTO queue (event_id, channel, payload, deliver_at, created_at, attempts, status, lease_token,"
                        + " available_at) SELECT lpad(to_hex(i), 32, '0')::uuid, 'orders', '1', now(), now(), 3, 'leased', '"
                        + TOKEN + "', now() + interval '1 minute' FROM generate_series(1, 10) i");
        connection = Mono.<Connection>from(database.create()).block(LIMIT);
    }

    @AfterEach
    void close() {
        Mono.from(connection.close()).block(LIMIT);
    }

    private static Settlement settlement(Outcome outcome, int event, UUID token, Duration after, String reason) {
        return new Settlement(outcome, "orders", new UUID(0, event), null, token, after, reason);
    }

    private String state(int event) {
        return Flux.usingWhen(
                        database.create(),
                        other -> Flux.from(other.createStatement("SELECT concat_ws(' ', status, attempts, last_error,"
                                                + " round(extract(epoch FROM available_at - now()) / 60)) FROM queue WHERE event_id = '"
                                                + new UUID(0, event) + "'")
                                        .execute())
                                .concatMap(result -> result.map((row, metadata) -> row.get(0, String.class))),
                        Connection::close)
                .blockLast(LIMIT);
    }

    @Test
    void eachOutcomeAnswersForItsOwn() {
        UUID strange = UUID.randomUUID();
        Map<Outcome, List<Settlement>> settlements = new EnumMap<>(Outcome.class);
        settlements.put(
                ACK,
                List.of(
                        settlement(ACK, 1, strange, Duration.ZERO, null),
                        settlement(ACK, 2, TOKEN, Duration.ZERO, null)));
        settlements.put(
                RETRY,
                List.of(
                        settlement(RETRY, 3, TOKEN, Duration.ofMinutes(5), "busy"),
                        settlement(RETRY, 4, strange, Duration.ofMinutes(5), "busy"),
                        settlement(RETRY, 5, TOKEN, Duration.ofMinutes(7), null)));
        settlements.put(DEAD, List.of(settlement(DEAD, 6, TOKEN, Duration.ZERO, "broken")));
        settlements.put(RELEASE, List.of(settlement(RELEASE, 7, TOKEN, Duration.ZERO, null)));
        settlements.put(
                EXTEND,
                List.of(
                        settlement(EXTEND, 8, TOKEN, Duration.ofMinutes(9), null),
                        settlement(EXTEND, 9, strange, Duration.ofMinutes(9), null)));

        List<Boolean> owned = settlements.values().stream()
                .flatMap(List::stream)
                .map(settlement -> settlement.leaseToken().equals(TOKEN))
                .toList();
        assertThat(statements.settle(connection, settlements).block(LIMIT)).isEqualTo(owned);
        assertThat(List.of(state(1), state(2), state(3), state(4), state(5)))
                .containsExactly("leased 3 1", "acked 3", "ready 3 busy 5", "leased 3 1", "ready 3 7");
        assertThat(List.of(state(6), state(7), state(8), state(9), state(10)))
                .containsExactly("dead 3 broken", "ready 2 0", "leased 3 9", "leased 3 1", "leased 3 1");
    }

    private static Map<Outcome, List<Settlement>> acknowledging(int event, int retried, Duration after) {
        Map<Outcome, List<Settlement>> settlements = new EnumMap<>(Outcome.class);
        settlements.put(ACK, List.of(settlement(ACK, event, TOKEN, Duration.ZERO, null)));
        settlements.put(RETRY, List.of(settlement(RETRY, retried, TOKEN, after, "busy")));
        return settlements;
    }

    private void execute(String sql) {
        Flux.from(connection.createStatement(sql).execute())
                .concatMap(Result::getRowsUpdated)
                .blockLast(LIMIT);
    }

    @Test
    void whereOneOutcomeFailsNoneIsApplied() {
        Duration tooLate = Duration.ofDays(365L * 292_460);
        assertThatThrownBy(() -> statements
                        .settle(connection, acknowledging(1, 2, tooLate))
                        .block(LIMIT))
                .isInstanceOf(R2dbcException.class);
        execute("ROLLBACK");
        assertThat(List.of(state(1), state(2))).containsOnly("leased 3 1");
    }

    @Test
    void theSecondStatementMayBeWhatASessionHasForgotten() {
        assertThat(statements
                        .settle(connection, acknowledging(1, 2, Duration.ofMinutes(5)))
                        .block(LIMIT))
                .containsExactly(true, true);
        execute("DO $$ BEGIN EXECUTE (SELECT 'DEALLOCATE ' || name FROM pg_prepared_statements"
                + " WHERE name LIKE 'reactive\\_events\\_settle%' AND statement LIKE '%''ready''%'); END $$");
        assertThat(statements
                        .settle(connection, acknowledging(3, 4, Duration.ofMinutes(5)))
                        .block(LIMIT))
                .containsExactly(true, true);
        assertThat(List.of(state(1), state(2), state(3), state(4)))
                .containsExactly("acked 3", "ready 3 busy 5", "acked 3", "ready 3 busy 5");
    }
}
