package dev.reactiveevents.r2dbc.dialect;

/** The texts of a claim on MySQL and MariaDB. Each names its index: a plan for another one would lock what it passes. */
final class MySqlClaimSql {

    /** Of those that are due, what a claim takes that passes suspects over. */
    private static final String WANTED =
            "(${of}lapses < :suspects OR ${of}status = 'leased' AND ${of}attempts >= :attempts)";

    /** Costs one look into an index that is empty, and tells if it is not. */
    private static final String THERE_ARE_KEYS = """
            EXISTS (SELECT 1 FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND lane = 1 AND lane_at > TIMESTAMP'1000-01-01 00:00:00')""";

    private static final String THERE_ARE_SUSPECTS = """
            EXISTS (SELECT 1 FROM ${table} FORCE INDEX (${name:suspect})
                WHERE channel = :channel AND lapsed >= :suspects AND available_at <= ${now})""";

    private static final String EVENT = """
            SELECT e.seq, ${micros:e.lane_at} AS lane_at,
                CASE WHEN e.status = 'leased' AND e.attempts >= :attempts THEN 'dead'
                    WHEN e.status = 'leased' AND e.lapses + 1 = :suspects THEN 'suspect'
                    ELSE 'leased' END AS becomes,
                e.event_id, e.type, CONVERT(e.event_key USING utf8mb4) AS event_key, e.payload, e.metadata,
                e.attempts + 1 AS attempts, ${micros:e.created_at} AS created_at, ${micros:e.deliver_at} AS deliver_at,
                ${micros:${now}} + :lease AS lease_expires_at
            """;

    /** Walks the index in its order and stops at the limit: it locks what it takes, and no more. */
    static final String DUE = EVENT + ", " + THERE_ARE_SUSPECTS + " AS suspects, " + THERE_ARE_KEYS
            + """
             AS with_keys
            FROM ${table} AS e FORCE INDEX (${name:claim})
            WHERE e.channel = :channel AND e.lane = 0 AND e.lane_at <= ${now} AND ${wanted}
            ORDER BY e.lane_at, e.seq
            LIMIT :limit
            FOR UPDATE SKIP LOCKED
            """.replace("${wanted}", WANTED.replace("${of}", "e."));

    /**
     * What lies before the last of those that were locked and is not among them. The walk of {@link #DUE} sees each row as it
     * is at that moment: it passes over the first rows of a transaction that is not committed yet, and takes the others if
     * that commits meanwhile. This sees all of such a transaction or nothing, and reads its first rows only: it may be a large
     * one. Two ranges, because a condition on both columns would read all that became due together with the last one.
     */
    static final String MISSED = """
            (SELECT e.seq, e.lane_at FROM ${table} AS e FORCE INDEX (${name:claim})
                WHERE e.channel = :channel AND e.lane = 0 AND e.lane_at < :last AND e.seq NOT IN :seqs AND ${wanted}
                ORDER BY e.lane_at, e.seq LIMIT :limit)
            UNION ALL
            (SELECT e.seq, e.lane_at FROM ${table} AS e FORCE INDEX (${name:claim})
                WHERE e.channel = :channel AND e.lane = 0 AND e.lane_at = :last AND e.seq < :lastseq
                    AND e.seq NOT IN :seqs AND ${wanted}
                ORDER BY e.lane_at, e.seq LIMIT :limit)
            ORDER BY lane_at, seq
            LIMIT :limit
            """.replace("${wanted}", WANTED.replace("${of}", "e."));

    /** Those that were found by an index, if they are still to be had. */
    static final String THESE = EVENT + """
            FROM ${table} AS e FORCE INDEX (PRIMARY)
            WHERE e.seq IN :seqs AND e.available_at <= ${now} AND (:suspected AND e.lapses >= :suspects
                OR NOT :suspected AND ${wanted})
            ORDER BY FIELD(e.seq, :order)
            FOR UPDATE SKIP LOCKED
            """.replace("${wanted}", WANTED.replace("${of}", "e."));

    // == Events with keys ==

    /** The first look of a claim, and when it was. */
    static final String OTHERS_ARE_DUE = """
            SELECT ${micros:${now}} AS looked_at, EXISTS (SELECT 1 FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND lane = 0 AND lane_at <= ${now}) AS due
            """;

    /** The keys of what is due first. */
    static final String EARLY = """
            SELECT event_key FROM ${table} FORCE INDEX (${name:claim})
            WHERE channel = :channel AND lane = 1 AND lane_at <= ${now}
            ORDER BY lane_at, seq
            LIMIT :limit
            """;

    /** The next keys in their order. Grouped by all that the index begins with, so that it can be skipped through. */
    static final String NEXT_KEYS = """
            SELECT event_key FROM ${table} FORCE INDEX (${name:keys})
            WHERE channel = :channel AND key_lane = 1 AND :bounds
            GROUP BY channel, key_lane, event_key
            ORDER BY channel, key_lane, event_key
            LIMIT :limit
            """;

