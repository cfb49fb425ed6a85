package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.dialect.Keys.Look;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Statement;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A claim, channel after channel, in the turn of one process. What an index begins with is part of each {@code ORDER BY}. */
final class H2Claim {

    /** H2 limits before it skips locked rows: two who claim at once would find the same ones, and the second in vain. */
    private static final String TAKE_TURN = "SELECT task FROM ${table:maintenance} WHERE task = 'claim' FOR UPDATE";

    /** The lower bound keeps the walk off the settled rows, which have no such time and come first in the index. */
    private static final String DUE =
            "channel = $1 AND available_at > TIMESTAMP WITH TIME ZONE '0001-01-01 00:00:00+00'"
                    + " AND available_at <= CURRENT_TIMESTAMP";

    private static final String WANTED = "(lapses < $3 OR status = 'leased' AND attempts >= $2)";

    /** Whose lease lapsed comes first, also before one that was published earlier and has come later. */
    private static final String FIRST_OF_KEY = """
            event_id = COALESCE(
                (SELECT event_id FROM ${table} WHERE channel = $1 AND held_key = ${key}),
                (SELECT event_id FROM ${table} WHERE channel = $1 AND open_key = ${key}
                    ORDER BY channel, open_key, seq FETCH FIRST ROW ONLY))
            AND (NOT $6 OR e.status = 'leased' OR NOT EXISTS (
                SELECT 1 FROM ${table} AS d WHERE d.channel = $1 AND d.dead_key = ${key} AND d.seq < e.seq))
            """;

    private static final String SELECT = """
            SELECT
                CASE WHEN status = 'leased' AND attempts >= $2 THEN 'dead'
                    WHEN status = 'leased' AND lapses + 1 = $3 THEN 'suspect'
                    ELSE 'leased' END AS becomes,
                event_id, type, event_key, payload, metadata, attempts + 1 AS attempts, created_at, deliver_at,
                DATEADD(MICROSECOND, $4, CURRENT_TIMESTAMP) AS lease_expires_at
            FROM ${table} AS e
            """;

    private static final String FIND_WITHOUT_KEY = """
            SELECT event_id FROM ${table}
            WHERE ${due} AND with_key = 0 AND ${wanted} AND event_id <> ALL ($5)
            ORDER BY channel, with_key, available_at, seq
            FETCH FIRST $4 ROWS ONLY
            """;

    private static final String FIND_SUSPECTS = """
            SELECT event_id FROM ${table} AS e USE INDEX (${table:suspect})
            WHERE channel = $1 AND lapses >= $3 AND available_at <= CURRENT_TIMESTAMP
                AND (event_key IS NULL OR ${first}) AND event_id <> ALL ($5)
            ORDER BY available_at, seq
            FETCH FIRST $4 ROWS ONLY
            """.replace("${first}", FIRST_OF_KEY.replace("${key}", "e.event_key"));

    /**
     * Of what was found, in a statement of its own: with {@code FOR UPDATE} H2 reads all that is due, in whatever order, and a
     * subquery it would ask again for each row as long as others change the table.
     */
    private static final String THESE = SELECT + """
            WHERE event_id = ANY ($1) AND available_at <= CURRENT_TIMESTAMP AND ${wanted}
            ORDER BY available_at, seq
            FOR UPDATE SKIP LOCKED
            """;

    private static final String THESE_SUSPECTS = THESE.replace("${wanted}", "lapses >= $3");

    private static final String OF_KEY = SELECT + """
            WHERE ${first} AND available_at <= CURRENT_TIMESTAMP AND ${wanted}
            FOR UPDATE SKIP LOCKED
            """.replace("${first}", FIRST_OF_KEY.replace("${key}", "$5"));

    private static final String OTHERS_ARE_DUE =
            "SELECT EXISTS (SELECT 1 FROM ${table} WHERE ${due} AND with_key = 0) AS due";

    /** The keys of what is due first. */
    private static final String EARLY = """
            SELECT event_key FROM ${table}
            WHERE ${due} AND with_key = 1
            ORDER BY channel, with_key, available_at, seq
            FETCH FIRST $2 ROWS ONLY
            """;

    private static final String NEXT_KEY = """
            SELECT open_key FROM ${table} WHERE channel = $1 AND open_key > $2
            ORDER BY channel, open_key, seq
            FETCH FIRST ROW ONLY
            """;

    private static final String LEASE = """
            UPDATE ${table}
            SET status = 'leased',
                attempts = attempts + 1,
                lapses = lapses + CASE WHEN status = 'leased' AND lease_token IS NOT NULL THEN 1 ELSE 0 END,
                lease_token = $2,
                leased_by = $3,
                available_at = DATEADD(MICROSECOND, $4, CURRENT_TIMESTAMP)
            WHERE event_id = ANY ($1)
            """;

