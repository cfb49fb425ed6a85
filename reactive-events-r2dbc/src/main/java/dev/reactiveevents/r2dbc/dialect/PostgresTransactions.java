package dev.reactiveevents.r2dbc.dialect;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** The opening is one trip, the settlement and the commit another. */
final class PostgresTransactions implements TransactionStatements {

    /** Ids stand in the text, so that all three statements go as one and are planned for the table as it is. */
    private static final String OPEN = """
            BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
            SET LOCAL idle_in_transaction_session_timeout = ${limit};
            SELECT 1 AS held FROM ${table}
            WHERE event_id = '${event}' AND lease_token = '${token}' AND status = 'leased' FOR UPDATE""";

    /** How much later the database ends a transaction that the process did not. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** If it changes nothing, it divides by zero, and the commit after it is not reached. In the text for the same reasons. */
    private static final String SETTLE_AND_COMMIT = """
            WITH applied AS (
                ${change}
                WHERE e.event_id = '${event}' AND e.lease_token = '${token}' AND e.status = 'leased'
                RETURNING 1
            )
            SELECT 1 / count(*) AS settled FROM applied;
            COMMIT""";

    private static final String DIVISION_BY_ZERO = "22012";

    private final String open;
    private final Map<Outcome, String> settleAndCommit = new EnumMap<>(Outcome.class);
    private final QueueStatements statements;

    PostgresTransactions(QueueTable table, PostgresStatements statements) {
        this.open = PostgresStatements.filled(table, OPEN);
        statements
                .changes()
                .forEach((outcome, change) ->
                        settleAndCommit.put(outcome, PostgresStatements.filled(table, settlingOne(change))));
        this.statements = statements;
    }

    /** The planner has less to do without a source of rows that is one. */
    private static String settlingOne(String change) {
        return SETTLE_AND_COMMIT
                .replace("${change}", change)
                .replace("s.after", "${after}::bigint")
                .replace("s.reason", "${reason}");
    }

    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        String sql = open.replace("${limit}", Long.toString(millis(limit.plus(GRACE))))
                .replace("${event}", eventId.toString())
                .replace("${token}", leaseToken.toString());
        return Sql.query(connection.createStatement(sql), row -> true).hasElements();
    }

    private static long millis(Duration limit) {
        return Math.min(limit.toMillis(), Integer.MAX_VALUE);
    }

    @Override
    public Mono<Boolean> settleAndCommit(Connection connection, Settlement settlement) {
        String sql = Objects.requireNonNull(settleAndCommit.get(settlement.outcome()))
                .replace("${after}", Long.toString(Sql.micros(settlement.after())))
                .replace("${reason}", text(settlement.reason()))
                .replace("${event}", settlement.eventId().toString())
                .replace("${token}", settlement.leaseToken().toString());
        return Sql.query(connection.createStatement(sql), row -> true)
                .last()
                .onErrorResume(
                        R2dbcException.class,
                        failure -> DIVISION_BY_ZERO.equals(failure.getSqlState())
                                ? Mono.just(false)
                                : Mono.error(failure));
    }

    /** An expression that no quote in the text can end, however the server reads quotes. */
    private static String text(@Nullable String text) {
        return text == null
                ? "NULL::text"
                : "convert_from(decode('" + HexFormat.of().formatHex(text.getBytes(UTF_8)) + "', 'hex'), 'UTF8')";
    }

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
