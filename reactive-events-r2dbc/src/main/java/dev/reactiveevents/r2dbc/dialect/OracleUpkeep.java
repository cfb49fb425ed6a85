package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.util.Collection;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Each walks an index as far as its limit says. */
final class OracleUpkeep implements UpkeepStatements {

    private static final String IN_RANGE = """
            e.channel = :channel AND e.lane = 3
               AND e.lane_at >= :from_at AND (e.lane_at > :from_at OR e.seq > :from_seq)
               AND e.lane_at <= :to_at AND (e.lane_at < :to_at OR e.seq < :to_seq)""";

    private static final String FIND_DEAD = """
            SELECT e.event_id, e.type, e.settled_at, e.seq FROM ${table} e
             WHERE ${range}
             ORDER BY e.lane_at ${direction}, e.seq ${direction}
             FETCH FIRST :max_events ROWS ONLY
            """.replace("${range}", IN_RANGE);

    private static final String COUNT_DEAD = """
            SELECT COUNT(*) AS dead FROM ${table} e
             WHERE ${range}${of-type}
            """.replace("${range}", IN_RANGE);

    private static final String THESE = " WHERE event_id IN (${many}) AND channel = :channel AND status = 'dead'";

    private static final String READ_DEAD = """
            SELECT event_id, channel, type, event_key, payload, metadata, attempts, created_at, deliver_at, settled_at,
                   last_error
              FROM ${table}
            """ + THESE;

    private static final String REQUEUE_DEAD = """
            UPDATE ${table}
               SET status = 'ready', attempts = 0, lapses = 0, lease_token = NULL, leased_by = NULL, last_error = NULL,
                   settled_at = NULL, deliver_at = ${now}, available_at = ${now}
            """ + THESE;

    private static final String PURGE_DEAD = "DELETE FROM ${table}" + THESE;

    private static final String WITHDRAWABLE = "SELECT channel FROM ${table}"
            + " WHERE event_id = :event_id AND status = 'ready' AND attempts = 0 FOR UPDATE";

    private static final String WITHDRAW = "DELETE FROM ${table} WHERE event_id = :event_id";

    private static final String CHANNELS = """
            WITH walk (channel) AS (
              SELECT MIN(f.channel) FROM ${table} f
              UNION ALL
              SELECT (SELECT MIN(n.channel) FROM ${table} n WHERE n.channel > w.channel)
                FROM walk w
               WHERE w.channel IS NOT NULL)
            SELECT w.channel FROM walk w
             WHERE EXISTS (SELECT 1 FROM ${table} e WHERE e.channel = w.channel AND e.lane IN (0, 1, 3))
             ORDER BY w.channel
            """;

    private static final String NOT_DUE = """
            SELECT * FROM (
                            SELECT e.event_id, e.channel, e.leased_by, e.attempts, e.available_at, e.status FROM ${table} e
                             WHERE e.channel = :channel AND e.lane = ${lane} AND e.lane_at > ${now}
                             ORDER BY e.lane_at, e.seq
                             FETCH FIRST :max_events ROWS ONLY)""";

    private static final String WAITING =
            NOT_DUE.replace("${lane}", "0") + " UNION ALL " + NOT_DUE.replace("${lane}", "1");

    private static final String COUNT_OF = """
            (SELECT COUNT(*) FROM (
                       SELECT e.seq FROM ${table} e WHERE e.channel = :channel AND ${counted}
                        FETCH FIRST :max_events ROWS ONLY))""";

    private static final String COUNTS = """
            SELECT ${ready} AS ready,
                   ${waiting} AS waiting,
                   (SELECT COUNT(*) FROM (
                       SELECT w.status FROM (${not-due}) w
                        ORDER BY w.available_at
                        FETCH FIRST :max_events ROWS ONLY) l
                     WHERE l.status = 'leased') AS leased,
                   ${acked} AS acked,
                   ${acked} AS acked_seen,
                   ${dead} AS dead,
                   ${micros:r.age} AS oldest_ready
              FROM (SELECT ${now} - MIN(n.due_at) AS age
                      FROM (SELECT MIN(o.lane_at) AS due_at FROM ${table} o
                             WHERE o.channel = :channel AND o.lane = 0 AND o.lane_at <= ${now}
                            UNION ALL
                            SELECT MIN(k.lane_at) AS due_at FROM ${table} k
                             WHERE k.channel = :channel AND k.lane = 1 AND k.lane_at <= ${now}) n) r
            """.replace(
                    "${ready}", COUNT_OF.replace("${counted}", "e.lane IN (0, 1) AND e.lane_at <= ${now}"))
            .replace("${waiting}", COUNT_OF.replace("${counted}", "e.lane IN (0, 1) AND e.lane_at > ${now}"))
            .replace("${not-due}", WAITING)
            .replace("${acked}", COUNT_OF.replace("${counted}", "e.lane = 2"))
            .replace("${dead}", COUNT_OF.replace("${counted}", "e.lane = 3"));

    private static final String LEASES = """
            SELECT l.event_id, l.channel, l.leased_by, l.attempts, l.available_at
              FROM (SELECT w.event_id, w.channel, w.leased_by, w.attempts, w.available_at, w.status
                      FROM (${not-due}) w
                     ORDER BY w.available_at
                     FETCH FIRST :max_events ROWS ONLY) l
             WHERE l.status = 'leased'
             ORDER BY l.available_at
            """.replace("${not-due}", WAITING);