    /** A suspect with a key stays leased, by nobody: so it holds its key. */
    private static final String SUSPECT = """
            UPDATE ${table}
            SET status = CASE WHEN event_key IS NULL THEN 'ready' ELSE 'leased' END, lapses = lapses + 1, lease_token = NULL
            WHERE event_id = ANY ($1)
            """;

    private static final String BURY = """
            UPDATE ${table}
            SET status = 'dead', lapses = lapses + 1, lease_token = $2, available_at = NULL, settled_at = CURRENT_TIMESTAMP,
                last_error = 'The lease lapsed at attempt ' || attempts || ', which was the last.'
            WHERE event_id = ANY ($1)
            """;

    private static final String THERE_ARE_KEYS = "EXISTS (SELECT 1 FROM ${table} WHERE channel = $1 AND open_key > '')";

    /** {@code DATEDIFF} compares the clocks on the wall, of two zones if need be: both times are brought to one. */
    private static final String REMAINS = """
            SELECT
                DATEDIFF(MICROSECOND, CURRENT_TIMESTAMP AT TIME ZONE 'UTC', (SELECT MIN(due) FROM (
                    (SELECT available_at AT TIME ZONE 'UTC' AS due FROM ${table}
                        WHERE channel = $1 AND with_key = 0 AND available_at > CURRENT_TIMESTAMP
                        ORDER BY channel, with_key, available_at, seq FETCH FIRST ROW ONLY)
                    UNION ALL
                    (SELECT available_at AT TIME ZONE 'UTC' AS due FROM ${table}
                        WHERE channel = $1 AND with_key = 1 AND available_at > CURRENT_TIMESTAMP
                        ORDER BY channel, with_key, available_at, seq FETCH FIRST ROW ONLY)))) AS next_due,
                CASE WHEN $4 THEN EXISTS (
                        SELECT 1 FROM ${table} USE INDEX (${table:suspect})
                        WHERE channel = $1 AND lapses >= $3 AND available_at <= CURRENT_TIMESTAMP)
                    ELSE EXISTS (SELECT 1 FROM ${table} WHERE ${due} AND with_key = 0 AND ${wanted})
                        OR EXISTS (SELECT 1 FROM ${table} WHERE ${due} AND with_key = 1 AND ${wanted})
                        OR NOT $5 AND ${keys} END AS passed_over,
                NOT $4 AND EXISTS (
                    SELECT 1 FROM ${table} USE INDEX (${table:suspect})
                    WHERE channel = $1 AND lapses >= $3 AND available_at <= CURRENT_TIMESTAMP) AS suspects,
                ${keys} AS with_keys
            """.replace("${keys}", THERE_ARE_KEYS);

    /** Each is held by a transaction that is open, and costs a look more where events are claimed one at a time. */
    private static final int MOST_SKIPPED = 100;

    private final QueueTable table;
    private final Keys keys;

    H2Claim(QueueTable table, Keys keys) {
        this.table = table;
        this.keys = keys;
    }

