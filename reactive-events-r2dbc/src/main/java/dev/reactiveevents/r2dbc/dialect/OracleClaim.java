package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.dialect.Keys.Look;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.R2dbcType;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Statement;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A claim, channel after channel: a block locks and leases what it takes and answers with the order, a query reads it, another
 * one what remains.
 */
final class OracleClaim {

    /** As many as the list of their numbers has room for in the largest text of PL/SQL. */
    private static final int MOST_FOUND = 1_500;

    /** As many as one block takes. The rest is passed over, and taken by the next claim. */
    private static final int MOST_TAKEN = 1_000;

    /** What of an event is kept until its place is known. */
    private static final List<String> COLUMNS = List.of(
            "becomes",
            "event_id",
            "type",
            "event_key",
            "payload",
            "metadata",
            "attempts",
            "created_at",
            "deliver_at",
            "lease_expires_at");

    private final OracleText takeDue;
    private final OracleText takeFound;
    private final OracleText leased;
    private final OracleText buried;
    private final OracleText othersAreDue;
    private final OracleText early;
    private final OracleText firstKeys;
    private final OracleText keysAfter;
    private final OracleText keysUpTo;
    private final OracleText firstOfKeys;
    private final OracleText suspects;
    private final OracleText remains;
    private final Keys keys;

