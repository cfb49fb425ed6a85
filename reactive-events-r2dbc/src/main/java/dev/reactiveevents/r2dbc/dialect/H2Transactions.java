package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import reactor.core.publisher.Mono;

/**
 * H2 has no timeout for idle transactions; those of a process end with it. In a deadlock it rolls the whole transaction back, and
 * what comes next begins another.
 */
final class H2Transactions implements TransactionStatements {

    private static final String LOCK =
            "UPDATE ${table} SET lease_token = $3" + " WHERE event_id = $1 AND lease_token = $2 AND status = 'leased'";

    private static final String MARKED =
            "SELECT event_id FROM ${table} WHERE event_id = $1 AND lease_token = $2 AND status = 'leased'";

    private final String lock;
    private final String marked;
    private final QueueStatements statements;

    H2Transactions(QueueTable table, QueueStatements statements) {
        this.lock = table.fill(LOCK);
        this.marked = table.fill(MARKED);
        this.statements = statements;
    }

    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        return Mono.from(connection.beginTransaction())
                .then(Mono.defer(() -> Sql.update(change(connection, eventId, leaseToken, Mark.of(leaseToken)))))
                .map(locked -> locked == 1);
    }

    private Statement change(Connection connection, UUID eventId, UUID from, UUID to) {
        return connection.createStatement(lock).bind(0, eventId).bind(1, from).bind(2, to);
    }

    @Override
    public Mono<Void> rolledBack(Connection connection, UUID eventId, UUID leaseToken) {
        UUID mark = Mark.of(leaseToken);
        Statement look = connection.createStatement(marked).bind(0, eventId).bind(1, mark);
        return Mark.takeBack(connection, look, () -> change(connection, eventId, mark, leaseToken));
    }

    @Override
    public Mono<Boolean> settleAndCommit(Connection connection, Settlement settlement) {
        return statements
                .settle(connection, settlement.outcome(), List.of(Mark.of(settlement)))
                .flatMap(applied -> applied.get(0)
                        ? Mono.from(connection.commitTransaction()).thenReturn(true)
                        : Mono.just(false));
    }

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
