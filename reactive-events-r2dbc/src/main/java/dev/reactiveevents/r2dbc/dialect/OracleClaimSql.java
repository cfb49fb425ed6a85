package dev.reactiveevents.r2dbc.dialect;

/**
 * The texts of a claim on Oracle. What runs in PL/SQL is a thin frame around plain SQL: only a cursor there locks exactly as
 * many rows as are fetched. {@code FETCH FIRST} cannot lock, and {@code ROWNUM} counts before it skips what others hold.
 */
final class OracleClaimSql {

    /** Of those that are due, what a claim takes that passes suspects over. In the frame its values are variables. */
    private static final String WANTED =
            "(e.lapses < ${suspect-after} OR e.status = 'leased' AND e.attempts >= ${max-attempts})";

    private static String inFrame(String sql) {
        return sql.replace("${suspect-after}", "l_suspect_after").replace("${max-attempts}", "l_max_attempts");
    }

    private static String bound(String sql) {
        return sql.replace("${suspect-after}", ":suspect_after").replace("${max-attempts}", ":max_attempts");
    }

    /** Walks the index in its order; each row is locked when it is fetched. */
    static final String DUE = """
            SELECT /*+ FIRST_ROWS(100) INDEX(e ${name:claim}) */ e.seq
              FROM ${table} e
             WHERE e.channel = l_channel AND e.lane = 0 AND e.lane_at <= l_now
               AND ${wanted}
             ORDER BY e.lane_at, e.seq
               FOR UPDATE SKIP LOCKED""".replace("${wanted}", inFrame(WANTED));

    /** One of those that were found by plain SQL, if it is still to be had. */
    static final String THIS = """
            SELECT e.seq
              FROM ${table} e
             WHERE e.seq = l_seq AND e.available_at <= l_now
               AND (l_suspected = 1 AND e.lapses >= l_suspect_after OR l_suspected = 0 AND ${wanted})
               FOR UPDATE SKIP LOCKED""".replace("${wanted}", inFrame(WANTED));

    /** Each looks again: between the opening of a cursor and its fetch another may have taken the row, and committed. */
    static final String BURY = """
            UPDATE ${table} e
               SET e.status = 'dead', e.lapses = e.lapses + 1, e.lease_token = l_token, e.available_at = NULL,
                   e.settled_at = l_now,
                   e.last_error = TO_CLOB('The lease lapsed at attempt ' || e.attempts || ', which was the last.')
             WHERE e.seq = l_seqs(i) AND e.available_at <= l_now
               AND e.status = 'leased' AND e.attempts >= l_max_attempts""";

    /** A suspect with a key stays leased, by nobody: so it holds its key. */
    static final String SUSPECT = """
            UPDATE ${table} e
               SET e.status = CASE WHEN e.event_key IS NULL THEN 'ready' ELSE 'leased' END, e.lapses = e.lapses + 1,
                   e.lease_token = NULL
             WHERE e.seq = l_seqs(i) AND e.available_at <= l_now
               AND e.status = 'leased' AND e.lapses + 1 = l_suspect_after""";

    static final String LEASE = """
            UPDATE ${table} e
               SET e.lapses = e.lapses + CASE WHEN e.status = 'leased' AND e.lease_token IS NOT NULL THEN 1 ELSE 0 END,
                   e.status = 'leased', e.attempts = e.attempts + 1, e.lease_token = l_token, e.leased_by = l_owner,
                   e.available_at = l_until
             WHERE e.seq = l_seqs(i) AND e.available_at <= l_now
               AND (l_suspected = 1 OR e.lapses < l_suspect_after)""";

    private static final String DECLARATIONS = """
            DECLARE
              l_max           PLS_INTEGER       := :max_events;
              l_max_attempts  PLS_INTEGER       := :max_attempts;
              l_suspect_after PLS_INTEGER       := :suspect_after;
              l_suspected     PLS_INTEGER       := :suspected;
              l_token         VARCHAR2(36)      := :lease_token;
              l_owner         VARCHAR2(4000)    := :lease_owner;
              l_lease         NUMBER            := :lease_seconds;
              l_now           TIMESTAMP(6)      := SYS_EXTRACT_UTC(SYSTIMESTAMP);
              l_until         TIMESTAMP(6)      := l_now + NUMTODSINTERVAL(l_lease, 'SECOND');
              l_order         VARCHAR2(32767)   := '';
              l_buried        PLS_INTEGER       := 0;
              TYPE t_seqs IS TABLE OF NUMBER(19);
              l_seqs          t_seqs            := t_seqs();
            """;

