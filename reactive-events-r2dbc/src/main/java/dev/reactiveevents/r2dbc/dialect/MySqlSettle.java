package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Settles a batch by one statement. If it changed as many rows as were settled, each was; otherwise the rows tell, which the
 * transaction has locked by then. Of what is deleted nothing could tell afterwards: then it is brought back and locked first.
 */
final class MySqlSettle {

    private static final Map<Outcome, String> CHANGES = Map.of(
            Outcome.ACK, "status = 'acked', available_at = NULL, settled_at = ${now}",
            Outcome.RETRY, """
                    status = 'ready', last_error = COALESCE(:reason, last_error),
                    deliver_at = ${now} + INTERVAL :after MICROSECOND, available_at = ${now} + INTERVAL :after MICROSECOND""",
            Outcome.DEAD, """
                    status = 'dead', available_at = NULL, settled_at = ${now},
                    last_error = COALESCE(:reason, last_error)""",
            Outcome.RELEASE, "status = 'ready', attempts = attempts - 1, available_at = deliver_at",
            Outcome.EXTEND, "available_at = GREATEST(available_at, ${now} + INTERVAL :after MICROSECOND)");

    private static final Map<Outcome, String> STATUS_AFTER = Map.of(
            Outcome.ACK, "acked",
            Outcome.RETRY, "ready",
            Outcome.DEAD, "dead",
            Outcome.RELEASE, "ready",
            Outcome.EXTEND, "leased");

    /** By its index, whatever is believed of the table: a scan of it would lock all of it. */
    private static final String UPDATE =
            "UPDATE ${table} FORCE INDEX (${name:event}) SET ${change} WHERE status = 'leased' AND (:held)";

    private static final String LOCK = "SELECT seq, event_id FROM ${table} FORCE INDEX (${name:event})"
            + " WHERE status = 'leased' AND (:held) FOR UPDATE";

    private static final String EXTENDABLE = LOCK + " SKIP LOCKED";

    private static final String DELETE =
            "DELETE e FROM ${table} AS e FORCE INDEX (${name:event}) WHERE e.status = 'leased' AND (:held)";

    private static final String DELETE_LOCKED =
            "DELETE e FROM ${table} AS e FORCE INDEX (PRIMARY) WHERE e.seq IN :seqs";

    private static final String STANDING =
            "SELECT event_id FROM ${table} FORCE INDEX (${name:event}) WHERE status = :status AND (:held)";

    private static final String UNDELETED = "reactive_events_undeleted";

    /** A value for each event is a long CASE: as many as make the text longer than the work is not worth it. */
    private static final int AT_ONCE = 200;

    private final Map<Outcome, MySqlText> update = new HashMap<>();
    private final MySqlText lock;
    private final MySqlText extendable;
    private final MySqlText delete;
    private final MySqlText deleteLocked;
    private final MySqlText standing;
    private final boolean ackDeletes;

