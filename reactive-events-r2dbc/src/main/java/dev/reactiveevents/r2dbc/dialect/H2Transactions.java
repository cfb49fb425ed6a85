package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import reactor.core.publisher.Mono;

/** H2 has no timeout for idle transactions; those of a process end with it. */
final class H2Transactions implements TransactionStatements {

    private static final String LOCK = "SELECT event_id FROM ${table}"
            + " WHERE event_id = $1 AND lease_token = $2 AND status = 'leased' FOR UPDATE";

    private final String lock;
    private final QueueStatements statements;

    H2Transactions(QueueTable table, QueueStatements statements) {
        this.lock = table.fill(LOCK);
        this.statements = statements;
    }

    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        return Mono.from(connection.beginTransaction())
                .thenMany(Sql.query(
                        connection.createStatement(lock).bind(0, eventId).bind(1, leaseToken), row -> true))
                .hasElements();
    }

    @Override
    public Mono<Boolean> settle(Connection connection, Settlement settlement) {
        return statements
                .settle(connection, settlement.outcome(), List.of(settlement))
                .map(applied -> applied.get(0));
    }

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
