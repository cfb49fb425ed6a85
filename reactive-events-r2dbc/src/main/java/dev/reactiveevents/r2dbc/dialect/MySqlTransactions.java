package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import reactor.core.publisher.Mono;

/**
 * There is no timeout for idle transactions that both servers have, but one for idle sessions: it is set for the time of the
 * transaction, and put back when that has ended. So is autocommit: after a deadlock, in which these servers roll the whole
 * transaction back, it would commit each statement with which the work goes on.
 */
final class MySqlTransactions implements TransactionStatements {

    private static final String LIMIT = "SET @reactive_events_wait_timeout = @@wait_timeout,"
            + " @reactive_events_autocommit = @@autocommit, SESSION autocommit = 0, SESSION wait_timeout = ";

    private static final String LIMIT_NO_MORE = "SET SESSION wait_timeout = @reactive_events_wait_timeout,"
            + " SESSION autocommit = @reactive_events_autocommit";

    private static final String LOCK = "UPDATE ${table} FORCE INDEX (${name:event}) SET lease_token = :mark"
            + " WHERE event_id = :event AND lease_token = :token AND status = 'leased'";

    private static final String LEASED = "SELECT event_id FROM ${table} FORCE INDEX (${name:event})"
            + " WHERE event_id = :event AND lease_token = :token AND status = 'leased'";

    /** How much later the database ends a transaction that the process did not. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    private final MySqlText lock;
    private final MySqlText leased;
    private final QueueStatements statements;

    MySqlTransactions(QueueTable table, QueueStatements statements) {
        this.lock = new MySqlText(table, LOCK);
        this.leased = new MySqlText(table, LEASED);
        this.statements = statements;
    }

    /**
     * An UPDATE locks the row before it compares the token: for an event of others it would wait until they are done with it. So
     * it is looked first, which waits for nobody; each statement of this transaction sees what is committed by then.
     */
    @Override
    public Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit) {
        return Sql.execute(connection, LIMIT + seconds(limit.plus(GRACE)))
                .then(Mono.from(connection.beginTransaction(IsolationLevel.READ_COMMITTED)))
                .then(Mono.defer(() -> Sql.query(look(connection, eventId, leaseToken), row -> true)
                        .hasElements()))
                .filter(ours -> ours)
                .flatMap(ours -> Sql.update(change(connection, eventId, leaseToken, Mark.of(leaseToken))))
                .map(locked -> locked == 1)
                .defaultIfEmpty(false);
    }

    private Statement look(Connection connection, UUID eventId, UUID token) {
        return leased.with(Map.of("event", eventId, "token", token)).on(connection);
    }

    private Statement change(Connection connection, UUID eventId, UUID from, UUID to) {
        return lock.with(Map.of("event", eventId, "token", from, "mark", to)).on(connection);
    }

    @Override
    public Mono<Void> rolledBack(Connection connection, UUID eventId, UUID leaseToken) {
        UUID mark = Mark.of(leaseToken);
        return Mark.takeBack(
                connection, look(connection, eventId, mark), () -> change(connection, eventId, mark, leaseToken));
    }

    /** The largest value that both servers take is a year. */
    private static long seconds(Duration limit) {
        return Math.min(limit.toSeconds() + 1, 31_536_000);
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
    public Mono<Void> ended(Connection connection) {
        return Sql.execute(connection, LIMIT_NO_MORE);
    }

    @Override
    public void committed(Settlement settlement) {
        statements.freed(List.of(settlement));
    }
}