    MySqlSettle(QueueTable table, boolean ackDeletes) {
        CHANGES.forEach(
                (outcome, change) -> update.put(outcome, new MySqlText(table, UPDATE.replace("${change}", change))));
        this.lock = new MySqlText(table, LOCK);
        this.extendable = new MySqlText(table, EXTENDABLE);
        this.delete = new MySqlText(table, DELETE);
        this.deleteLocked = new MySqlText(table, DELETE_LOCKED);
        this.standing = new MySqlText(table, STANDING);
        this.ackDeletes = ackDeletes;
    }

    Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements) {
        if (outcome == Outcome.ACK && ackDeletes) {
            return inChunks(settlements, settlements.size(), chunk -> delete(connection, chunk));
        }
        int most = outcome == Outcome.ACK || outcome == Outcome.RELEASE ? settlements.size() : AT_ONCE;
        return inChunks(
                settlements,
                most,
                chunk -> outcome == Outcome.EXTEND
                        ? Extensions.of(
                                chunk,
                                locked(connection, extendable, chunk).map(Row::eventId),
                                free -> update(connection, outcome, free))
                        : update(connection, outcome, chunk));
    }

    private static Mono<List<Boolean>> inChunks(
            List<Settlement> settlements, int size, Function<List<Settlement>, Mono<List<Boolean>>> settle) {
        return Flux.fromIterable(chunks(settlements, size))
                .concatMap(settle)
                .concatMapIterable(applied -> applied)
                .collectList();
    }

    /** None with an event twice, of which a statement could not tell by which token it was settled. */
    private static List<List<Settlement>> chunks(List<Settlement> settlements, int size) {
        List<List<Settlement>> chunks = new ArrayList<>();
        Set<UUID> ids = new HashSet<>();
        int from = 0;
        for (int i = 0; i < settlements.size(); i++) {
            if (!ids.add(settlements.get(i).eventId()) || i - from == size) {
                chunks.add(settlements.subList(from, i));
                ids.clear();
                ids.add(settlements.get(i).eventId());
                from = i;
            }
        }
        chunks.add(settlements.subList(from, settlements.size()));
        return chunks;
    }

    private Mono<List<Boolean>> update(Connection connection, Outcome outcome, List<Settlement> settlements) {
        Consumer<Composed> held = held(settlements);
        Map<String, Object> values = Map.of(
                "held", held,
                "after", of(settlements, settlement -> Sql.micros(settlement.after())),
                "reason", of(settlements, Settlement::reason),
                "status", Objects.requireNonNull(STATUS_AFTER.get(outcome)));
        return Sql.update(
                        Objects.requireNonNull(update.get(outcome)).with(values).on(connection))
                .flatMap(changed -> changed == settlements.size()
                        ? Mono.just(Collections.nCopies(settlements.size(), true))
                        : among(
                                settlements,
                                Sql.query(
                                        standing.with(values).on(connection),
                                        row -> Sql.requiredUuid(row, "event_id"))));
    }

    private Mono<List<Boolean>> delete(Connection connection, List<Settlement> settlements) {
        Mono<Long> deleting = Mono.defer(
                () -> Sql.update(delete.with(Map.of("held", held(settlements))).on(connection)));
        if (settlements.size() == 1) {
            return deleting.map(deleted -> List.of(deleted == 1));
        }
        return Mono.from(connection.createSavepoint(UNDELETED))
                .then(deleting)
                .flatMap(deleted -> deleted == settlements.size()
                        ? Mono.just(Collections.nCopies(settlements.size(), true))
                        : Mono.from(connection.rollbackTransactionToSavepoint(UNDELETED))
                                .then(Mono.defer(() -> lockAndDelete(connection, settlements))));
    }

    private record Row(long seq, UUID eventId) {}

    private static Flux<Row> locked(Connection connection, MySqlText lock, List<Settlement> settlements) {
        return Sql.query(
                lock.with(Map.of("held", held(settlements))).on(connection),
                row -> new Row(Sql.required(row, "seq", Long.class), Sql.requiredUuid(row, "event_id")));
    }

    private Mono<List<Boolean>> lockAndDelete(Connection connection, List<Settlement> settlements) {
        return locked(connection, lock, settlements).collectList().flatMap(rows -> {
            List<Long> seqs = rows.stream().map(Row::seq).sorted().toList();
            Mono<Long> deleted = seqs.isEmpty()
                    ? Mono.just(0L)
                    : Sql.update(deleteLocked.with(Map.of("seqs", seqs)).on(connection));
            return deleted.then(among(settlements, Flux.fromIterable(rows).map(Row::eventId)));
        });
    }

    private static Mono<List<Boolean>> among(List<Settlement> settlements, Flux<UUID> applied) {
        return applied.collectList().map(list -> {
            Set<UUID> ids = new HashSet<>(list);
            return settlements.stream()
                    .map(settlement -> ids.contains(settlement.eventId()))
                    .toList();
        });
    }

    /** Most were taken by few claims, and have few tokens. */
    private static Consumer<Composed> held(List<Settlement> settlements) {
        Map<UUID, List<UUID>> byToken = new LinkedHashMap<>();
        settlements.forEach(settlement -> byToken.computeIfAbsent(settlement.leaseToken(), token -> new ArrayList<>())
                .add(settlement.eventId()));
        return to -> {
            String before = "";
            for (Map.Entry<UUID, List<UUID>> same : byToken.entrySet()) {
                to.text(before + "lease_token = ")
                        .value(same.getKey())
                        .text(" AND event_id IN ")
                        .value(same.getValue());
                before = " OR ";
            }
        };
    }

    /** One value if it is the same for all, otherwise one for each event. */
    private static Consumer<Composed> of(
            List<Settlement> settlements, Function<Settlement, ? extends @Nullable Object> value) {
        return to -> {
            if (settlements.stream().map(value).distinct().count() == 1) {
                to.value(value.apply(settlements.get(0)));
                return;
            }
            to.text("CASE event_id");
            settlements.forEach(settlement ->
                    to.text(" WHEN ").value(settlement.eventId()).text(" THEN ").value(value.apply(settlement)));
            to.text(" END");
        };
    }
}