    OracleClaim(QueueTable table, Keys keys) {
        this.takeDue = new OracleText(table, OracleClaimSql.TAKE_DUE);
        this.takeFound = new OracleText(table, OracleClaimSql.TAKE_FOUND);
        this.leased = new OracleText(table, OracleClaimSql.LEASED);
        this.buried = new OracleText(table, OracleClaimSql.BURIED);
        this.othersAreDue = new OracleText(table, OracleClaimSql.OTHERS_ARE_DUE);
        this.early = new OracleText(table, OracleClaimSql.EARLY);
        this.firstKeys = new OracleText(table, OracleClaimSql.FIRST_KEYS);
        this.keysAfter = new OracleText(table, OracleClaimSql.KEYS_AFTER);
        this.keysUpTo = new OracleText(table, OracleClaimSql.KEYS_UP_TO);
        this.firstOfKeys = new OracleText(table, OracleClaimSql.FIRST_OF_KEYS);
        this.suspects = new OracleText(table, OracleClaimSql.SUSPECTS);
        this.remains = new OracleText(table, OracleClaimSql.REMAINS);
        this.keys = keys;
    }

    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer) {
        return Flux.fromIterable(claim.requests())
                .concatMap(request -> new OfChannel(connection, claim, request, consumer).run(), 0)
                .collectList();
    }

    /** What a block answers. */
    private record Block(List<Long> order, boolean hasBuried, LocalDateTime now, LocalDateTime until) {}

    /** An event that was taken and its number, by which it has its place. */
    private record Numbered(long seq, Readable row) {}

    /** The claim of one channel. */
    private final class OfChannel {

        private final Connection connection;
        private final Claim claim;
        private final Claim.Request request;
        private final String consumer;
        private final Taken taken;
        private final boolean hasKeys;
        private final Look look;
        private @Nullable LocalDateTime lookedAt;
        private String lastKey;
        private int withKey;

        OfChannel(Connection connection, Claim claim, Claim.Request request, String consumer) {
            this.connection = connection;
            this.claim = claim;
            this.request = request;
            this.consumer = consumer;
            this.taken = new Taken(request);
            this.hasKeys = !claim.suspects() && keys.has(request.channel());
            this.look = hasKeys ? keys.look(request.channel(), limit()) : Look.NONE;
            this.lastKey = look.after();
        }

        private int limit() {
            return Math.min(request.limit(), MOST_TAKEN);
        }

        Mono<Claimed> run() {
            return take().then(Mono.defer(
                            () -> OracleRow.query(remaining(), this::remains).then()))
                    .then(Mono.fromSupplier(this::answer))
                    .doOnError(failure -> keys.notLooked(request.channel(), look));
        }

        private Mono<Void> take() {
            if (request.limit() == 0) {
                return Mono.empty();
            }
            return claim.suspects() ? takeSuspects() : takeWithKeys().then(Mono.defer(this::takeDue));
        }

        private Taken remains(Readable row) {
            if (Sql.required(row, "with_keys", Boolean.class)) {
                keys.noteThatThereAre(request.channel());
            }
            return taken.remains(row);
        }

        private Claimed answer() {
            if (hasKeys) {
                keys.looked(request.channel(), look, lastKey, withKey, taken.isPassedOver());
            }
            return taken.toClaimed();
        }

        // == Taking ==

        private Mono<Void> takeDue() {
            int room = limit() - taken.size();
            return room == 0 ? Mono.empty() : run(call(takeDue, room).bind("channel", request.channel()));
        }

        private Mono<Void> takeSuspects() {
            Statement found = suspects.on(connection)
                    .bind("channel", request.channel())
                    .bind("suspect_after", request.suspectAfter())
                    .bind("parks", parks())
                    .bind("max_events", limit());
            return OracleRow.query(found, row -> Sql.required(row, "seq", Long.class))
                    .collectList()
                    .flatMap(seqs -> take(seqs, limit()));
        }

        private Mono<Void> take(List<Long> seqs, int limit) {
            if (seqs.isEmpty()) {
                return Mono.empty();
            }
            String found = seqs.stream().limit(MOST_FOUND).map(seq -> seq + ",").collect(Collectors.joining());
            return run(call(takeFound, limit).bind("found_seqs", found));
        }

        private Statement call(OracleText text, int limit) {
            return text.on(connection)
                    .bind("max_events", limit)
                    .bind("max_attempts", request.maxAttempts())
                    .bind("suspect_after", request.suspectAfter())
                    .bind("suspected", claim.suspects() ? 1 : 0)
                    .bind("lease_token", claim.leaseToken().toString())
                    .bind("lease_owner", consumer)
                    .bind("lease_seconds", OracleText.seconds(claim.lease()))
                    .bind("taken_seqs", Parameters.out(R2dbcType.VARCHAR))
                    .bind("buried_count", Parameters.out(R2dbcType.NUMERIC))
                    .bind("claimed_at", Parameters.out(R2dbcType.TIMESTAMP))
                    .bind("leased_until", Parameters.out(R2dbcType.TIMESTAMP));
        }

        private Mono<Void> run(Statement block) {
            return Sql.query(block, this::answered).single().flatMap(this::read);
        }

        private Block answered(Readable out) {
            String order = out.get("taken_seqs", String.class);
            return new Block(
                    order == null
                            ? List.of()
                            : Arrays.stream(order.substring(1).split(",", -1))
                                    .map(Long::valueOf)
                                    .toList(),
                    Sql.required(new OracleRow(out), "buried_count", Boolean.class),
                    Sql.required(out, "claimed_at", LocalDateTime.class),
                    Sql.required(out, "leased_until", LocalDateTime.class));
        }

        private Mono<Void> read(Block block) {
            if (block.order().isEmpty()) {
                return Mono.empty();
            }
            Flux<Numbered> all = read(leased, block.until());
            return (block.hasBuried() ? all.concatWith(read(buried, block.now())) : all)
                    .collectMap(Numbered::seq, Numbered::row)
                    .doOnNext(rows -> block.order().stream()
                            .map(rows::get)
                            .filter(Objects::nonNull)
                            .forEach(taken::add))
                    .then();
        }

        private Flux<Numbered> read(OracleText text, LocalDateTime laneAt) {
            Statement statement = text.on(connection)
                    .bind("channel", request.channel())
                    .bind("lane_at", laneAt)
                    .bind("lease_token", claim.leaseToken().toString());
            return OracleRow.query(
                    statement, row -> new Numbered(Sql.required(row, "seq", Long.class), OracleRow.kept(row, COLUMNS)));
        }

        // == Events with keys ==

        /** If events without a key are due too, each kind gets half. */
        private Mono<Void> takeWithKeys() {
            if (!hasKeys) {
                return Mono.empty();
            }
            Statement others = othersAreDue.on(connection).bind("channel", request.channel());
            return OracleRow.query(others, row -> {
                        lookedAt = OracleText.time(Sql.instant(row, "looked_at"));
                        return Sql.required(row, "due", Boolean.class);
                    })
                    .single()
                    .map(due -> due ? look.half(limit()) : limit())
                    .filter(share -> share > 0)
                    .flatMap(share -> look.keys(share, this::early, this::walk)
                            .flatMap(this::firstOf)
                            .flatMap(seqs -> take(seqs, share)))
                    .doOnSuccess(done -> withKey = taken.size());
        }

        /** Of each key the event that is its turn, if it can be taken, in the order of the keys. */
        private Mono<List<Long>> firstOf(Set<String> wanted) {
            return Flux.fromIterable(wanted)
                    .buffer(OracleText.MOST)
                    .concatMap(some -> OracleRow.query(
                            firstOfKeys
                                    .on(connection, some, OracleClaimSql.ONE_KEY, " UNION ALL ")
                                    .bind("channel", request.channel())
                                    .bind("suspect_after", request.suspectAfter())
                                    .bind("max_attempts", request.maxAttempts())
                                    .bind("parks", parks()),
                            row -> Map.entry(
                                    Sql.required(row, "event_key", String.class),
                                    Sql.required(row, "seq", Long.class))))
                    .collect(HashMap<String, Long>::new, (first, row) -> first.put(row.getKey(), row.getValue()))
                    .map(first -> wanted.stream()
                            .map(first::get)
                            .filter(Objects::nonNull)
                            .toList());
        }

        private Flux<String> early(int most) {
            return keys(early, most);
        }

        /** From key to key, and once around. */
        private Mono<List<String>> walk(int steps) {
            if (steps <= 0) {
                return Mono.just(List.of());
            }
            List<String> walked = new ArrayList<>();
            Flux<String> onwards = look.after().isEmpty()
                    ? keys(firstKeys, steps)
                    : keys(keysAfter, steps, "after_key").concatWith(Flux.defer(() -> around(steps - walked.size())));
            return onwards.doOnNext(walked::add).then(Mono.fromSupplier(() -> {
                lastKey = walked.isEmpty() ? lastKey : walked.get(walked.size() - 1);
                return walked;
            }));
        }

        private Flux<String> around(int steps) {
            return steps == 0 ? Flux.empty() : keys(keysUpTo, steps, "last_key");
        }

        private Flux<String> keys(OracleText text, int most, String bound) {
            return keys(text.on(connection).bind(bound, look.after()), most);
        }

        private Flux<String> keys(OracleText text, int most) {
            return keys(text.on(connection), most);
        }

        private Flux<String> keys(Statement statement, int most) {
            return OracleRow.query(
                    statement.bind("channel", request.channel()).bind("max_keys", most),
                    row -> Sql.required(row, "event_key", String.class));
        }

        private int parks() {
            return claim.deadLetterKeys() == DeadLetterKeys.PARK ? 1 : 0;
        }

        private Statement remaining() {
            Statement statement = remains.on(connection)
                    .bind("channel", request.channel())
                    .bind("max_attempts", request.maxAttempts())
                    .bind("suspect_after", request.suspectAfter())
                    .bind("suspected", claim.suspects() ? 1 : 0)
                    .bind("looked", hasKeys ? 1 : 0);
            return lookedAt == null
                    ? statement.bindNull("looked_at", LocalDateTime.class)
                    : statement.bind("looked_at", lookedAt);
        }
    }
}
