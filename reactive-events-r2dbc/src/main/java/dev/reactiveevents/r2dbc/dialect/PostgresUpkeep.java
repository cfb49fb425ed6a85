package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Each walks an index as far as its limit says. Dead letters of one moment, at most a batch of settlements, are sorted by
 * their place in publish order, which the index does not hold.
 */
final class PostgresUpkeep implements UpkeepStatements {

    private static final String LOWER = "(timestamptz 'epoch' + $2::bigint * interval '1 microsecond')";
    private static final String UPPER = "(timestamptz 'epoch' + $4::bigint * interval '1 microsecond')";

    private static final String IN_RANGE = " channel = $1 AND status = 'dead'"
            + " AND settled_at >= " + LOWER + " AND (settled_at > " + LOWER + " OR seq > $3)"
            + " AND settled_at <= " + UPPER + " AND (settled_at < " + UPPER + " OR seq < $5)";

    private static final String FIND_DEAD = "SELECT event_id, type, settled_at, seq FROM ${table} WHERE" + IN_RANGE
            + " ORDER BY settled_at ${direction}, seq ${direction} LIMIT $6";

    /** Without bounds the index alone answers. */
    private static final String COUNT_ALL_DEAD =
            "SELECT count(*) AS dead FROM ${table} WHERE channel = $1 AND status = 'dead'";

    private static final String COUNT_DEAD =
            "SELECT count(*) AS dead FROM ${table} WHERE" + IN_RANGE + " AND ($6::text IS NULL OR type = $6)";

    private static final String THESE = " WHERE event_id = ANY ($2) AND channel = $1 AND status = 'dead'";

    private static final String READ_DEAD = """
            SELECT event_id, channel, type, event_key, payload::text AS payload, metadata::text AS metadata, attempts,
                created_at, deliver_at, settled_at, last_error
            FROM ${table}""" + THESE;

    private static final String REQUEUE_DEAD = """
            UPDATE ${table}
            SET status = 'ready', attempts = 0, lapses = 0, lease_token = NULL, leased_by = NULL, last_error = NULL,
                settled_at = NULL, deliver_at = statement_timestamp(), available_at = statement_timestamp()
            """ + THESE;

    private static final String PURGE_DEAD = "DELETE FROM ${table}" + THESE;

    /** From channel to channel, because the index of dead letters begins with it: their oldest, as many as are wanted in all. */
    private static final String DELETE_EXPIRED_DEAD = """
            WITH RECURSIVE turn AS MATERIALIZED (
                SELECT task FROM ${table:maintenance} WHERE task = 'janitor' FOR UPDATE SKIP LOCKED
            ), channels AS (
                (SELECT channel FROM ${table} WHERE status = 'dead' AND EXISTS (SELECT FROM turn) ORDER BY channel LIMIT 1)
                UNION ALL
                SELECT (SELECT e.channel FROM ${table} e WHERE e.status = 'dead' AND e.channel > c.channel
                    ORDER BY e.channel LIMIT 1)
                FROM channels c WHERE c.channel IS NOT NULL
            ), expired AS MATERIALIZED (
                SELECT e.event_id FROM channels c CROSS JOIN LATERAL (
                    SELECT event_id FROM ${table}
                    WHERE channel = c.channel AND status = 'dead'
                        AND settled_at < statement_timestamp() - $1::bigint * interval '1 microsecond'
                    ORDER BY settled_at
                    LIMIT $2
                    FOR UPDATE SKIP LOCKED
                ) e
                LIMIT $2
            )
            DELETE FROM ${table} WHERE event_id = ANY (ARRAY(SELECT event_id FROM expired))
            """;

    private static final String WITHDRAW =
            "DELETE FROM ${table} WHERE event_id = $1 AND status = 'ready' AND attempts = 0 RETURNING channel";

    private static final String UNKEYED = "event_key IS NULL AND available_at IS NOT NULL";

    private static final String KEYED = "event_key IS NOT NULL AND available_at IS NOT NULL";

