package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.util.UUID;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/**
 * How a transaction that works on an event knows at its end that it is still the one which was begun: it has changed the
 * event's token, which nobody else sees before its end. Some databases roll all of a transaction back in a deadlock and then go
 * on as if nothing had happened, and a statement of the work may have rolled it back: what is settled after that under this
 * token is not found. If one has committed it, the token is committed too: the event is still settled under it, and it is taken
 * back when the work fails after all. What was settled under it keeps it.
 */
final class Mark {

    private Mark() {}

    /** {@return the token within the transaction} */
    static UUID of(UUID leaseToken) {
        return new UUID(~leaseToken.getMostSignificantBits(), leaseToken.getLeastSignificantBits());
    }

    /**
     * Takes back what a statement of the work has committed.
     *
     * @param look finds the event if it is leased under the mark; waits for no lock
     * @param change gives it its own token again
     */
    static Mono<Void> takeBack(Connection connection, Statement look, Supplier<Statement> change) {
        return Sql.query(look, row -> true)
                .hasElements()
                .flatMap(marked -> marked ? Sql.update(change.get()) : Mono.just(0L))
                .then(Mono.defer(
                        () -> connection.isAutoCommit() ? Mono.empty() : Mono.from(connection.commitTransaction())));
    }

    /** {@return the same settlement, under the token within the transaction} */
    static Settlement of(Settlement settlement) {
        return new Settlement(
                settlement.outcome(),
                settlement.channel(),
                settlement.eventId(),
                settlement.key(),
                of(settlement.leaseToken()),
                settlement.after(),
                settlement.reason());
    }
}