    private static final String CHANGES =
            """
              IF l_seqs.COUNT > 0 THEN
                FORALL i IN 1 .. l_seqs.COUNT
                  ${bury};
                l_buried := SQL%ROWCOUNT;
                FORALL i IN 1 .. l_seqs.COUNT
                  ${suspect};
                FORALL i IN 1 .. l_seqs.COUNT
                  ${lease};
                FOR i IN 1 .. l_seqs.COUNT LOOP
                  l_order := l_order || ',' || TO_CHAR(l_seqs(i));
                END LOOP;
              END IF;
              :taken_seqs   := l_order;
              :buried_count := l_buried;
              :claimed_at   := l_now;
              :leased_until := l_until;
            END;
            """.replace("${bury}", BURY).replace("${suspect}", SUSPECT).replace("${lease}", LEASE);

    /** Takes what is due without a key. */
    static final String TAKE_DUE = DECLARATIONS + """
              l_channel       VARCHAR2(63)      := :channel;
              CURSOR c_due IS
                ${due};
            BEGIN
              OPEN c_due;
              FETCH c_due BULK COLLECT INTO l_seqs LIMIT l_max;
              CLOSE c_due;
            """.replace("${due}", DUE) + CHANGES;

    /** Takes those that were found, in the order in which they were found; their numbers each end with a comma. */
    static final String TAKE_FOUND = DECLARATIONS + """
              l_found         VARCHAR2(32767)   := :found_seqs;
              l_comma         PLS_INTEGER;
              l_seq           NUMBER(19);
              CURSOR c_this IS
                ${this};
            BEGIN
              WHILE l_seqs.COUNT < l_max AND l_found IS NOT NULL LOOP
                l_comma := INSTR(l_found, ',');
                l_seq   := TO_NUMBER(SUBSTR(l_found, 1, l_comma - 1));
                l_found := SUBSTR(l_found, l_comma + 1);
                OPEN c_this;
                FETCH c_this INTO l_seq;
                IF c_this%FOUND THEN
                  l_seqs.EXTEND;
                  l_seqs(l_seqs.COUNT) := l_seq;
                END IF;
                CLOSE c_this;
              END LOOP;
            """.replace("${this}", THIS) + CHANGES;

    // == What was taken ==

    private static final String EVENT = """
            SELECT e.seq, '${becomes}' AS becomes, e.event_id, e.type, e.event_key, e.payload, e.metadata, e.attempts,
                   e.created_at, e.deliver_at, COALESCE(e.available_at, e.settled_at) AS lease_expires_at
              FROM ${table} e
             WHERE e.channel = :channel AND e.lane IN (${lanes}) AND e.lane_at = :lane_at AND e.lease_token = :lease_token
            """;

    static final String LEASED = EVENT.replace("${becomes}", "leased").replace("${lanes}", "0, 1");

    static final String BURIED = EVENT.replace("${becomes}", "dead").replace("${lanes}", "3");

    // == Events with keys ==

    /** The first look of a claim, and when it was. */
    static final String OTHERS_ARE_DUE = """
            SELECT ${now} AS looked_at, CASE WHEN EXISTS (SELECT 1 FROM ${table} e
                       WHERE e.channel = :channel AND e.lane = 0 AND e.lane_at <= ${now}) THEN 1 ELSE 0 END AS due
              FROM dual
            """;

    /** The keys of what is due first. */
    static final String EARLY = """
            SELECT e.event_key FROM ${table} e
             WHERE e.channel = :channel AND e.lane = 1 AND e.lane_at <= ${now}
             ORDER BY e.lane_at, e.seq
             FETCH FIRST :max_keys ROWS ONLY
            """;

    /** From key to key, without reading the events of a key. An empty text is null here, and nothing is greater. */
    private static final String KEYS = """
            WITH walk (event_key, step) AS (
              SELECT MIN(f.event_key), 1 FROM ${table} f WHERE f.channel = :channel AND f.key_lane = 1${from}
              UNION ALL
              SELECT (SELECT MIN(n.event_key) FROM ${table} n
                       WHERE n.channel = :channel AND n.key_lane = 1 AND n.event_key > w.event_key), w.step + 1
                FROM walk w
               WHERE w.event_key IS NOT NULL AND w.step < :max_keys)
            SELECT w.event_key FROM walk w WHERE w.event_key IS NOT NULL${to} ORDER BY w.step
            """;

    static final String FIRST_KEYS = KEYS.replace("${from}", "").replace("${to}", "");

