package dev.reactiveevents.r2dbc.dialect;

import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.CHANGED;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.CLAIM;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.DUE;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.FIRST_OF_KEY;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.FIRST_PLACE;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.FIRST_READY_OF_KEY;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.LEASE;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.NEXT_DUE;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.NOT_MEASURED;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.NOT_PARKED;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.NO_PLACES;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.PASSED_OVER;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.SEEN;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.THERE_ARE_SUSPECTS;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.UNSUSPECTED;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.WITHOUT_KEY;
import static dev.reactiveevents.r2dbc.dialect.PostgresClaimSql.fill;

import java.util.Map;

/** The texts of a claim on PostgreSQL for channels where events have keys: of all that is due, and of keys that were settled. */
final class PostgresKeyedClaimSql {

    private static final Map<String, String> WITH_KEY =
            Map.of("${wanted}", "event_key IS NOT NULL AND " + UNSUSPECTED, "${order}", "available_at, seq");

    /** By its place in the table, which needs no index. Where another transaction has moved it since, it is passed over. */
    private static final Map<String, String> OF_KEY =
            Map.of("${row}", "ctid", "${channel}", "r.channel", "${key}", "k.event_key");

    /**
     * If events without a key are due too, each kind gets half. Keys of the events that are due first are looked at, an
     * eighth if there are others, those that were settled, and, as far as there is room, those that follow in order. In every
     * other claim these come first and get half at least. They are never more than can be taken, so that none is passed over
     * because others came first. EXISTS would become a join that reads whole indexes.
     *
     * <p>The walk strides from key to key by the indexes of ready and of leased events, whose lease may have lapsed. To find the
     * next key costs about as much as to read thirty rows. So a stride reads 64, which may be of as many keys; where it comes
     * to fewer than four, keys have many rows, and strides of two go on until one comes to two keys.
     */
    private static final String DUE_OF_BOTH = """
            shared AS MATERIALIZED (
                SELECT r.*, CASE WHEN EXISTS (
                        SELECT FROM ${table}
                        WHERE channel = r.channel AND available_at <= statement_timestamp() AND event_key IS NULL
                            AND (available_at, seq) >= (r.from_at, r.from_seq))
                    THEN (r.size + r.odd) / 2 ELSE r.size END AS share
                FROM request r
            ), settled AS MATERIALIZED (
                SELECT *
                FROM (
                    SELECT r.place, k.event_key, ${first} AS first
                    FROM unnest($15::integer[], $16::text[]) AS k (place, event_key) JOIN request r ON r.place = k.place
                    OFFSET 0) AS s
                WHERE first IS NOT NULL
            ), early AS MATERIALIZED (
                SELECT e.place, e.event_key
                FROM (
                    SELECT DISTINCT r.place, r.channel, e.event_key
                    FROM shared r CROSS JOIN LATERAL (
                        SELECT event_key FROM ${table}
                        WHERE channel = r.channel AND available_at <= statement_timestamp() AND event_key IS NOT NULL
                        ORDER BY available_at, seq
                        LIMIT LEAST(r.looks, GREATEST(r.share / 8 + 1, r.share
                            - (SELECT count(*) FROM settled s WHERE s.place = r.place)))) e) e
                WHERE (SELECT true FROM ${table} AS held
                    WHERE held.channel = e.channel AND held.event_key = e.event_key AND held.status = 'leased'
                        AND held.available_at > statement_timestamp() LIMIT 1) IS NULL
            ), walk AS (
                SELECT r.place, r.channel, r.after AS start, r.after COLLATE "C" AS last, '{}'::text[] COLLATE "C" AS keys,
                    r.after = '' AS wrapped, 64 AS stride, 0 AS found,
                    LEAST(r.looks, GREATEST(CASE WHEN r.walks_first THEN (r.share + 1) / 2 END, r.share
                        - (SELECT count(*) FROM (
                            SELECT event_key FROM settled s WHERE s.place = r.place
                            UNION
                            SELECT event_key FROM early e WHERE e.place = r.place) AS k))) AS most
                FROM shared r
                UNION ALL
                SELECT w.place, w.channel, w.start, COALESCE(n.last, ''), COALESCE(n.keys, '{}'::text[]),
                    w.wrapped OR n.last IS NULL, CASE WHEN cardinality(n.keys) >= LEAST(4, w.stride) THEN 64 ELSE 2 END,
                    w.found + COALESCE(cardinality(n.keys), 0), w.most
                FROM walk w CROSS JOIN LATERAL (
                    SELECT max(event_key) AS last, array_agg(DISTINCT event_key)::text[] AS keys
                    FROM (
                        (SELECT event_key FROM ${table}
                            WHERE channel = w.channel AND event_key > w.last AND status = 'ready'
                            ORDER BY event_key, seq
                            LIMIT w.stride)
                        UNION ALL
                        (SELECT event_key FROM ${table}
                            WHERE channel = w.channel AND event_key > w.last AND status = 'leased'
                            ORDER BY event_key
                            LIMIT w.stride)
                        ORDER BY event_key
                        LIMIT w.stride) AS e) n
                WHERE w.found < w.most AND NOT (w.wrapped AND (n.last IS NULL OR w.start > '' AND w.last >= w.start))
            ), walked AS MATERIALIZED (
                SELECT w.place, k.event_key, w.found - cardinality(w.keys) + k.step AS step
                FROM walk w CROSS JOIN LATERAL unnest(w.keys) WITH ORDINALITY AS k (event_key, step)
                WHERE w.found - cardinality(w.keys) + k.step <= w.most
                    AND (NOT w.wrapped OR w.start = '' OR k.event_key COLLATE "C" <= w.start)
            ), looked_at AS MATERIALIZED (
                SELECT place, event_key, min(turn) AS turn,
                    (array_agg(first) FILTER (WHERE first IS NOT NULL))[1] AS first
                FROM (
                    SELECT place, event_key, first, 3 AS turn FROM settled
                    UNION ALL
                    SELECT place, event_key, NULL, 2 FROM early
                    UNION ALL
                    SELECT w.place, w.event_key, NULL, CASE WHEN r.walks_first THEN 1 ELSE 4 END
                    FROM walked w JOIN request r ON r.place = w.place) AS k
                GROUP BY place, event_key
            ), with_key AS MATERIALIZED (
                ${changed}, e.found
                FROM shared r CROSS JOIN LATERAL (
                    SELECT e.*, k.found
                    FROM (
                        SELECT event_key, COALESCE(first, ${first}) AS found
                        FROM (SELECT event_key, first FROM looked_at l WHERE l.place = r.place ORDER BY turn) AS k
                        OFFSET 0) AS k
                    CROSS JOIN LATERAL (
                        SELECT * FROM ${table} AS e
                        WHERE ctid = k.found AND available_at <= statement_timestamp() AND ${unsuspected} AND ${not-parked}
                        FOR UPDATE SKIP LOCKED) e
                    LIMIT r.share) e
            ), rest AS MATERIALIZED (
                SELECT r.*, r.size - (
                    SELECT count(*) FROM with_key k WHERE k.place = r.place AND k.becomes = 'leased') AS room
                FROM shared r
            ), without_key AS MATERIALIZED (
                ${without-key}
            ), due AS MATERIALIZED (
                SELECT * FROM with_key UNION ALL SELECT *, NULL::tid FROM without_key
            ),""";

