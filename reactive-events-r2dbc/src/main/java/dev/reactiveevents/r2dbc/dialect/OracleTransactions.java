package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
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

    private static final String MARKED = "SELECT event_id FROM ${table}"
            + " WHERE event_id = :event_id AND lease_token = :lease_token AND status = 'leased'";

    private final Dialect dialect;
    private final OracleText lock;
    private final OracleText marked;
    private final QueueStatements statements;

    OracleTransactions(Dialect dialect, QueueTable table, QueueStatements statements) {
        this.dialect = dialect;
        this.lock = new OracleText(table, LOCK);
        this.marked = new OracleText(table, MARKED);
        this.statements = statements;
    }

    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        return dialect.begin(connection)
                .then(Mono.defer(() -> Sql.update(change(connection, eventId, leaseToken, Mark.of(leaseToken)))))
                .map(locked -> locked == 1);
    }

    private Statement change(Connection connection, UUID eventId, UUID from, UUID to) {
        return of(lock, connection, eventId, from).bind("mark", to.toString());
    }

    private static Statement of(OracleText text, Connection connection, UUID eventId, UUID leaseToken) {
        return text.on(connection).bind("event_id", eventId.toString()).bind("lease_token", leaseToken.toString());
    }

    @Override
    public Mono<Void> rolledBack(Connection connection, UUID eventId, UUID leaseToken) {
        UUID mark = Mark.of(leaseToken);
        return Mark.takeBack(
                connection, of(marked, connection, eventId, mark), () -> change(connection, eventId, mark, leaseToken));
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
