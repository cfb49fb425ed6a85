package dev.reactiveevents.r2dbc.dialect;

import java.util.Map;

/** The texts of a claim on PostgreSQL for channels whose events have no keys, and for suspects, and what all have in common. */
final class PostgresClaimSql {

    /** The first that nobody holds; of a key that is free, the first of all. */
    static final String FIRST_READY_OF_KEY = """
                ${near}
                (SELECT ${row} FROM ${table}
                    WHERE channel = ${channel} AND event_key = ${key} AND status = 'ready'
                    ORDER BY seq LIMIT 1)""";

    /** Whose lease lapsed comes first, also before one that was published earlier and has come later. */
    static final String FIRST_OF_KEY = """
            COALESCE(
                (SELECT ${row} FROM ${table}
                    WHERE channel = ${channel} AND event_key = ${key} AND status = 'leased' LIMIT 1),
            """ + FIRST_READY_OF_KEY + ")";

    static final String NOT_PARKED = """
            (NOT $10::boolean OR e.status = 'leased' OR NOT EXISTS (
                SELECT FROM ${table} AS dead
                WHERE dead.channel = ${channel} AND dead.event_key = ${key} AND dead.status = 'dead' AND dead.seq < e.seq))""";

    static final String CHANGED = """
                SELECT r.place,
                    CASE WHEN e.status = 'leased' AND e.attempts >= r.max_attempts THEN 'dead'
                        WHEN e.status = 'leased' AND e.lapses + 1 = r.suspect_after THEN 'suspect'
                        ELSE 'leased' END AS becomes,
                    e.event_id, e.seq, e.available_at, e.type, e.event_key, e.payload::text, e.metadata::text,
                    e.attempts + 1 AS attempts, e.created_at, e.deliver_at
            """;

    static final String DUE = CHANGED + """
                FROM ${request} r CROSS JOIN LATERAL (
                    SELECT * FROM ${table} AS e
                    WHERE channel = r.channel AND available_at <= statement_timestamp() AND (${wanted})
                        AND (available_at, seq) >= (r.from_at, r.from_seq) ${until}
                    ORDER BY ${order}
                    LIMIT r.${room}
                    FOR UPDATE SKIP LOCKED
                ) e
            """;

    static final String LEASE = """
            UPDATE ${table}
            SET status = 'leased',
                attempts = attempts + 1,
                lapses = lapses + CASE WHEN status = 'leased' AND lease_token IS NOT NULL THEN 1 ELSE 0 END,
                lease_token = $5,
                leased_by = $6,
                available_at = statement_timestamp() + $7::bigint * interval '1 microsecond'""";

    private static final String LEASED = "leased AS (" + LEASE
            + " WHERE event_id = ANY (ARRAY(SELECT event_id FROM due WHERE becomes = 'leased'))),";

    private static final String UNTIL = """
            AND (available_at, seq) < (
                COALESCE(timestamptz 'epoch' + r.until_at * interval '1 microsecond', 'infinity'), r.until_seq)""";

    /** Where the first without a key was, time and number. */
    static final String FIRST_PLACE = """
            (SELECT ARRAY[${micros:available_at}, seq]
                FROM due d WHERE d.place = r.place AND d.event_key IS NULL LIMIT 1) AS first_place,""";

    static final String NOT_MEASURED = " NULL::bigint[] AS measured";

    static final String NO_PLACES = "NULL::bigint[] AS first_place," + NOT_MEASURED;

    /** Where the stretches begin that follow what was taken, each as long as that: time and number in turn. */
    private static final String MEASURED = """
             CASE WHEN r.ahead > 0 THEN (
                SELECT array_agg(half)
                FROM (
                    SELECT e.available_at, e.seq, row_number() OVER () AS step
                    FROM (SELECT available_at, seq FROM due d WHERE d.place = r.place
                        ORDER BY available_at DESC, seq DESC LIMIT 1) AS head
                    CROSS JOIN LATERAL (
                        SELECT available_at, seq FROM ${table}
                        WHERE channel = r.channel AND available_at <= statement_timestamp() AND event_key IS NULL
                            AND (available_at, seq) > (head.available_at, head.seq)
                        ORDER BY available_at, seq
                        LIMIT r.ahead) e) AS e
                CROSS JOIN LATERAL unnest(ARRAY[${micros:available_at}, seq]) AS half
                WHERE step % r.size = 1) END AS measured""";

