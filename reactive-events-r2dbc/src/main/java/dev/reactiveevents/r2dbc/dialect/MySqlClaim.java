package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.dialect.Keys.Look;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.R2dbcRollbackException;
import io.r2dbc.spi.Readable;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A claim: locks what it takes, channel after channel, then leases all of it by primary key in the order of the keys, then looks
 * what remains where it found less than it was asked for.
 */
final class MySqlClaim {

    private static final String SERIALIZATION_FAILURE = "40001";

    private final MySqlText due;
    private final MySqlText missed;
    private final MySqlText these;
    private final MySqlText othersAreDue;
    private final MySqlText early;
    private final MySqlText nextKeys;
    private final MySqlText firstOfKeys;
    private final MySqlText suspects;
    private final MySqlText lease;
    private final MySqlText suspect;
    private final MySqlText bury;
    private final MySqlText remains;
    private final Keys keys;

    MySqlClaim(QueueTable table, Keys keys) {
        this.due = new MySqlText(table, MySqlClaimSql.DUE);
        this.missed = new MySqlText(table, MySqlClaimSql.MISSED);
        this.these = new MySqlText(table, MySqlClaimSql.THESE);
        this.othersAreDue = new MySqlText(table, MySqlClaimSql.OTHERS_ARE_DUE);
        this.early = new MySqlText(table, MySqlClaimSql.EARLY);
        this.nextKeys = new MySqlText(table, MySqlClaimSql.NEXT_KEYS);
        this.firstOfKeys = new MySqlText(table, MySqlClaimSql.FIRST_OF_KEYS);
        this.suspects = new MySqlText(table, MySqlClaimSql.SUSPECTS);
        this.lease = new MySqlText(table, MySqlClaimSql.LEASE);
        this.suspect = new MySqlText(table, MySqlClaimSql.SUSPECT);
        this.bury = new MySqlText(table, MySqlClaimSql.BURY);
        this.remains = new MySqlText(table, MySqlClaimSql.REMAINS);
        this.keys = keys;
    }

    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return Mono.defer(() -> {
            List<OfChannel> channels = claim.requests().stream()
                    .map(request -> new OfChannel(connection, claim, request))
                    .toList();
            return Flux.fromIterable(channels)
                    .concatMap(OfChannel::find, 0)
                    .thenMany(Flux.defer(() -> {
                        taken.run();
                        return changes(connection, claim, consumer, channels);
                    }))
                    .then(Mono.defer(() -> lookWhatRemains(connection, channels)))
                    .then(Mono.fromSupplier(
                            () -> channels.stream().map(OfChannel::answer).toList()))
                    .onErrorMap(R2dbcException.class, MySqlClaim::asConflict)
                    .doOnError(failure -> channels.forEach(OfChannel::giveBack));
        });
    }

    /** Two events of one key cannot be leased: another process has leased one that this claim did not see yet. */
    private static R2dbcException asConflict(R2dbcException failure) {
        return MySqlFamily.isDuplicate(failure)
                ? new R2dbcRollbackException(failure.getMessage(), SERIALIZATION_FAILURE, failure)
                : failure;
    }

    private Flux<Long> changes(Connection connection, Claim claim, String consumer, List<OfChannel> channels) {
        return Flux.just(Map.entry("leased", lease), Map.entry("suspect", suspect), Map.entry("dead", bury))
                .concatMap(change -> {
                    List<Long> seqs = channels.stream()
                            .flatMap(channel -> channel.seqs(change.getKey()))
                            .sorted()
                            .toList();
                    Map<String, Object> values = Map.of(
                            "seqs",
                            seqs,
                            "token",
                            claim.leaseToken(),
                            "consumer",
                            consumer,
                            "lease",
                            Sql.micros(claim.lease()));
                    return seqs.isEmpty()
                            ? Mono.empty()
                            : Sql.update(change.getValue().with(values).on(connection));
                });
    }

    private Mono<Void> lookWhatRemains(Connection connection, List<OfChannel> channels) {
        Composed all = new Composed();
        String before = "";
        for (int place = 0; place < channels.size(); place++) {
            if (!channels.get(place).knowsWhatRemains()) {
                remains.addTo(all.text(before), MySqlText.more(channels.get(place).values, "place", place));
                before = " UNION ALL ";
            }
        }
        return before.isEmpty()
                ? Mono.empty()
                : Sql.query(
                                all.on(connection),
                                row -> channels.get(Sql.required(row, "place", Integer.class))
                                        .remains(row))
                        .then();
    }

    /** A row that this claim has locked. */
    private record Locked(long seq, long laneAt, Taken.Row row) {}

    /** The claim of one channel. */
    private final class OfChannel {

        private final Connection connection;
        private final Claim.Request request;
        private final boolean ofSuspects;
        private final boolean hasKeys;
        private final Look look;
        private final Taken taken;
        private final Map<String, Object> values = new HashMap<>();
        private final Map<String, List<Long>> seqs = new HashMap<>();
        private @Nullable Boolean suspectsThere;
        private String lastKey;
        private int withKey;

        OfChannel(Connection connection, Claim claim, Claim.Request request) {
            this.connection = connection;
            this.request = request;
            this.ofSuspects = claim.suspects();
            this.hasKeys = !ofSuspects && keys.has(request.channel());
            this.look = hasKeys ? keys.look(request.channel(), request.limit()) : Look.NONE;
            this.lastKey = look.after();
            this.taken = new Taken(request);
            values.put("channel", request.channel());
            values.put("attempts", request.maxAttempts());
            values.put("suspects", request.suspectAfter());
            values.put("suspected", ofSuspects);
            values.put("looked", hasKeys);
            values.put("lease", Sql.micros(claim.lease()));
            values.put("parks", claim.deadLetterKeys() == DeadLetterKeys.PARK);
            values.put("since", (Consumer<Composed>) to -> to.text(MySqlText.NOW));
        }

        private Composed with(MySqlText text, int limit) {
            return text.with(MySqlText.more(values, "limit", limit));
        }

        private <T> Flux<T> query(Composed composed, Function<Readable, T> row) {
            return Sql.query(composed.on(connection), row);
        }

        // == Finding and locking ==

        Mono<Void> find() {
            if (request.limit() == 0) {
                return Mono.empty();
            }
            return ofSuspects ? takeSuspects() : takeWithKeys().then(Mono.defer(this::takeDue));
        }

        private Mono<Void> takeSuspects() {
            return query(with(suspects, request.limit()), row -> Sql.required(row, "seq", Long.class))
                    .collectList()
                    .flatMap(this::take);
        }

        private Mono<Void> takeDue() {
            int room = request.limit() - taken.size();
            return room == 0
                    ? Mono.empty()
                    : query(with(due, room), row -> {
                                suspectsThere = Sql.truth(row, "suspects");
                                noteKeys(row);
                                return locked(row);
                            })
                            .collectList()
                            .filter(found -> !found.isEmpty())
                            .flatMap(found -> withMissed(found, seqs(found), room, room))
                            .doOnNext(found -> found.forEach(this::add))
                            .then();
        }

        private static Set<Long> seqs(List<Locked> locked) {
            return locked.stream().map(Locked::seq).collect(Collectors.toCollection(HashSet::new));
        }

        /**
         * What was missed comes first, and takes the room of the last. If others hold some of what was found, it is looked again,
         * for more, and for all that is before the last now: a transaction may have been committed since, too.
         *
         * @param seen what is locked already, or held by others
         * @param most how many to look for, at least as many as there is room for
         */
        private Mono<List<Locked>> withMissed(List<Locked> found, Set<Long> seen, int most, int room) {
            Locked last = found.get(found.size() - 1);
            Consumer<Composed> time = to -> to.text(MySqlText.time(last.laneAt()));
            Map<String, Object> more = MySqlText.more(MySqlText.more(values, "seqs", seen), "limit", most);
            more.put("last", time);
            more.put("lastseq", last.seq());
            return query(missed.with(more), row -> Sql.required(row, "seq", Long.class))
                    .collectList()
                    .flatMap(seqs -> lock(seqs).collectList().flatMap(others -> {
                        List<Locked> first = Stream.concat(found.stream(), others.stream())
                                .sorted(Comparator.comparing(Locked::laneAt).thenComparing(Locked::seq))
                                .limit(room)
                                .toList();
                        boolean all = seqs.size() < most || others.size() == most;
                        seen.addAll(seqs);
                        return all ? Mono.just(first) : withMissed(first, seen, 2 * most, room);
                    }));
        }

        /** Takes those that were found, as far as they are still there, in the order in which they were found. */
        private Mono<Void> take(List<Long> found) {
            return lock(found).doOnNext(this::add).then();
        }

        private Flux<Locked> lock(List<Long> found) {
            if (found.isEmpty()) {
                return Flux.empty();
            }
            Consumer<Composed> order =
                    to -> to.text(found.stream().map(String::valueOf).collect(Collectors.joining(",")));
            return query(
                    these.with(MySqlText.more(MySqlText.more(values, "seqs", found), "order", order)), this::locked);
        }

        private Locked locked(Readable row) {
            return new Locked(
                    Sql.required(row, "seq", Long.class), Sql.required(row, "lane_at", Long.class), taken.read(row));
        }

        private void add(Locked locked) {
            seqs.computeIfAbsent(locked.row().becomes(), name -> new ArrayList<>())
                    .add(locked.seq());
            taken.add(locked.row());
        }

        Stream<Long> seqs(String becomes) {
            return seqs.getOrDefault(becomes, List.of()).stream();
        }

        // == Events with keys ==

        /** If events without a key are due too, each kind gets half. */
        private Mono<Void> takeWithKeys() {
            if (!hasKeys) {
                return Mono.empty();
            }
            return query(othersAreDue.with(values), row -> {
                        String lookedAt = MySqlText.time(Sql.required(row, "looked_at", Long.class));
                        values.put("since", (Consumer<Composed>) to -> to.text(lookedAt));
                        return Sql.truth(row, "due");
                    })
                    .single()
                    .map(others -> others ? look.half(request.limit()) : request.limit())
                    .filter(share -> share > 0)
                    .flatMap(share ->
                            look.keys(share, this::early, this::walk).flatMap(found -> takeFirstOf(found, share)))
                    .doOnSuccess(done -> withKey = taken.size());
        }

        private Mono<Void> takeFirstOf(Set<String> found, int share) {
            if (found.isEmpty()) {
                return Mono.empty();
            }
            String json = found.stream()
                    .map(key -> '"' + HexFormat.of().formatHex(key.getBytes(StandardCharsets.UTF_8)) + '"')
                    .collect(Collectors.joining(",", "[", "]"));
            Map<String, Object> more = MySqlText.more(MySqlText.more(values, "limit", share), "keys", json);
            return query(firstOfKeys.with(more), row -> Sql.required(row, "seq", Long.class))
                    .collectList()
                    .flatMap(this::take);
        }

        private Flux<String> early(int most) {
            return query(with(early, most), row -> Sql.utf8(row, "event_key"));
        }

        /** From key to key, and once around. */
        private Mono<List<String>> walk(int steps) {
            if (steps <= 0) {
                return Mono.just(List.of());
            }
            List<String> walked = new ArrayList<>();
            return keysBetween(look.after(), null, steps)
                    .doOnNext(walked::add)
                    .then(Mono.defer(
                            () -> walked.size() == steps || look.after().isEmpty()
                                    ? Mono.empty()
                                    : keysBetween("", look.after(), steps - walked.size())
                                            .doOnNext(walked::add)
                                            .then()))
                    .then(Mono.fromSupplier(() -> {
                        lastKey = walked.isEmpty() ? lastKey : walked.get(walked.size() - 1);
                        return walked;
                    }));
        }

        private Flux<String> keysBetween(String after, @Nullable String upTo, int limit) {
            Consumer<Composed> bounds = to -> {
                to.text("event_key > ").value(MySqlText.bytes(after));
                if (upTo != null) {
                    to.text(" AND event_key <= ").value(MySqlText.bytes(upTo));
                }
            };
            Map<String, Object> more = MySqlText.more(MySqlText.more(values, "limit", limit), "bounds", bounds);
            return query(nextKeys.with(more), row -> Sql.utf8(row, "event_key"));
        }

        // == What remains ==

        /** Each row that is due tells it, and if there are as many as were asked for, nothing else is of interest. */
        boolean knowsWhatRemains() {
            return suspectsThere != null && taken.size() == request.limit();
        }

        OfChannel remains(Readable row) {
            noteKeys(row);
            Duration nextDue = earlier(row.get("next_without_key", Long.class), row.get("next_with_key", Long.class));
            taken.remains(nextDue, Sql.truth(row, "passed_over"), Sql.truth(row, "suspects"));
            return this;
        }

        private static @Nullable Duration earlier(@Nullable Long one, @Nullable Long other) {
            if (one == null || other == null) {
                Long only = one == null ? other : one;
                return only == null ? null : Duration.of(only, ChronoUnit.MICROS);
            }
            return Duration.of(Math.min(one, other), ChronoUnit.MICROS);
        }

        private void noteKeys(Readable row) {
            if (Sql.truth(row, "with_keys")) {
                keys.noteThatThereAre(request.channel());
            }
        }

        Claimed answer() {
            if (knowsWhatRemains()) {
                boolean suspected = seqs.containsKey("suspect");
                taken.remains(null, false, suspected || Boolean.TRUE.equals(suspectsThere));
            }
            if (hasKeys) {
                keys.looked(request.channel(), look, lastKey, withKey, taken.isPassedOver());
            }
            return taken.toClaimed();
        }

        void giveBack() {
            keys.notLooked(request.channel(), look);
        }
    }
}