    private Statement statement(Connection connection, String template) {
        return connection.createStatement(
                table.fill(template.replace("${due}", DUE).replace("${wanted}", WANTED)));
    }

    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer) {
        return Sql.update(statement(connection, TAKE_TURN))
                .thenMany(Flux.fromIterable(claim.requests()))
                .concatMap(request -> new OfChannel(connection, claim, request, consumer).run())
                .collectList();
    }

    private record Step(String key, boolean wrapped) {}

    /** The claim of one channel. */
    private final class OfChannel {

        private final Connection connection;
        private final Claim claim;
        private final Claim.Request request;
        private final String consumer;
        private final Taken taken;
        private final boolean hasKeys;
        private final Look look;
        private String lastKey;

        OfChannel(Connection connection, Claim claim, Claim.Request request, String consumer) {
            this.connection = connection;
            this.claim = claim;
            this.request = request;
            this.consumer = consumer;
            this.taken = new Taken(request);
            this.hasKeys = !claim.suspects() && keys.has(request.channel());
            this.look = hasKeys ? keys.look(request.channel(), request.limit()) : Look.NONE;
            this.lastKey = look.after();
        }

        Mono<Claimed> run() {
            Mono<Void> withKey = hasKeys ? share().flatMap(this::takeWithKey) : Mono.empty();
            Mono<Void> others = Mono.defer(this::takeOthers);
            return withKey.then(Mono.fromSupplier(taken::size))
                    .flatMap(ofKeys -> others.thenMany(Flux.defer(this::changes))
                            .thenMany(Flux.defer(() -> Sql.query(remaining(), this::remains)))
                            .then(Mono.fromSupplier(() -> answer(ofKeys))))
                    .doOnError(failure -> keys.notLooked(request.channel(), look));
        }

        private Taken remains(Readable row) {
            if (Sql.required(row, "with_keys", Boolean.class)) {
                keys.noteThatThereAre(request.channel());
            }
            return taken.remains(row);
        }

        private Claimed answer(int ofKeys) {
            if (hasKeys) {
                keys.looked(request.channel(), look, lastKey, ofKeys, taken.isPassedOver());
            }
            return taken.toClaimed();
        }

        // == Events with keys ==

        /** If events without a key are due too, each kind gets half. */
        private Mono<Integer> share() {
            return Sql.query(
                            statement(connection, OTHERS_ARE_DUE).bind(0, request.channel()),
                            row -> Sql.required(row, "due", Boolean.class))
                    .single()
                    .map(others -> others ? look.half(request.limit()) : request.limit());
        }

        private Mono<Void> takeWithKey(int share) {
            return look.keys(share, this::early, this::walk)
                    .flatMapMany(Flux::fromIterable)
                    .concatMap(key -> Sql.query(ofKey(key), taken::add), 0)
                    .take(share)
                    .then();
        }

        private Flux<String> early(int most) {
            Statement early =
                    statement(connection, EARLY).bind(0, request.channel()).bind(1, most);
            return Sql.query(early, row -> Sql.required(row, "event_key", String.class));
        }

        /** From key to key, and once around. */
        private Mono<List<String>> walk(int steps) {
            return next(new Step(look.after(), false))
                    .expand(this::next)
                    .take(Math.max(0, steps))
                    .map(Step::key)
                    .doOnNext(key -> lastKey = key)
                    .collectList();
        }

        private Mono<Step> next(Step from) {
            return keyAfter(from.key())
                    .map(key -> new Step(key, from.wrapped()))
                    .switchIfEmpty(Mono.defer(
                            () -> from.wrapped() ? Mono.empty() : keyAfter("").map(key -> new Step(key, true))))
                    .filter(step -> !step.wrapped() || step.key().compareTo(look.after()) <= 0);
        }

        private Mono<String> keyAfter(String key) {
            Statement next =
                    statement(connection, NEXT_KEY).bind(0, request.channel()).bind(1, key);
            return Sql.query(next, row -> Sql.required(row, "open_key", String.class))
                    .next();
        }

        // == Others, and suspects ==

        private Mono<Void> takeOthers() {
            return takeBesides(List.of(), request.limit() - taken.size());
        }

        /** H2 limits before it skips what is locked: as many as it skipped are looked for besides. */
        private Mono<Void> takeBesides(List<UUID> seen, int most) {
            return Sql.query(found(most, seen), row -> Sql.requiredUuid(row, "event_id"))
                    .collectList()
                    .filter(found -> !found.isEmpty())
                    .flatMap(found -> Sql.query(these(found), taken::add)
                            .count()
                            .flatMap(had -> takeInstead(found.size() - had.intValue(), union(seen, found))));
        }

        private Mono<Void> takeInstead(int skipped, List<UUID> seen) {
            boolean enough = skipped == 0 || seen.size() >= request.limit() + MOST_SKIPPED;
            return enough ? Mono.empty() : takeBesides(seen, skipped);
        }

        private static List<UUID> union(List<UUID> some, List<UUID> others) {
            return Stream.concat(some.stream(), others.stream()).toList();
        }

        // == Statements ==

        private Statement bound(String template) {
            return statement(connection, template)
                    .bind(0, request.channel())
                    .bind(1, request.maxAttempts())
                    .bind(2, request.suspectAfter());
        }

        private Statement found(int most, List<UUID> seen) {
            Statement found = bound(claim.suspects() ? FIND_SUSPECTS : FIND_WITHOUT_KEY)
                    .bind(3, most)
                    .bind(4, seen.toArray(UUID[]::new));
            return claim.suspects() ? found.bind(5, parks()) : found;
        }

        private Statement these(List<UUID> found) {
            return statement(connection, claim.suspects() ? THESE_SUSPECTS : THESE)
                    .bind(0, found.toArray(UUID[]::new))
                    .bind(1, request.maxAttempts())
                    .bind(2, request.suspectAfter())
                    .bind(3, Sql.micros(claim.lease()));
        }

        private Statement ofKey(String key) {
            return bound(OF_KEY).bind(3, Sql.micros(claim.lease())).bind(4, key).bind(5, parks());
        }

        private boolean parks() {
            return claim.deadLetterKeys() == DeadLetterKeys.PARK;
        }

        private Statement remaining() {
            return bound(REMAINS).bind(3, claim.suspects()).bind(4, hasKeys);
        }

        private Flux<Long> changes() {
            Statement lease = statement(connection, LEASE)
                    .bind(0, taken.leased())
                    .bind(1, claim.leaseToken())
                    .bind(2, consumer)
                    .bind(3, Sql.micros(claim.lease()));
            Statement suspect = statement(connection, SUSPECT).bind(0, taken.suspected());
            Statement bury =
                    statement(connection, BURY).bind(0, taken.exhausted()).bind(1, claim.leaseToken());
            return Flux.just(lease, suspect, bury).concatMap(Sql::update);
        }
    }
}