    /** From channel to channel in one index. */
    private static final String NEXT_CHANNEL = """
            ${name} AS (
                (SELECT channel FROM ${table} WHERE ${indexed} ORDER BY channel LIMIT 1)
                UNION ALL
                SELECT (SELECT e.channel FROM ${table} e WHERE ${indexed} AND e.channel > c.channel
                    ORDER BY e.channel LIMIT 1)
                FROM ${name} c WHERE c.channel IS NOT NULL
            )""";

    private static final String CHANNELS = "WITH RECURSIVE "
            + NEXT_CHANNEL.replace("${name}", "unkeyed").replace("${indexed}", UNKEYED) + ", "
            + NEXT_CHANNEL.replace("${name}", "keyed").replace("${indexed}", KEYED) + ", "
            + NEXT_CHANNEL.replace("${name}", "dead").replace("${indexed}", "status = 'dead'") + """

            SELECT channel FROM unkeyed WHERE channel IS NOT NULL
            UNION SELECT channel FROM keyed WHERE channel IS NOT NULL
            UNION SELECT channel FROM dead WHERE channel IS NOT NULL
            """;

    /** Events with and without keys are in indexes of their own. */
    private static String ofBoth(String arm) {
        return "(" + arm.replace("${indexed}", UNKEYED) + ") UNION ALL (" + arm.replace("${indexed}", KEYED) + ")";
    }

    private static final String READY = ofBoth("SELECT FROM ${table}"
            + " WHERE channel = $1 AND ${indexed} AND available_at <= statement_timestamp() LIMIT $2");

    private static final String FIRST_READY = ofBoth("SELECT available_at FROM ${table}"
            + " WHERE channel = $1 AND ${indexed} AND available_at <= statement_timestamp()"
            + " ORDER BY available_at, seq LIMIT 1");

    private static final String WAITING = ofBoth("SELECT event_id, channel, leased_by, attempts, available_at, status"
            + " FROM ${table} WHERE channel = $1 AND ${indexed} AND available_at > statement_timestamp()"
            + " ORDER BY available_at, seq LIMIT $2");

    private static final String COUNTS = """
            SELECT r.ready, w.waiting, w.leased, a.acked, a.acked_seen, d.dead,
                (SELECT (extract(epoch FROM statement_timestamp() - min(available_at)) * 1000000)::bigint
                    FROM (${first-ready}) x) AS oldest_ready
            FROM (SELECT count(*) AS ready FROM (SELECT FROM (${ready}) y LIMIT $2) x) r,
                (SELECT count(*) AS waiting, count(*) FILTER (WHERE status = 'leased') AS leased FROM (
                    SELECT status FROM (${waiting}) y ORDER BY available_at LIMIT $2) x) w,
                (SELECT count(*) AS acked_seen, count(*) FILTER (WHERE channel = $1) AS acked FROM (
                    SELECT channel FROM ${table} WHERE status = 'acked' ORDER BY settled_at DESC LIMIT $2) x) a,
                (SELECT count(*) AS dead FROM (
                    SELECT FROM ${table} WHERE channel = $1 AND status = 'dead' LIMIT $2) x) d
            """.replace("${ready}", READY)
            .replace("${first-ready}", FIRST_READY)
            .replace("${waiting}", WAITING);

    private static final String LEASES = """
            SELECT event_id, channel, leased_by, attempts, available_at FROM (
                SELECT * FROM (${waiting}) y ORDER BY available_at LIMIT $2) x
            WHERE status = 'leased'
            ORDER BY available_at
            """.replace("${waiting}", WAITING);

    private static final String PROCESSING_TIMES = """
            SELECT (extract(epoch FROM settled_at - greatest(created_at, deliver_at)) * 1000000)::bigint AS took FROM (
                SELECT channel, created_at, deliver_at, settled_at FROM ${table} WHERE status = 'acked'
                ORDER BY settled_at DESC LIMIT $2) x
            WHERE channel = $1
            """;

