package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** As everywhere on H2, what an index begins with is part of each {@code ORDER BY}: otherwise H2 reads and sorts all of it. */
final class H2Upkeep implements UpkeepStatements {

    private static final String IN_RANGE = " channel = $1 AND status = 'dead'"
            + " AND settled_at >= $2 AND (settled_at > $2 OR seq > $3)"
            + " AND settled_at <= $4 AND (settled_at < $4 OR seq < $5)";

    /** Where the last one lies that is wanted, by the index alone; H2 would sort everything for an order beyond the index. */
    private static final String LAST_WANTED = "SELECT settled_at FROM ${table} WHERE" + IN_RANGE
            + " ORDER BY channel ${direction}, status ${direction}, settled_at ${direction}"
            + " OFFSET $6 ROWS FETCH FIRST ROW ONLY";

    private static final String FIND_DEAD = "SELECT event_id, type, settled_at, seq FROM ${table} WHERE" + IN_RANGE
            + " ORDER BY settled_at ${direction}, seq ${direction} FETCH FIRST $6 ROWS ONLY";

    private static final String COUNT_DEAD = "SELECT COUNT(*) AS dead FROM ${table} WHERE" + IN_RANGE
            + " AND (CAST($6 AS VARCHAR) IS NULL OR type = $6)";

    private static final String THESE = " WHERE event_id = ANY ($2) AND channel = $1 AND status = 'dead'";

    private static final String READ_DEAD = "SELECT event_id, channel, type, event_key, payload, metadata, attempts,"
            + " created_at, deliver_at, settled_at, last_error FROM ${table}" + THESE;

    private static final String REQUEUE_DEAD = """
            UPDATE ${table}
            SET status = 'ready', attempts = 0, lapses = 0, lease_token = NULL, leased_by = NULL, last_error = NULL,
                settled_at = NULL, deliver_at = CURRENT_TIMESTAMP, available_at = CURRENT_TIMESTAMP
            """ + THESE;

    private static final String PURGE_DEAD = "DELETE FROM ${table}" + THESE;

    private static final String JANITORS_TURN =
            "SELECT task FROM ${table:maintenance} WHERE task = 'janitor' FOR UPDATE SKIP LOCKED";

    private static final String EXPIRED_DEAD = """
            SELECT event_id FROM ${table}
            WHERE status = 'dead' AND settled_at < DATEADD(MICROSECOND, -$1, CURRENT_TIMESTAMP)
            ORDER BY status, settled_at
            FETCH FIRST $2 ROWS ONLY
            """;

    private static final String DELETE_THESE = "DELETE FROM ${table} WHERE event_id = ANY ($1) AND status = 'dead'";

    private static final String WITHDRAW = """
            SELECT channel FROM OLD TABLE (
                DELETE FROM ${table} WHERE event_id = $1 AND status = 'ready' AND attempts = 0)
            """;

    private static final String CHANNELS =
            "SELECT DISTINCT channel FROM ${table} WHERE available_at IS NOT NULL OR status = 'dead' ORDER BY channel";

    /** Of the events without keys and of those with keys, because the index holds them one after the other. */
    private static String ofBoth(String arm) {
        return "(" + arm.replace("${with-key}", "0") + ") UNION ALL (" + arm.replace("${with-key}", "1") + ")";
    }

    private static final String WAITING = ofBoth("""
            SELECT event_id, channel, leased_by, attempts, available_at, status FROM ${table}
            WHERE channel = $1 AND with_key = ${with-key} AND available_at > CURRENT_TIMESTAMP
            ORDER BY channel, with_key, available_at, seq FETCH FIRST $2 ROWS ONLY""");

    private static final String FIRST_READY = ofBoth("""
            SELECT available_at FROM ${table}
            WHERE channel = $1 AND with_key = ${with-key} AND available_at <= CURRENT_TIMESTAMP
                AND available_at > TIMESTAMP WITH TIME ZONE '0001-01-01 00:00:00+00'
            ORDER BY channel, with_key, available_at, seq FETCH FIRST ROW ONLY""");

    private static final String READY = ofBoth("""
            SELECT available_at FROM ${table}
            WHERE channel = $1 AND with_key = ${with-key} AND available_at <= CURRENT_TIMESTAMP
                AND available_at > TIMESTAMP WITH TIME ZONE '0001-01-01 00:00:00+00'
            ORDER BY channel, with_key, available_at, seq FETCH FIRST $2 ROWS ONLY""");

    private static final String SETTLED = """
            SELECT settled_at FROM ${table} WHERE channel = $1 AND status = '${status}'
            ORDER BY channel, status, settled_at FETCH FIRST $2 ROWS ONLY""";

    private static String count(String rows) {
        return "(SELECT COUNT(*) FROM (SELECT 1 FROM (" + rows + ") FETCH FIRST $2 ROWS ONLY))";
    }