    /** What is found up to the bound is the first as well, and less is read. */
    private static final String NEAR = """
                (SELECT ctid FROM ${table}
                    WHERE channel = r.channel AND event_key = k.event_key AND status = 'ready' AND seq <= k.bound
                    ORDER BY seq LIMIT 1),""";

    private static final String DUE_OF_SETTLED = """
            due AS MATERIALIZED (
                ${changed}, k.found
                FROM request r
                CROSS JOIN LATERAL (
                    SELECT event_key, ${first} AS found
                    FROM unnest($11::text[], $13::bigint[]) AS k (event_key, bound)
                    OFFSET 0) k
                CROSS JOIN LATERAL (
                    SELECT * FROM ${table} AS e
                    WHERE ctid = k.found AND available_at <= statement_timestamp() AND ${unsuspected} AND ${not-parked}
                    FOR UPDATE SKIP LOCKED) e
            ),""";

    private static final Map<String, String> WITH_FIRST = Map.of(
            "${changed}",
            CHANGED,
            "${first}",
            fill(FIRST_OF_KEY, OF_KEY),
            "${unsuspected}",
            UNSUSPECTED,
            "${not-parked}",
            fill(NOT_PARKED, OF_KEY));

    /** Where they were found: their version then is the one that this statement sees. */
    private static final String LEASED_WITH_KEY = "leased_with_key AS (" + LEASE
            + " WHERE ctid = ANY (ARRAY(SELECT found FROM due WHERE becomes = 'leased' AND found IS NOT NULL))),";

    private static final String LEASED_OF_BOTH = "leased AS (" + LEASE
            + " WHERE event_id = ANY (ARRAY(SELECT event_id FROM due WHERE becomes = 'leased' AND found IS NULL))), "
            + LEASED_WITH_KEY;

    private static final String NEXT_DUE_WITH_KEY = """
                , (SELECT ceil(extract(epoch FROM available_at - statement_timestamp()) * 1000000)::bigint
                FROM ${table}
                WHERE channel = r.channel AND available_at > statement_timestamp() AND event_key IS NOT NULL
                ORDER BY available_at, seq
                LIMIT 1)""";