    private static final String PROCESSING_TIMES = """
            SELECT ${micros:t.took} AS took
              FROM (SELECT e.settled_at - GREATEST(e.created_at, e.deliver_at) AS took FROM ${table} e
                     WHERE e.channel = :channel AND e.lane = 2
                     ORDER BY e.lane_at DESC, e.seq DESC
                     FETCH FIRST :max_events ROWS ONLY) t
            """;

    private final OracleStatements.Expiry expiry;
    private final OracleText latestDead;
    private final OracleText earliestDead;
    private final OracleText countDead;
    private final OracleText countDeadOfType;
    private final OracleText readDead;
    private final OracleText requeueDead;
    private final OracleText purgeDead;
    private final OracleText withdrawable;
    private final OracleText withdraw;
    private final OracleText channels;
    private final OracleText counts;
    private final OracleText leases;
    private final OracleText processingTimes;

    OracleUpkeep(QueueTable table) {
        this.expiry = new OracleStatements.Expiry(table);
        this.latestDead = new OracleText(table, FIND_DEAD.replace("${direction}", "DESC"));
        this.earliestDead = new OracleText(table, FIND_DEAD.replace("${direction}", "ASC"));
        this.countDead = new OracleText(table, COUNT_DEAD.replace("${of-type}", ""));
        this.countDeadOfType = new OracleText(table, COUNT_DEAD.replace("${of-type}", " AND e.type = :event_type"));
        this.readDead = new OracleText(table, READ_DEAD);
        this.requeueDead = new OracleText(table, REQUEUE_DEAD);
        this.purgeDead = new OracleText(table, PURGE_DEAD);
        this.withdrawable = new OracleText(table, WITHDRAWABLE);
        this.withdraw = new OracleText(table, WITHDRAW);
        this.channels = new OracleText(table, CHANNELS);
        this.counts = new OracleText(table, COUNTS);
        this.leases = new OracleText(table, LEASES);
        this.processingTimes = new OracleText(table, PROCESSING_TIMES);
    }

    private static Statement in(DeadEvent.Range range, Statement statement) {
        return statement
                .bind("channel", range.channel())
                .bind("from_at", OracleText.time(range.from().diedAt()))
                .bind("from_seq", range.from().seq())
                .bind("to_at", OracleText.time(range.to().diedAt()))
                .bind("to_seq", range.to().seq());
    }

    @Override
    public Flux<DeadEvent.Found> findDead(Connection connection, DeadEvent.Range range, int limit) {
        OracleText text = range.latestFirst() ? latestDead : earliestDead;
        return OracleRow.query(in(range, text.on(connection)).bind("max_events", limit), UpkeepRows::found);
    }

    @Override
    public Mono<Long> countDead(Connection connection, DeadEvent.Range range, @Nullable String type) {
        Statement statement = type == null
                ? countDead.on(connection)
                : countDeadOfType.on(connection).bind("event_type", type);
        return OracleRow.query(in(range, statement), row -> Sql.required(row, "dead", Long.class))
                .single();
    }

    private static Flux<Statement> these(
            Connection connection, OracleText text, String channel, Collection<UUID> eventIds) {
        return Flux.fromIterable(eventIds)
                .map(UUID::toString)
                .buffer(OracleText.MOST)
                .map(ids -> text.on(connection, ids, "${value}", ", ").bind("channel", channel));
    }

    @Override
    public Flux<DeadEvent> readDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return these(connection, readDead, channel, eventIds)
                .concatMap(statement -> OracleRow.query(statement, UpkeepRows::dead), 0);
    }

    @Override
    public Mono<Long> requeueDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return these(connection, requeueDead, channel, eventIds)
                .concatMap(Sql::update, 0)
                .reduce(0L, Long::sum);
    }

    @Override
    public Mono<Long> purgeDead(Connection connection, String channel, Collection<UUID> eventIds) {
        return these(connection, purgeDead, channel, eventIds)
                .concatMap(Sql::update, 0)
                .reduce(0L, Long::sum);
    }

    @Override
    public Mono<Long> deleteExpiredDead(Connection connection, Duration retention, int limit) {
        return expiry.deleteDead(connection, retention, limit);
    }

    /** A row that is locked by then is not taken by a claim. */
    @Override
    public Mono<String> withdraw(Connection connection, UUID eventId) {
        String id = eventId.toString();
        return OracleRow.query(
                        withdrawable.on(connection).bind("event_id", id),
                        row -> Sql.required(row, "channel", String.class))
                .collectList()
                .flatMap(found -> found.isEmpty()
                        ? Mono.empty()
                        : Sql.update(withdraw.on(connection).bind("event_id", id))
                                .thenReturn(found.get(0)));
    }

    @Override
    public Flux<String> channels(Connection connection) {
        return OracleRow.query(connection, channels, row -> Sql.required(row, "channel", String.class));
    }

    @Override
    public Mono<ChannelCounts> counts(Connection connection, String channel, int bound) {
        return OracleRow.query(
                        counts.on(connection).bind("channel", channel).bind("max_events", bound + 1),
                        row -> UpkeepRows.counts(row, channel, bound))
                .single();
    }

    @Override
    public Flux<LeaseHolder> leases(Connection connection, String channel, int limit) {
        return OracleRow.query(
                leases.on(connection).bind("channel", channel).bind("max_events", limit), UpkeepRows::lease);
    }

    @Override
    public Flux<Duration> processingTimes(Connection connection, String channel, int limit) {
        return OracleRow.query(
                processingTimes.on(connection).bind("channel", channel).bind("max_events", limit), UpkeepRows::took);
    }
}
