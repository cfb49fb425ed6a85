package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Settles a batch by one statement that is done for each of its rows and counts each. A reason is assigned as it is bound, in a
 * text of its own: in an expression it could have no more than 4,000 bytes.
 */
final class OracleSettle {

    private static final String HELD = """
             WHERE event_id = :event_id AND lease_token = :lease_token AND status = 'leased'""";

    private static final String DELETE = "DELETE FROM ${table}\n" + HELD;

    private static final String RETRY = """
            UPDATE ${table}
               SET status = 'ready', deliver_at = ${now} + NUMTODSINTERVAL(:after_seconds, 'SECOND'),
                   available_at = ${now} + NUMTODSINTERVAL(:after_seconds, 'SECOND')${reason}
            """ + HELD;

    private static final String DEAD = """
            UPDATE ${table}
               SET status = 'dead', available_at = NULL, settled_at = ${now}${reason}
            """ + HELD;

    private static final String REASON = ", last_error = :last_reason";

    private static final Map<Outcome, String> CHANGES = Map.of(
            Outcome.ACK, """
                    UPDATE ${table}
                       SET status = 'acked', available_at = NULL, settled_at = ${now}
                    """ + HELD,
            Outcome.RETRY, RETRY.replace("${reason}", ""),
            Outcome.DEAD, DEAD.replace("${reason}", ""),
            Outcome.RELEASE, """
                    UPDATE ${table}
                       SET status = 'ready', attempts = attempts - 1, available_at = deliver_at
                    """ + HELD,
            Outcome.EXTEND, """
                    UPDATE ${table}
                       SET available_at = GREATEST(available_at, ${now} + NUMTODSINTERVAL(:after_seconds, 'SECOND'))
                    """ + HELD);

    private static final String EXTENDABLE = "SELECT event_id FROM ${table}"
            + " WHERE event_id IN (${many}) AND status = 'leased' FOR UPDATE SKIP LOCKED";

    private static final Map<Outcome, String> CHANGES_WITH_REASON =
            Map.of(Outcome.RETRY, RETRY.replace("${reason}", REASON), Outcome.DEAD, DEAD.replace("${reason}", REASON));

    private final Map<Outcome, OracleText> changes = new EnumMap<>(Outcome.class);
    private final Map<Outcome, OracleText> changesWithReason = new EnumMap<>(Outcome.class);

    private final OracleText extendable;

    OracleSettle(QueueTable table, boolean ackDeletes) {
        this.extendable = new OracleText(table, EXTENDABLE);
        CHANGES.forEach((outcome, change) -> changes.put(outcome, new OracleText(table, change)));
        CHANGES_WITH_REASON.forEach((outcome, change) -> changesWithReason.put(outcome, new OracleText(table, change)));
        if (ackDeletes) {
            changes.put(Outcome.ACK, new OracleText(table, DELETE));
        }
    }

    Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements) {
        return outcome == Outcome.EXTEND
                ? Extensions.of(settlements, extendable(connection, settlements), free -> settle(connection, free))
                : settle(connection, settlements);
    }

    private Flux<UUID> extendable(Connection connection, List<Settlement> settlements) {
        return Flux.fromIterable(settlements)
                .map(settlement -> settlement.eventId().toString())
                .buffer(OracleText.MOST)
                .concatMap(
                        ids -> OracleRow.query(
                                extendable.on(connection, ids, "${value}", ", "),
                                row -> Sql.requiredUuid(row, "event_id")),
                        0);
    }

    private Mono<List<Boolean>> settle(Connection connection, List<Settlement> settlements) {
        return Flux.fromIterable(batches(settlements))
                .concatMap(batch -> OracleRow.counts(statement(connection, batch)))
                .map(count -> count > 0)
                .collectList();
    }

    /** In the order of the list: whoever settles locks in one order. */
    private static List<List<Settlement>> batches(List<Settlement> settlements) {
        List<List<Settlement>> batches = new ArrayList<>();
        int from = 0;
        for (int i = 1; i <= settlements.size(); i++) {
            if (i == settlements.size() || !sameBatch(settlements.get(i - 1), settlements.get(i))) {
                batches.add(settlements.subList(from, i));
                from = i;
            }
        }
        return batches;
    }

    private static boolean sameBatch(Settlement before, Settlement settlement) {
        return hasReason(before) == hasReason(settlement)
                && !OracleInsert.isLarge(before.reason())
                && !OracleInsert.isLarge(settlement.reason());
    }

    private static boolean hasReason(Settlement settlement) {
        return settlement.reason() != null
                && (settlement.outcome() == Outcome.RETRY || settlement.outcome() == Outcome.DEAD);
    }

    private Statement statement(Connection connection, List<Settlement> batch) {
        Settlement first = batch.get(0);
        Map<Outcome, OracleText> texts = hasReason(first) ? changesWithReason : changes;
        Statement statement = Objects.requireNonNull(texts.get(first.outcome())).on(connection);
        for (int i = 0; i < batch.size(); i++) {
            bind(i == 0 ? statement : statement.add(), batch.get(i));
        }
        return statement;
    }

    private static void bind(Statement statement, Settlement settlement) {
        statement
                .bind("event_id", settlement.eventId().toString())
                .bind("lease_token", settlement.leaseToken().toString());
        if (settlement.outcome() == Outcome.RETRY || settlement.outcome() == Outcome.EXTEND) {
            statement.bind("after_seconds", OracleText.seconds(settlement.after()));
        }
        if (hasReason(settlement)) {
            OracleInsert.bind(statement, "last_reason", settlement.reason());
        }
    }
}