    /**
     * Finds, locks, leases and tells what remains, in one round trip. Rows are changed by {@code ANY (ARRAY(…))} because
     * its plan cannot read more than these rows, whatever the planner believes of the table; a join can. All parts see the
     * table as it was before the statement. A suspect with a key stays leased, by nobody: so it holds its key. Of an event only
     * what is not as of almost all is told: each value costs the server and the driver more than to know it. What sessions have
     * prepared must not change its types, so that they are named where a column of the table could change its own.
     */
    static final String CLAIM = """
            WITH ${recursive} request AS MATERIALIZED (
                SELECT channel, size, max_attempts, suspect_after, place, from_seq, ${columns}
                    COALESCE(timestamptz 'epoch' + from_at * interval '1 microsecond', '-infinity') AS from_at
                FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $8::bigint[], $9::bigint[] ${arrays})
                    WITH ORDINALITY AS r (channel, size, max_attempts, suspect_after, from_at, from_seq, ${columns} place)
            ), ${due} ${leased} suspected AS (
                UPDATE ${table}
                SET status = CASE WHEN event_key IS NULL THEN 'ready' ELSE 'leased' END, lapses = lapses + 1,
                    lease_token = NULL
                WHERE event_id = ANY (ARRAY(SELECT event_id FROM due WHERE becomes = 'suspect'))
            ), died AS (
                UPDATE ${table}
                SET status = 'dead', lapses = lapses + 1, lease_token = $5, available_at = NULL,
                    settled_at = statement_timestamp(),
                    last_error = format('The lease lapsed at attempt %s, which was the last.', attempts)
                WHERE event_id = ANY (ARRAY(SELECT event_id FROM due WHERE becomes = 'dead'))
            ), counts AS MATERIALIZED (
                SELECT place,
                    count(*) AS taken,
                    count(*) FILTER (WHERE becomes = 'leased') AS leased,
                    count(*) FILTER (WHERE becomes = 'suspect') AS suspected
                FROM due GROUP BY place
            )
            SELECT r.place AS request,
                NULL::uuid AS event_id, NULL AS becomes, NULL AS type, NULL AS event_key, NULL AS payload, NULL AS metadata,
                NULL::integer AS attempts, NULL::bigint AS created_at, NULL::bigint AS deliver_at, NULL::bigint AS seq,
                ${next-due} AS next_due,
                COALESCE(c.leased, 0) < r.size AND (${passed-over}) AS passed_over,
                ${suspects} AS suspects,
                ${micros:statement_timestamp()} + $7::bigint AS lease_expires_at,
                ${last-key} AS last_key,
                ${places}
            FROM request r LEFT JOIN counts c ON c.place = r.place
            UNION ALL
            SELECT place, event_id, NULLIF(becomes, 'leased'), type::text, event_key::text COLLATE "C", payload, metadata,
                NULLIF(attempts, 1)::integer,
                ${micros:created_at}, CASE WHEN deliver_at <> created_at THEN ${micros:deliver_at} END,
                CASE WHEN event_key IS NOT NULL THEN seq END,
                NULL, NULL, NULL, NULL, NULL, NULL, NULL
            FROM due
            """;

    /** Among those without a key, and where the text goes on. */
    static final String NEXT_DUE = """
            CASE WHEN c.leased = r.size THEN NULL
                ELSE LEAST(CASE WHEN c.leased > 0 THEN $7::bigint END, (
                    SELECT ceil(extract(epoch FROM available_at - statement_timestamp()) * 1000000)::bigint
                    FROM ${table}
                    WHERE channel = r.channel AND available_at > statement_timestamp() AND event_key IS NULL
                    ORDER BY available_at, seq
                    LIMIT 1)${due-with-key}) END""";

    static final String PASSED_OVER = "(SELECT count(*) FROM (${seen}) AS seen) > COALESCE(c.taken, 0)";