    static final String KEYED = fill(
            CLAIM,
            Map.of(
                    "${recursive}",
                    "RECURSIVE",
                    "${places}",
                    FIRST_PLACE + NOT_MEASURED,
                    "${columns}",
                    "after, looks, walks_first, odd,",
                    "${arrays}",
                    ", $11::text[], $12::integer[], $13::boolean[], $14::integer[]",
                    "${leased}",
                    LEASED_OF_BOTH,
                    "${due}",
                    fill(
                            fill(fill(DUE_OF_BOTH, WITH_FIRST), Map.of("${near}", "")),
                            Map.of(
                                    "${without-key}",
                                    fill(
                                            fill(DUE, WITHOUT_KEY),
                                            Map.of("${request}", "rest", "${room}", "room", "${until}", "")))),
                    "${next-due}",
                    NEXT_DUE.replace("${due-with-key}", NEXT_DUE_WITH_KEY),
                    "${passed-over}",
                    fill(
                            PASSED_OVER,
                            Map.of("${seen}", fill(SEEN, WITHOUT_KEY) + " UNION ALL " + fill(SEEN, WITH_KEY))),
                    "${suspects}",
                    THERE_ARE_SUSPECTS,
                    "${last-key}",
                    "COALESCE((SELECT event_key FROM walked w WHERE w.place = r.place ORDER BY step DESC LIMIT 1),"
                            + " r.after)"));

    /** Of one channel. Who asks says when to look for more. */
    static final String SETTLED_KEYS = fill(
            CLAIM,
            Map.of(
                    "${recursive}", "",
                    "${columns}", "",
                    "${arrays}", "",
                    "${leased}", LEASED_WITH_KEY,
                    "${due}", fill(fill(DUE_OF_SETTLED, WITH_FIRST), Map.of("${near}", NEAR)),
                    "${next-due}", "$12::bigint",
                    "${passed-over}", "false",
                    "${suspects}", "COALESCE(c.suspected, 0) > 0",
                    "${places}", NO_PLACES,
                    "${last-key}", "NULL"));

    private static final Map<String, String> OF_FREED = Map.of(
            "${row}", "ctid",
            "${channel}", "$1",
            "${key}", "k.event_key",
            "r.channel", "$1");

    /**
     * Of keys that this transaction has freed. Where it has not, since the lease was lost, another event may be leased: then the
     * unique index of these refuses a second one. What is not held is ready, so that it is neither dead by its attempts nor
     * becomes a suspect. It is not locked first, which costs a fifth of all: who else works on it is waited for, for a moment.
     */
    static final String NEXT_OF_KEYS = """
            WITH leased AS (
                ${lease}
                WHERE ctid = ANY (ARRAY(
                        SELECT ${first} FROM unnest($2::text[], $3::bigint[]) AS k (event_key, bound)))
                    AND status = 'ready' AND available_at <= statement_timestamp() AND lapses < $4::integer AND ${not-parked}
                RETURNING event_id, type::text, event_key::text COLLATE "C", payload::text, metadata::text,
                    NULLIF(attempts, 1)::integer, ${micros:created_at},
                    CASE WHEN deliver_at <> created_at THEN ${micros:deliver_at} END, seq
            )
            SELECT 1 AS request,
                NULL::uuid AS event_id, NULL AS becomes, NULL AS type, NULL AS event_key, NULL AS payload, NULL AS metadata,
                NULL::integer AS attempts, NULL::bigint AS created_at, NULL::bigint AS deliver_at, NULL::bigint AS seq,
                NULL::bigint AS next_due, false AS passed_over, false AS suspects,
                ${micros:statement_timestamp()} + $7::bigint AS lease_expires_at,
                NULL AS last_key, NULL::bigint[] AS first_place
            UNION ALL
            SELECT 1, event_id, NULL, type, event_key, payload, metadata, attempts, created_at, deliver_at, seq,
                NULL, NULL, NULL, NULL, NULL, NULL
            FROM leased AS e (event_id, type, event_key, payload, metadata, attempts, created_at, deliver_at, seq)
            """.replace("${lease}", LEASE.replace("UPDATE ${table}", "UPDATE ${table} AS e"))
            .replace("${first}", "COALESCE(" + fill(fill(FIRST_READY_OF_KEY, Map.of("${near}", NEAR)), OF_FREED) + ")")
            .replace(
                    "${not-parked}",
                    fill(NOT_PARKED, Map.of("${channel}", "$1", "${key}", "e.event_key", "$10", "$8")));

    private PostgresKeyedClaimSql() {}
}
