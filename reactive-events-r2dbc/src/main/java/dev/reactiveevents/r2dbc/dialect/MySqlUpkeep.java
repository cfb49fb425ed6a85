package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Each walks an index as far as its limit says. What changes rows finds them first, and locks them by their ids. */
final class MySqlUpkeep implements UpkeepStatements {

    private static final String IN_RANGE = """
            channel = :channel AND lane = 3
                AND lane_at >= :from AND (lane_at > :from OR seq > :fromseq)
                AND lane_at <= :to AND (lane_at < :to OR seq < :toseq)""";

    private static final String FIND_DEAD = "SELECT event_id, type, ${micros:settled_at} AS settled_at, seq"
            + " FROM ${table} FORCE INDEX (${name:claim}) WHERE " + IN_RANGE
            + " ORDER BY lane_at ${direction}, seq ${direction} LIMIT :limit";

    private static final String COUNT_DEAD =
            "SELECT COUNT(*) AS dead FROM ${table} FORCE INDEX (${name:claim}) WHERE " + IN_RANGE;

    /** Letter by letter, also in case, accents and spaces at the end. */
    private static final String OF_TYPE = " AND CAST(type AS BINARY) = :type";

    private static final String THESE = " WHERE event_id IN :ids AND channel = :channel AND status = 'dead'";

    private static final String READ_DEAD = """
            SELECT event_id, channel, type, CONVERT(event_key USING utf8mb4) AS event_key, payload, metadata, attempts,
                ${micros:created_at} AS created_at, ${micros:deliver_at} AS deliver_at,
                ${micros:settled_at} AS settled_at, last_error
            FROM ${table} FORCE INDEX (${name:event})""" + THESE;

    private static final String REQUEUE_DEAD = """
            UPDATE ${table} FORCE INDEX (${name:event})
            SET status = 'ready', attempts = 0, lapses = 0, lease_token = NULL, leased_by = NULL, last_error = NULL,
                settled_at = NULL, deliver_at = ${now}, available_at = ${now}
            """ + THESE;

    private static final String PURGE_DEAD = "DELETE e FROM ${table} AS e FORCE INDEX (${name:event})" + THESE;

    /** Waits for nobody: a transactional handler has its event's row for as long as it works. */
    private static final String UNTAKEN = """
            SELECT channel FROM ${table} FORCE INDEX (${name:event})
            WHERE event_id = :event AND status = 'ready' AND attempts = 0""";

    private static final String WITHDRAWABLE = UNTAKEN + " FOR UPDATE";

    private static final String WITHDRAW =
            "DELETE e FROM ${table} AS e FORCE INDEX (${name:event}) WHERE e.event_id = :event";

    private static final String CHANNELS = """
            SELECT c.channel FROM (SELECT DISTINCT channel FROM ${table}) AS c
            WHERE EXISTS (SELECT 1 FROM ${table} AS e FORCE INDEX (${name:claim})
                WHERE e.channel = c.channel AND e.lane IN (0, 1, 3))
            ORDER BY c.channel
            """;

    private static final String NOT_DUE = """
            (SELECT event_id, channel, leased_by, attempts, available_at, status
                FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND lane = ${lane} AND lane_at > ${now}
                ORDER BY lane_at, seq LIMIT :limit)""";

    private static final String WAITING =
            NOT_DUE.replace("${lane}", "0") + " UNION ALL " + NOT_DUE.replace("${lane}", "1");

    private static final String FIRST_READY = """
            (SELECT lane_at FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND lane = ${lane} AND lane_at <= ${now} ORDER BY lane_at, seq LIMIT 1)""";

    private static final String COUNT_OF = """
            (SELECT COUNT(*) FROM (
                SELECT 1 AS one FROM ${table} FORCE INDEX (${name:claim})
                WHERE channel = :channel AND ${counted} LIMIT :limit) AS counted)""";

    private static final String COUNTS = """
            SELECT ${ready} AS ready, ${waiting} AS waiting,
                (SELECT COUNT(*) FROM (
                    SELECT status FROM (${not-due}) AS w ORDER BY available_at LIMIT :limit) AS l
                    WHERE status = 'leased') AS leased,
                ${acked} AS acked, ${acked} AS acked_seen, ${dead} AS dead,
                TIMESTAMPDIFF(MICROSECOND, (SELECT MIN(lane_at) FROM (${first-ready}) AS f), ${now}) AS oldest_ready
            """.replace(
                    "${ready}", COUNT_OF.replace("${counted}", "lane IN (0, 1) AND lane_at <= ${now}"))
            .replace("${waiting}", COUNT_OF.replace("${counted}", "lane IN (0, 1) AND lane_at > ${now}"))
            .replace("${not-due}", WAITING)
            .replace("${acked}", COUNT_OF.replace("${counted}", "lane = 2"))
            .replace("${dead}", COUNT_OF.replace("${counted}", "lane = 3"))
            .replace(
                    "${first-ready}",
                    FIRST_READY.replace("${lane}", "0") + " UNION ALL " + FIRST_READY.replace("${lane}", "1"));

    private static final String LEASES = """
            SELECT event_id, channel, leased_by, attempts, ${micros:available_at} AS available_at
            FROM (SELECT * FROM (${not-due}) AS w ORDER BY available_at LIMIT :limit) AS l
            WHERE status = 'leased'
            ORDER BY available_at
            """.replace("${not-due}", WAITING);

