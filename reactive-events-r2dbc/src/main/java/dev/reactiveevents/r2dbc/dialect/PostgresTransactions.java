package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import reactor.core.publisher.Mono;

/**
 * The opening is one trip, the settlement and the commit another, each one message. Statements that almost every transaction
 * makes are prepared by {@code PREPARE} in each session: to plan them each time costs the server more than to run them, and
 * the driver prepares nothing that goes together with others. Ids stand in the text, because these messages take no
 * parameters.
 */
final class PostgresTransactions implements TransactionStatements {

    /**
     * The lock is planned without reading the whole table, however small that was when the plan was made, and puts back what
     * the handler's own statements are planned with.
     */
    private static final String PIN = """
            SELECT set_config('reactive_events.enable_seqscan', current_setting('enable_seqscan'), true),
                set_config('enable_seqscan', 'off', true),
                set_config('idle_in_transaction_session_timeout', $1, true)""";

    private static final String LOCK = """
            SELECT set_config('enable_seqscan', current_setting('reactive_events.enable_seqscan'), true)
            FROM ${table}
            WHERE event_id = $1 AND lease_token = $2 AND status = 'leased' FOR UPDATE""";

    private static final String BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

    private static final String OPEN = "EXECUTE ${pin}('${limit}'); EXECUTE ${lock}('${event}', '${token}')";

    /** How much later the database ends a transaction that the process did not. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** If it changes nothing, it divides by zero, and the commit after it is not reached. */
    private static final String SETTLE = """
            WITH applied AS (
                ${change}
                WHERE e.event_id = ${event} AND e.lease_token = ${token} AND e.status = 'leased'
                RETURNING 1
            )
            SELECT 1 / count(*) AS settled""";

    /** What runs at the commit is planned as before too. A handler may have reset what tells how that was. */
    private static final String ACK = SETTLE.replace("${event}", "$1").replace("${token}", "$2") + """
            , set_config('enable_seqscan',
                COALESCE(NULLIF(current_setting('reactive_events.enable_seqscan', true), ''), 'on'), true) AS planned
            FROM applied""";

    private static final String ACK_AND_COMMIT =
            "SET LOCAL enable_seqscan = off; EXECUTE ${ack}('${event}', '${token}'); COMMIT";

    /** What is rare is planned for the table as it is. */
    private static final String SETTLE_AND_COMMIT =
            SETTLE.replace("${event}", "'${event}'").replace("${token}", "'${token}'") + " FROM applied; COMMIT";

    private static final String DIVISION_BY_ZERO = "22012";

    private final List<PostgresPrepared> prepared;
    private final String open;
    private final Map<Outcome, String> settleAndCommit = new EnumMap<>(Outcome.class);
    private final QueueStatements statements;

    PostgresTransactions(QueueTable table, PostgresStatements statements) {
        Map<Outcome, String> changes = statements.changes();
        PostgresPrepared pin = new PostgresPrepared("pin", PostgresStatements.filled(table, PIN));
        PostgresPrepared lock = new PostgresPrepared("lock", PostgresStatements.filled(table, LOCK));
        PostgresPrepared ack = new PostgresPrepared(
                "ack",
                PostgresStatements.filled(
                        table, ACK.replace("${change}", Objects.requireNonNull(changes.get(Outcome.ACK)))));
        // A session that has the others has this one too, which would be missed only after the work.
        this.prepared = List.of(ack, pin, lock);
        this.open = OPEN.replace("${pin}", pin.name()).replace("${lock}", lock.name());
        changes.forEach((outcome, change) ->
                settleAndCommit.put(outcome, PostgresStatements.filled(table, settlingOne(change))));
        settleAndCommit.put(Outcome.ACK, ACK_AND_COMMIT.replace("${ack}", ack.name()));
        this.statements = statements;
    }

    private static String settlingOne(String change) {
        return SETTLE_AND_COMMIT
                .replace("${change}", change)
                .replace("s.after", "${after}::bigint")
                .replace("s.reason", "${reason}");
    }

    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        String execute = open.replace("${limit}", Long.toString(millis(limit.plus(GRACE))))
                .replace("${event}", eventId.toString())
                .replace("${token}", leaseToken.toString());
        return PostgresPrepared.inTransaction(
                connection, BEGIN, prepared, begin -> isHeld(connection, begin + execute));
    }

    /** There is a row for the pin, and one for the event if it is held. */
    private static Mono<Boolean> isHeld(Connection connection, String sql) {
        return Sql.query(connection.createStatement(sql), row -> true).count().map(rows -> rows == 2);
    }

    private static long millis(Duration limit) {
        return Math.min(limit.toMillis(), Integer.MAX_VALUE);
    }

    @Override
    public Mono<Boolean> settleAndCommit(Connection connection, Settlement settlement) {
        String sql = Objects.requireNonNull(settleAndCommit.get(settlement.outcome()))
                .replace("${after}", Long.toString(Sql.micros(settlement.after())))
                .replace("${reason}", PostgresLiteral.of(settlement.reason()) + "::text")
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

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