    /** Whose lease lapsed comes first, also before one that was published earlier and has come later. */
    private static final String FIRST_OF_KEY = """
            COALESCE(
                (SELECT h.seq FROM ${table} AS h FORCE INDEX (${name:held})
                    WHERE h.channel = :channel AND h.held_key = ${key}),
                (SELECT f.seq FROM ${table} AS f FORCE INDEX (${name:keys})
                    WHERE f.channel = :channel AND f.key_lane = 1 AND f.event_key = ${key}
                    ORDER BY f.seq LIMIT 1))""";

    private static final String NOT_PARKED = """
            (NOT :parks OR e.status = 'leased' OR COALESCE(
                (SELECT d.seq FROM ${table} AS d FORCE INDEX (${name:keys})
                    WHERE d.channel = :channel AND d.key_lane = 3 AND d.event_key = e.event_key
                    ORDER BY d.seq LIMIT 1) > e.seq, TRUE))""";

    /** Of keys in a given order, which travel as hexadecimal text, the first events, as far as they can be taken. */
    static final String FIRST_OF_KEYS = """
            SELECT e.seq
            FROM (SELECT k.place, ${first} AS seq
                FROM JSON_TABLE(:keys, '$[*]' COLUMNS (place FOR ORDINALITY, hex VARCHAR(2040) PATH '$')) AS k) AS head
            STRAIGHT_JOIN ${table} AS e FORCE INDEX (PRIMARY) ON e.seq = head.seq
            WHERE e.available_at <= ${now} AND ${wanted} AND ${not-parked}
            ORDER BY head.place
            LIMIT :limit
            """.replace("${first}", FIRST_OF_KEY.replace("${key}", "UNHEX(k.hex)"))
            .replace("${wanted}", WANTED.replace("${of}", "e."))
            .replace("${not-parked}", NOT_PARKED);

    /** Suspects are few: all are read, and sorted. */
    static final String SUSPECTS = """
            SELECT e.seq FROM ${table} AS e FORCE INDEX (${name:suspect})
            WHERE e.channel = :channel AND e.lapsed >= :suspects AND e.available_at <= ${now}
                AND (e.event_key IS NULL OR e.seq = ${first} AND ${not-parked})
            ORDER BY e.available_at, e.seq
            LIMIT :limit
            """.replace("${first}", FIRST_OF_KEY.replace("${key}", "e.event_key"))
            .replace("${not-parked}", NOT_PARKED);

    // == Changes ==

    /** From left to right, and each sees what those before it have set. */
    static final String LEASE = """
            UPDATE ${table} FORCE INDEX (PRIMARY)
            SET lapses = lapses + CASE WHEN status = 'leased' AND lease_token IS NOT NULL THEN 1 ELSE 0 END,
                status = 'leased', attempts = attempts + 1, lease_token = :token, leased_by = :consumer,
                available_at = ${now} + INTERVAL :lease MICROSECOND
            WHERE seq IN :seqs
            """;

    /** A suspect with a key stays leased, by nobody: so it holds its key. */
    static final String SUSPECT = """
            UPDATE ${table} FORCE INDEX (PRIMARY)
            SET status = CASE WHEN event_key IS NULL THEN 'ready' ELSE 'leased' END, lapses = lapses + 1,
                lease_token = NULL
            WHERE seq IN :seqs
            """;

    static final String BURY = """
            UPDATE ${table} FORCE INDEX (PRIMARY)
            SET status = 'dead', lapses = lapses + 1, lease_token = :token, available_at = NULL, settled_at = ${now},
                last_error = CONCAT('The lease lapsed at attempt ', attempts, ', which was the last.')
            WHERE seq IN :seqs
            """;

    // == What remains ==

    /** What became due since the first look counts too: the looks before this one have not seen it. */
    private static final String NEXT_IN_LANE = """
            (SELECT GREATEST(0, TIMESTAMPDIFF(MICROSECOND, ${now}, lane_at)) FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND lane = ${lane} AND lane_at > :since ORDER BY lane_at, seq LIMIT 1)""";

    private static final String DUE_IN_LANE = """
            EXISTS (SELECT 1 FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND lane = ${lane} AND lane_at <= ${now} AND ${wanted})""".replace("${wanted}", WANTED.replace("${of}", ""));

    static final String REMAINS = """
            SELECT :place AS place, ${next-without} AS next_without_key, ${next-with} AS next_with_key,
                CASE WHEN :suspected THEN ${suspects}
                    ELSE ${due-without} OR ${due-with} OR NOT :looked AND ${keys} END AS passed_over,
                NOT :suspected AND ${suspects} AS suspects,
                ${keys} AS with_keys
            """.replace("${next-without}", NEXT_IN_LANE.replace("${lane}", "0"))
            .replace("${next-with}", NEXT_IN_LANE.replace("${lane}", "1"))
            .replace("${due-without}", DUE_IN_LANE.replace("${lane}", "0"))
            .replace("${due-with}", DUE_IN_LANE.replace("${lane}", "1"))
            .replace("${suspects}", THERE_ARE_SUSPECTS)
            .replace("${keys}", THERE_ARE_KEYS);

    private MySqlClaimSql() {}
}