    static final String KEYS_AFTER =
            KEYS.replace("${from}", " AND f.event_key > :after_key").replace("${to}", "");

    static final String KEYS_UP_TO = KEYS.replace("${from}", "").replace("${to}", " AND w.event_key <= :last_key");

    /** Whose lease lapsed comes first, also before one that was published earlier and has come later. */
    private static final String FIRST_OF_KEY = """
            COALESCE(
                       (SELECT h.seq FROM ${table} h WHERE h.held_key = :channel || '/' || ${key}),
                       (SELECT MIN(f.seq) FROM ${table} f
                         WHERE f.channel = :channel AND f.key_lane = 1 AND f.event_key = ${key}))""";

    private static final String NOT_PARKED = """
            (:parks = 0 OR e.status = 'leased' OR NOT EXISTS (
                       SELECT 1 FROM ${table} d
                        WHERE d.channel = :channel AND d.key_lane = 3 AND d.event_key = e.event_key AND d.seq < e.seq))""";

    /** One of the keys whose first events are looked for. */
    static final String ONE_KEY = "SELECT CAST(${value} AS VARCHAR2(255 CHAR)) AS event_key FROM dual";

    static final String FIRST_OF_KEYS = """
            SELECT e.seq, e.event_key
              FROM (SELECT ${first} AS seq
                      FROM (${many}) k) first_one
              JOIN ${table} e ON e.seq = first_one.seq
             WHERE e.available_at <= ${now} AND ${wanted}
               AND ${not-parked}
            """.replace("${first}", FIRST_OF_KEY.replace("${key}", "k.event_key"))
            .replace("${wanted}", bound(WANTED))
            .replace("${not-parked}", NOT_PARKED);

    /** Suspects are few: all are read, and sorted. */
    static final String SUSPECTS = """
            SELECT e.seq FROM ${table} e
             WHERE e.suspect_of = :channel AND e.lapses >= :suspect_after AND e.available_at <= ${now}
               AND (e.event_key IS NULL OR e.seq = ${first}
                   AND ${not-parked})
             ORDER BY e.available_at, e.seq
             FETCH FIRST :max_events ROWS ONLY
            """.replace("${first}", FIRST_OF_KEY.replace("${key}", "e.event_key"))
            .replace("${not-parked}", NOT_PARKED);

    // == What remains ==

    private static final String THERE_ARE_SUSPECTS = """
            EXISTS (SELECT 1 FROM ${table} e
                       WHERE e.suspect_of = :channel AND e.lapses >= :suspect_after AND e.available_at <= ${now})""";

    private static final String THERE_ARE_KEYS = """
            EXISTS (SELECT 1 FROM ${table} e
                       WHERE e.channel = :channel AND e.lane = 1)""";

    private static final String DUE_IN_LANE = """
            EXISTS (SELECT 1 FROM ${table} e
                       WHERE e.channel = :channel AND e.lane = ${lane} AND e.lane_at <= ${now} AND ${wanted})""".replace("${wanted}", bound(WANTED));

    /** What became due since the first look counts as next: the looks before this one have not seen it. */
    static final String REMAINS = """
            SELECT GREATEST(0, ${micros:r.next_in}) AS next_due,
                   CASE WHEN :suspected = 1 AND ${suspects}
                       OR :suspected = 0 AND (${due-without} OR ${due-with} OR :looked = 0 AND ${keys})
                       THEN 1 ELSE 0 END AS passed_over,
                   CASE WHEN :suspected = 0 AND ${suspects} THEN 1 ELSE 0 END AS suspects,
                   CASE WHEN ${keys} THEN 1 ELSE 0 END AS with_keys
              FROM (SELECT MIN(n.due_at) - ${now} AS next_in
                      FROM (SELECT MIN(o.lane_at) AS due_at FROM ${table} o
                             WHERE o.channel = :channel AND o.lane = 0 AND o.lane_at > COALESCE(:looked_at, ${now})
                            UNION ALL
                            SELECT MIN(k.lane_at) AS due_at FROM ${table} k
                             WHERE k.channel = :channel AND k.lane = 1 AND k.lane_at > COALESCE(:looked_at, ${now})) n) r
            """.replace("${suspects}", THERE_ARE_SUSPECTS)
            .replace("${due-without}", DUE_IN_LANE.replace("${lane}", "0"))
            .replace("${due-with}", DUE_IN_LANE.replace("${lane}", "1"))
            .replace("${keys}", THERE_ARE_KEYS);

    private OracleClaimSql() {}
}