    private final QueueTable table;

    PostgresUpkeep(QueueTable table) {
        this.table = table;
    }

    private Statement statement(Connection connection, String template) {
        return connection.createStatement(table.fill(template));
    }

    private static Statement bind(Statement statement, DeadEvent.Range range) {
        return statement
                .bind(0, range.channel())
                .bind(1, micros(range.from().diedAt()))
                .bind(2, range.from().seq())
                .bind(3, micros(range.to().diedAt()))
                .bind(4, range.to().seq());
    }

    /** Not by {@code ChronoUnit}, which counts nanoseconds on the way, and ends in the year 2262. */
    private static long micros(Instant time) {
        return TimeUnit.SECONDS.toMicros(time.getEpochSecond()) + TimeUnit.NANOSECONDS.toMicros(time.getNano());
    }

    private Statement these(Connection connection, String template, String channel, Collection<UUID> eventIds) {
        return statement(connection, template).bind(0, channel).bind(1, eventIds.toArray(UUID[]::new));
    }

    @Override
    public Flux<DeadEvent.Found> findDead(Connection connection, DeadEvent.Range range, int limit) {
        String ordered = FIND_DEAD.replace("${direction}", range.latestFirst() ? "DESC" : "ASC");
        return Sql.query(bind(statement(connection, ordered), range).bind(5, limit), UpkeepRows::found);
    }

    @Override
    public Mono<Long> countDead(Connection connection, DeadEvent.Range range, @Nullable String type) {
        boolean all = type == null
                && range.from().equals(DeadEvent.Place.FIRST)
                && range.to().equals(DeadEvent.Place.LAST);
        Statement count = all
                ? statement(connection, COUNT_ALL_DEAD).bind(0, range.channel())
                : bindType(bind(statement(connection, COUNT_DEAD), range), type);
        return Sql.query(count, row -> Sql.required(row, "dead", Long.class)).single();
    }

    private static Statement bindType(Statement statement, @Nullable String type) {
        return type == null ? statement.bindNull(5, String.class) : statement.bind(5, type);
    }

    @Override
    public Flux<DeadEvent> readDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return Sql.query(these(connection, READ_DEAD, channel, eventIds), UpkeepRows::dead);
    }

    @Override
    public Mono<Long> requeueDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return Sql.update(these(connection, REQUEUE_DEAD, channel, eventIds));
    }

    @Override
    public Mono<Long> purgeDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return Sql.update(these(connection, PURGE_DEAD, channel, eventIds));
    }

    @Override
    public Mono<Long> deleteExpiredDead(Connection connection, Duration retention, int limit) {
        return Sql.update(statement(connection, DELETE_EXPIRED_DEAD)
                .bind(0, Sql.micros(retention))
                .bind(1, limit));
    }

    @Override
    public Mono<String> withdraw(Connection connection, UUID eventId) {
        return Sql.query(
                        statement(connection, WITHDRAW).bind(0, eventId),
                        row -> Sql.required(row, "channel", String.class))
                .singleOrEmpty();
    }

    @Override
    public Flux<String> channels(Connection connection) {
        return Sql.query(statement(connection, CHANNELS), row -> Sql.required(row, "channel", String.class))
                .sort();
    }

    @Override
    public Mono<ChannelCounts> counts(Connection connection, String channel, int bound) {
        return Sql.query(
                        statement(connection, COUNTS).bind(0, channel).bind(1, bound + 1),
                        row -> UpkeepRows.counts(row, channel, bound))
                .single();
    }

    @Override
    public Flux<LeaseHolder> leases(Connection connection, String channel, int limit) {
        return Sql.query(statement(connection, LEASES).bind(0, channel).bind(1, limit), UpkeepRows::lease);
    }

    @Override
    public Flux<Duration> processingTimes(Connection connection, String channel, int limit) {
        return Sql.query(
                statement(connection, PROCESSING_TIMES).bind(0, channel).bind(1, limit), UpkeepRows::took);
    }
}
