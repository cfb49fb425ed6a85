package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.UUID;
import reactor.core.publisher.Mono;

/** The statements around a handler that works in the transaction which settles its event. */
public interface TransactionStatements {

    /**
     * Begins a transaction and locks a leased event, so that nobody can claim it while the transaction lasts.
     *
     * @param connection the connection
     * @param eventId the event
     * @param leaseToken its delivery's token
     * @param limit how long the work may take; a transaction that is idle for longer is to be ended by the database, where
     *     it can do so
     * @return whether the event was leased under the token
     */
    Mono<Boolean> open(Connection connection, UUID eventId, UUID leaseToken, Duration limit);

    /**
     * Settles the event and commits, both or neither: if the settlement changes nothing, nothing of the transaction may be
     * committed.
     *
     * @param connection the connection, in that transaction
     * @param settlement the outcome
     * @return true once it is committed; false if the settlement changed nothing, and then a rollback follows
     */
    Mono<Boolean> settleAndCommit(Connection connection, Settlement settlement);

    /**
     * Puts back what {@link #open} changed in the session beyond the transaction, which has been committed or rolled back.
     * Does nothing by default.
     *
     * @param connection the connection
     * @return completes when this is done
     */
    default Mono<Void> ended(Connection connection) {
        return Mono.empty();
    }

    /**
     * Puts back what {@link #open} changed of the event, if a statement of the work has committed it. After a rollback, outside a
     * transaction. Does nothing by default.
     *
     * @param connection the connection
     * @param eventId the event
     * @param leaseToken its delivery's token
     * @return completes when this is done
     */
    default Mono<Void> rolledBack(Connection connection, UUID eventId, UUID leaseToken) {
        return Mono.empty();
    }

    /**
     * A transaction that settled an event has committed.
     *
     * @param settlement the outcome
     */
    default void committed(Settlement settlement) {}
}
