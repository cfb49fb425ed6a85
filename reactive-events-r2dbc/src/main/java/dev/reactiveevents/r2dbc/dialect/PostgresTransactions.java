package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Signal;

/** The opening and the settlement are one trip each. */
final class PostgresTransactions implements TransactionStatements {

    /** Ids stand in the text, so that all three statements go as one and are planned for the table as it is. */
    private static final String OPEN = """
            BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
            SET LOCAL idle_in_transaction_session_timeout = ${limit};
            SELECT 1 AS held FROM ${table}
            WHERE event_id = '${event}' AND lease_token = '${token}' AND status = 'leased' FOR UPDATE""";

    /** How much later the database ends a transaction that the process did not. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** The handler's own statements were planned without these. */
    private static final String PIN = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
            + " SET LOCAL enable_nestloop = off; SET LOCAL plan_cache_mode = force_generic_plan";

    private final String open;
    private final QueueStatements statements;

    PostgresTransactions(QueueTable table, QueueStatements statements) {
        this.open = table.fill(OPEN);
        this.statements = statements;
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
    public Mono<Boolean> settle(Connection connection, Settlement settlement) {
        Mono<Signal<Boolean>> pinned =
                Sql.execute(connection, PIN).thenReturn(true).materialize();
        Mono<Signal<Boolean>> settled = statements
                .settle(connection, settlement.outcome(), List.of(settlement))
                .map(applied -> applied.get(0))
                .materialize();
        return Mono.zip(pinned, settled)
                .flatMap(both -> both.getT1().isOnError()
                        ? Mono.error(Objects.requireNonNull(both.getT1().getThrowable()))
                        : Mono.just(both.getT2()).dematerialize());
    }

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