    private static final String COUNTS = """
            SELECT ${ready-count} AS ready, ${waiting-count} AS waiting,
                (SELECT COUNT(*) FROM (
                    SELECT status FROM (${waiting}) ORDER BY available_at FETCH FIRST $2 ROWS ONLY)
                    WHERE status = 'leased') AS leased,
                ${acked} AS acked, ${acked} AS acked_seen, ${dead} AS dead,
                DATEDIFF(MICROSECOND, (
                    SELECT MIN(available_at) AT TIME ZONE 'UTC' FROM (${first-ready})),
                    CURRENT_TIMESTAMP AT TIME ZONE 'UTC') AS oldest_ready
            """.replace("${waiting}", WAITING)
            .replace("${ready-count}", count(READY))
            .replace("${waiting-count}", count(WAITING))
            .replace("${acked}", count(SETTLED.replace("${status}", "acked")))
            .replace("${dead}", count(SETTLED.replace("${status}", "dead")))
            .replace("${first-ready}", FIRST_READY);

    private static final String LEASES = """
            SELECT event_id, channel, leased_by, attempts, available_at FROM (
                SELECT * FROM (${waiting}) ORDER BY available_at FETCH FIRST $2 ROWS ONLY)
            WHERE status = 'leased'
            ORDER BY available_at
            """.replace("${waiting}", WAITING);

    private static final String PROCESSING_TIMES = """
            SELECT DATEDIFF(MICROSECOND, GREATEST(created_at, deliver_at) AT TIME ZONE 'UTC', settled_at AT TIME ZONE 'UTC')
                AS took
            FROM ${table} WHERE channel = $1 AND status = 'acked'
            ORDER BY channel DESC, status DESC, settled_at DESC FETCH FIRST $2 ROWS ONLY
            """;

    private final QueueTable table;

    H2Upkeep(QueueTable table) {
        this.table = table;
    }

    private Statement statement(Connection connection, String template) {
        return connection.createStatement(table.fill(template));
    }

    private Statement inRange(Connection connection, String template, DeadEvent.Range range) {
        return statement(connection, template.replace("${direction}", range.latestFirst() ? "DESC" : "ASC"))
                .bind(0, range.channel())
                .bind(1, time(range.from()))
                .bind(2, range.from().seq())
                .bind(3, time(range.to()))
                .bind(4, range.to().seq());
    }

    private static OffsetDateTime time(DeadEvent.Place place) {
        return place.diedAt().atOffset(ZoneOffset.UTC);
    }

    private Statement these(Connection connection, String template, String channel, Collection<UUID> eventIds) {
        return statement(connection, template).bind(0, channel).bind(1, eventIds.toArray(UUID[]::new));
    }

    @Override
    public Flux<DeadEvent.Found> findDead(Connection connection, DeadEvent.Range range, int limit) {
        return Sql.query(
                        inRange(connection, LAST_WANTED, range).bind(5, limit - 1),
                        row -> Sql.instant(row, "settled_at"))
                .map(last -> upTo(range, new DeadEvent.Place(last, Long.MAX_VALUE), new DeadEvent.Place(last, -1)))
                .defaultIfEmpty(range)
                .flatMap(narrow ->
                        Sql.query(inRange(connection, FIND_DEAD, narrow).bind(5, limit), UpkeepRows::found));
    }

    /** The range without what lies behind a moment, in its own direction. */
    private static DeadEvent.Range upTo(DeadEvent.Range range, DeadEvent.Place behind, DeadEvent.Place before) {
        return range.latestFirst()
                ? new DeadEvent.Range(range.channel(), later(before, range.from()), range.to(), true)
                : new DeadEvent.Range(range.channel(), range.from(), earlier(behind, range.to()), false);
    }

    private static DeadEvent.Place later(DeadEvent.Place one, DeadEvent.Place other) {
        return one.compareTo(other) > 0 ? one : other;
    }

    private static DeadEvent.Place earlier(DeadEvent.Place one, DeadEvent.Place other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    @Override
    public Mono<Long> countDead(Connection connection, DeadEvent.Range range, @Nullable String type) {
        Statement count = inRange(connection, COUNT_DEAD, range);
        return Sql.query(
                        type == null ? count.bindNull(5, String.class) : count.bind(5, type),
                        row -> Sql.required(row, "dead", Long.class))
                .single();
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
        Statement expired = statement(connection, EXPIRED_DEAD)
                .bind(0, Sql.micros(retention))
                .bind(1, limit);
        return Sql.query(statement(connection, JANITORS_TURN), row -> true)
                .hasElements()
                .filter(ours -> ours)
                .flatMapMany(ours -> Sql.query(expired, row -> Sql.required(row, "event_id", UUID.class)))
                .collectList()
                .flatMap(ids -> Sql.update(statement(connection, DELETE_THESE).bind(0, ids.toArray(UUID[]::new))));
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
        return Sql.query(statement(connection, CHANNELS), row -> Sql.required(row, "channel", String.class));
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