    static final String SEEN = """
            (SELECT FROM ${table}
                WHERE channel = r.channel AND available_at <= statement_timestamp() AND (${wanted})
                ORDER BY ${order}
                LIMIT COALESCE(c.taken, 0) + 1)""";

    static final String UNSUSPECTED = "(lapses < r.suspect_after OR status = 'leased' AND attempts >= r.max_attempts)";

    /** What a claim takes that passes suspects over. An event that becomes one is only marked, and found by the next look. */
    static final Map<String, String> WITHOUT_KEY =
            Map.of("${wanted}", "event_key IS NULL AND " + UNSUSPECTED, "${order}", "available_at, seq");

    static final String THERE_ARE_SUSPECTS = """
            COALESCE(c.suspected, 0) > 0 OR 0 < (
                SELECT count(*) FROM ${table}
                WHERE channel = r.channel AND available_at <= statement_timestamp()
                    AND lapses > 0 AND lapses >= r.suspect_after)""";

    /** Costs one look into an index that is empty, and tells if it is not. */
    private static final String THERE_ARE_KEYS = """
            EXISTS (SELECT FROM ${table}
                WHERE channel = r.channel AND event_key IS NOT NULL AND available_at IS NOT NULL)""";

    static final String UNKEYED = fill(
            CLAIM,
            Map.of(
                    "${recursive}",
                    "",
                    "${columns}",
                    "until_at, until_seq, ahead,",
                    "${arrays}",
                    ", $10::bigint[], $11::bigint[], $12::integer[]",
                    "${leased}",
                    LEASED,
                    "${due}",
                    "due AS MATERIALIZED ("
                            + fill(
                                    fill(DUE, WITHOUT_KEY),
                                    Map.of("${request}", "request", "${room}", "size", "${until}", UNTIL))
                            + "),",
                    "${places}",
                    FIRST_PLACE + MEASURED,
                    "${next-due}",
                    NEXT_DUE.replace("${due-with-key}", ""),
                    "${passed-over}",
                    fill(PASSED_OVER, Map.of("${seen}", fill(SEEN, WITHOUT_KEY))) + " OR " + THERE_ARE_KEYS,
                    "${suspects}",
                    THERE_ARE_SUSPECTS,
                    "${last-key}",
                    "CASE WHEN " + THERE_ARE_KEYS + " THEN '' END"));

    /** Suspects are few: they are sorted, so that the order does not lure the planner from their index to a great one. */
    private static final Map<String, String> SUSPECTED = Map.of(
            "${order}", "available_at + interval '0', seq", "${wanted}", "lapses > 0 AND lapses >= r.suspect_after");

    private static final Map<String, String> OF_ITSELF =
            Map.of("${near}", "", "${row}", "event_id", "${channel}", "e.channel", "${key}", "e.event_key");

    static final String SUSPECTS = fill(
            CLAIM,
            Map.of(
                    "${recursive}",
                    "",
                    "${columns}",
                    "",
                    "${arrays}",
                    "",
                    "${leased}",
                    LEASED,
                    "${due}",
                    "due AS MATERIALIZED ("
                            + fill(
                                    fill(DUE, Map.of("${request}", "request", "${room}", "size", "${until}", "")),
                                    Map.of(
                                            "${order}",
                                            SUSPECTED.get("${order}"),
                                            "${wanted}",
                                            SUSPECTED.get("${wanted}")
                                                    + " AND (event_key IS NULL OR event_id = "
                                                    + fill(FIRST_OF_KEY, OF_ITSELF) + " AND "
                                                    + fill(NOT_PARKED, OF_ITSELF) + ")"))
                            + "),",
                    "${next-due}",
                    NEXT_DUE.replace("${due-with-key}", ""),
                    "${passed-over}",
                    fill(PASSED_OVER, Map.of("${seen}", fill(SEEN, SUSPECTED))),
                    "${suspects}",
                    "false",
                    "${places}",
                    NO_PLACES,
                    "${last-key}",
                    "NULL"));

    private PostgresClaimSql() {}

    static String fill(String template, Map<String, String> parts) {
        String filled = template;
        for (Map.Entry<String, String> part : parts.entrySet()) {
            filled = filled.replace(part.getKey(), part.getValue());
        }
        return filled;
    }
}