    private static final String PROCESSING_TIMES = """
            SELECT TIMESTAMPDIFF(MICROSECOND, GREATEST(created_at, deliver_at), settled_at) AS took
            FROM ${table} FORCE INDEX (${name:claim})
            WHERE channel = :channel AND lane = 2
            ORDER BY lane_at DESC, seq DESC LIMIT :limit
            """;

    private final QueueTable table;
    private final MySqlStatements.Expiry expiry;
    private final MySqlText readDead;
    private final MySqlText requeueDead;
    private final MySqlText purgeDead;
    private final MySqlText untaken;
    private final MySqlText withdrawable;
    private final MySqlText withdraw;
    private final MySqlText channels;
    private final MySqlText counts;
    private final MySqlText leases;
    private final MySqlText processingTimes;

    MySqlUpkeep(QueueTable table) {
        this.table = table;
        this.expiry = new MySqlStatements.Expiry(table);
        this.readDead = new MySqlText(table, READ_DEAD);
        this.requeueDead = new MySqlText(table, REQUEUE_DEAD);
        this.purgeDead = new MySqlText(table, PURGE_DEAD);
        this.untaken = new MySqlText(table, UNTAKEN);
        this.withdrawable = new MySqlText(table, WITHDRAWABLE);
        this.withdraw = new MySqlText(table, WITHDRAW);
        this.channels = new MySqlText(table, CHANNELS);
        this.counts = new MySqlText(table, COUNTS);
        this.leases = new MySqlText(table, LEASES);
        this.processingTimes = new MySqlText(table, PROCESSING_TIMES);
    }

    private static Map<String, Object> in(DeadEvent.Range range) {
        Map<String, Object> values = new HashMap<>();
        values.put("channel", range.channel());
        values.put("from", time(range.from()));
        values.put("fromseq", range.from().seq());
        values.put("to", time(range.to()));
        values.put("toseq", range.to().seq());
        return values;
    }

    private static Consumer<Composed> time(DeadEvent.Place place) {
        return to -> to.text(MySqlInsert.literal(place.diedAt()));
    }

    @Override
    public Flux<DeadEvent.Found> findDead(Connection connection, DeadEvent.Range range, int limit) {
        String ordered = FIND_DEAD.replace("${direction}", range.latestFirst() ? "DESC" : "ASC");
        return Sql.query(
                new MySqlText(table, ordered)
                        .with(MySqlText.more(in(range), "limit", limit))
                        .on(connection),
                UpkeepRows::found);
    }

    @Override
    public Mono<Long> countDead(Connection connection, DeadEvent.Range range, @Nullable String type) {
        Map<String, Object> values = in(range);
        byte[] bytes = MySqlText.bytes(type);
        if (bytes != null) {
            values.put("type", bytes);
        }
        MySqlText count = new MySqlText(table, bytes == null ? COUNT_DEAD : COUNT_DEAD + OF_TYPE);
        return Sql.query(count.with(values).on(connection), row -> Sql.required(row, "dead", Long.class))
                .single();
    }

    private static Map<String, Object> these(String channel, Collection<UUID> eventIds) {
        return Map.of("channel", channel, "ids", eventIds);
    }

    @Override
    public Flux<DeadEvent> readDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return Sql.query(readDead.with(these(channel, eventIds)).on(connection), UpkeepRows::dead);
    }

    @Override
    public Mono<Long> requeueDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return Sql.update(requeueDead.with(these(channel, eventIds)).on(connection));
    }

    @Override
    public Mono<Long> purgeDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return Sql.update(purgeDead.with(these(channel, eventIds)).on(connection));
    }

    @Override
    public Mono<Long> deleteExpiredDead(Connection connection, Duration retention, int limit) {
        return expiry.deleteDead(connection, retention, limit);
    }

    @Override
    public Mono<String> withdraw(Connection connection, UUID eventId) {
        Map<String, Object> values = Map.of("event", eventId);
        return channel(connection, untaken, values)
                .flatMap(found -> channel(connection, withdrawable, values))
                .flatMap(found ->
                        Sql.update(withdraw.with(values).on(connection)).thenReturn(found));
    }

    private static Mono<String> channel(Connection connection, MySqlText look, Map<String, Object> values) {
        return Sql.query(look.with(values).on(connection), row -> Sql.required(row, "channel", String.class))
                .singleOrEmpty();
    }

    @Override
    public Flux<String> channels(Connection connection) {
        return Sql.query(channels.with(Map.of()).on(connection), row -> Sql.required(row, "channel", String.class));
    }

    @Override
    public Mono<ChannelCounts> counts(Connection connection, String channel, int bound) {
        return Sql.query(
                        counts.with(Map.of("channel", channel, "limit", bound + 1))
                                .on(connection),
                        row -> UpkeepRows.counts(row, channel, bound))
                .single();
    }

    @Override
    public Flux<LeaseHolder> leases(Connection connection, String channel, int limit) {
        return Sql.query(leases.with(Map.of("channel", channel, "limit", limit)).on(connection), UpkeepRows::lease);
    }

    @Override
    public Flux<Duration> processingTimes(Connection connection, String channel, int limit) {
        return Sql.query(
                processingTimes.with(Map.of("channel", channel, "limit", limit)).on(connection), UpkeepRows::took);
    }
}
