package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import reactor.core.publisher.Mono;

/**
 * A session cannot bound how long its transactions stay idle here: an administrator does, by {@code MAX_IDLE_BLOCKER_TIME} or by
 * a profile.
 */
final class OracleTransactions implements TransactionStatements {

    private static final String LOCK = "UPDATE ${table} SET lease_token = :mark"
            + " WHERE event_id = :event_id AND lease_token = :lease_token AND status = 'leased'";

    private final Dialect dialect;
    private final OracleText lock;
    private final QueueStatements statements;

    OracleTransactions(Dialect dialect, QueueTable table, QueueStatements statements) {
        this.dialect = dialect;
        this.lock = new OracleText(table, LOCK);
        this.statements = statements;
    }

    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        return dialect.begin(connection)
                .then(Mono.defer(() -> Sql.update(lock.on(connection)
                        .bind("event_id", eventId.toString())
                        .bind("lease_token", leaseToken.toString())
                        .bind("mark", Mark.of(leaseToken).toString()))))
                .map(locked -> locked == 1);
    }

    @Override
    public Mono<Boolean> settleAndCommit(Connection connection, Settlement settlement) {
        return statements
                .settle(connection, settlement.outcome(), List.of(Mark.of(settlement)))
                .flatMap(applied -> applied.get(0) ? dialect.commit(connection).thenReturn(true) : Mono.just(false));
    }

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
