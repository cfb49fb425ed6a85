package dev.reactiveevents.r2dbc.dialect;

import static dev.reactiveevents.r2dbc.dialect.PostgresStatements.column;
import static dev.reactiveevents.spi.Settlement.Outcome.ACK;
import static dev.reactiveevents.spi.Settlement.Outcome.DEAD;
import static dev.reactiveevents.spi.Settlement.Outcome.EXTEND;
import static dev.reactiveevents.spi.Settlement.Outcome.RELEASE;
import static dev.reactiveevents.spi.Settlement.Outcome.RETRY;

import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** Settlements of all outcomes as one message, from the beginning of their transaction to its commit. */
final class PostgresSettle {

    /**
     * {@code ANY} keeps the plan to these rows, and makes all settlements lock in the order of the ids. Which were applied is
     * told only if not all were.
     */
    private static final String SETTLE = """
            WITH applied AS (
                ${change}
                ${from} unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[]) WITH ORDINALITY
                    AS s (event_id, lease_token, after, reason, place)
                WHERE e.event_id = ANY ($1) AND e.event_id = s.event_id AND e.lease_token = s.lease_token
                    AND e.status = 'leased'
                RETURNING s.place::integer
            )
            SELECT CASE WHEN count(*) < cardinality($1) THEN COALESCE(array_agg(place), '{}') END FROM applied
            """;

    /** Waits for nobody: what a transactional handler works on for long would hold up the renewals of all others. */
    private static final String EXTENDABLE = """
            WITH held AS MATERIALIZED (
                SELECT event_id FROM ${table} WHERE event_id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED
            ), applied AS (
            """;

    private static final String DELETE = "DELETE FROM ${table} e";

    private static final Map<Outcome, String> CHANGES = Map.of(
            ACK, """
                    UPDATE ${table} e
                    SET status = 'acked', available_at = NULL, settled_at = statement_timestamp()""",
            RETRY, """
                    UPDATE ${table} e
                    SET status = 'ready', last_error = COALESCE(s.reason, e.last_error),
                        deliver_at = statement_timestamp() + s.after * interval '1 microsecond',
                        available_at = statement_timestamp() + s.after * interval '1 microsecond'""",
            DEAD, """
                    UPDATE ${table} e
                    SET status = 'dead', available_at = NULL, settled_at = statement_timestamp(),
                        last_error = COALESCE(s.reason, e.last_error)""",
            RELEASE, """
                    UPDATE ${table} e
                    SET status = 'ready', attempts = e.attempts - 1, available_at = e.deliver_at""",
            EXTEND, """
                    UPDATE ${table} e
                    SET available_at = GREATEST(
                        e.available_at, statement_timestamp() + s.after * interval '1 microsecond')""");

    private final Map<Outcome, String> changes;
    private final Map<Outcome, PostgresPrepared> prepared = new EnumMap<>(Outcome.class);

    PostgresSettle(QueueTable table, Duration retention) {
        this.changes = new EnumMap<>(CHANGES);
        if (retention.isZero()) {
            changes.put(ACK, DELETE);
        }
        changes.forEach((outcome, change) -> prepared.put(
                outcome, new PostgresPrepared("settle", PostgresStatements.filled(table, settling(outcome, change)))));
    }

    private static String settling(Outcome outcome, String change) {
        String settle =
                SETTLE.replace("${change}", change).replace("${from}", change.equals(DELETE) ? "USING" : "FROM");
        return outcome == EXTEND
                ? settle.replace("WITH applied AS (\n", EXTENDABLE)
                        .replace("e.event_id = ANY ($1)", "e.event_id = ANY (ARRAY(SELECT event_id FROM held))")
                : settle;
    }

    /** How each outcome changes a row {@code e} by a settlement {@code s}, up to where that comes from. */
    Map<Outcome, String> changes() {
        return changes;
    }

    /**
     * Settles.
     *
     * @param along a claim that is to read what it takes, behind the settlements; null if there is none
     */
    Mono<List<Boolean>> settle(
            Connection connection,
            Map<Outcome, List<Settlement>> settlements,
            PostgresNextOfKeys.@Nullable Along along) {
        List<PostgresPrepared> statements =
                settlements.keySet().stream().map(this::prepared).collect(Collectors.toCollection(ArrayList::new));
        String executed = settlements.entrySet().stream()
                .map(same -> prepared(same.getKey()).execute(values(same.getKey(), same.getValue())))
                .collect(Collectors.joining("; "));
        if (along != null) {
            statements.add(along.statement());
        }
        String message = executed + (along == null ? "" : "; " + along.executed()) + "; COMMIT";
        return PostgresPrepared.inTransaction(connection, PostgresDialect.BEGIN, statements, begin -> {
            Iterator<List<Settlement>> next = settlements.values().iterator();
            return Sql.query(connection.createStatement(begin + message), row -> {
                        if (along == null || next.hasNext()) {
                            return applied(row, next.next());
                        }
                        along.read(row);
                        return List.<Boolean>of();
                    })
                    .concatMapIterable(Function.identity())
                    .collectList();
        });
    }

    private PostgresPrepared prepared(Outcome outcome) {
        return Objects.requireNonNull(prepared.get(outcome));
    }

    /** What an outcome does not use is left out, because text takes its time. */
    private static List<@Nullable Object> values(Outcome outcome, List<Settlement> settlements) {
        boolean later = outcome == RETRY || outcome == EXTEND;
        boolean reasoned = (outcome == RETRY || outcome == DEAD)
                && settlements.stream().anyMatch(settlement -> settlement.reason() != null);
        return Arrays.asList(
                column(settlements, Settlement::eventId, UUID[]::new),
                column(settlements, Settlement::leaseToken, UUID[]::new),
                later ? column(settlements, settlement -> Sql.micros(settlement.after()), Long[]::new) : null,
                reasoned ? column(settlements, Settlement::reason, String[]::new) : null);
    }

    /** A row is the answer for an outcome. */
    private static List<Boolean> applied(Readable row, List<Settlement> settlements) {
        Integer[] places = row.get(0, Integer[].class);
        Boolean[] applied = new Boolean[settlements.size()];
        Arrays.fill(applied, places == null);
        if (places != null) {
            for (Integer place : places) {
                applied[place - 1] = true;
            }
        }
        return List.of(applied);
    }
}
