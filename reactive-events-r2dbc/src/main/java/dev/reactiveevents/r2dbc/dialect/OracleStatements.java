package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The statements of a queue table on Oracle: batches of bound rows, and blocks of PL/SQL where rows are claimed. */
final class OracleStatements implements QueueStatements {

    private static final String FIND =
            "SELECT event_id, channel, status, lease_token FROM ${table} WHERE event_id IN (${many})";

    private static final String JANITORS_TURN =
            "SELECT task FROM ${table:maintenance} WHERE task = 'janitor' FOR UPDATE SKIP LOCKED";

    /** The channel leads the index, and there are few channels: each is looked at for what it has longest. */
    private static final String CHANNELS = """
            WITH walk (channel) AS (
              SELECT MIN(f.channel) FROM ${table} f
              UNION ALL
              SELECT (SELECT MIN(n.channel) FROM ${table} n WHERE n.channel > w.channel)
                FROM walk w
               WHERE w.channel IS NOT NULL)
            SELECT w.channel FROM walk w
             WHERE (SELECT MIN(e.lane_at) FROM ${table} e WHERE e.channel = w.channel AND e.lane = :settled_lane)
                   < ${now} - NUMTODSINTERVAL(:kept_seconds, 'SECOND')
            """;

    private static final String EXPIRED = """
            SELECT e.event_id FROM ${table} e
             WHERE e.channel = :channel AND e.lane = :settled_lane
               AND e.lane_at < ${now} - NUMTODSINTERVAL(:kept_seconds, 'SECOND')
             ORDER BY e.lane_at, e.seq
             FETCH FIRST :max_events ROWS ONLY
            """;

    private static final String DELETE_THESE =
            "DELETE FROM ${table} WHERE event_id IN (${many}) AND lane = :settled_lane";

    private static final int ACKED = 2;
    private static final int DEAD = 3;

    private final OracleText find;
    private final OracleInsert insert;
    private final OracleClaim claim;
    private final OracleSettle settle;
    private final Expiry expiry;
    private final Duration retention;
    private final Keys keys = new Keys();

    OracleStatements(QueueTable table, Duration retention) {
        this.find = new OracleText(table, FIND);
        this.insert = new OracleInsert(table);
        this.claim = new OracleClaim(table, keys);
        this.settle = new OracleSettle(table, retention.isZero());
        this.expiry = new Expiry(table);
        this.retention = retention;
    }

    @Override
    public Mono<Long> insert(Connection connection, List<NewEvent> events) {
        keys.note(events);
        return insert.insert(connection, events);
    }

    @Override
    public Flux<StoredEvent> find(Connection connection, Collection<UUID> eventIds) {
        return Flux.fromIterable(eventIds)
                .map(UUID::toString)
                .buffer(OracleText.MOST)
                .concatMap(ids -> OracleRow.query(find.on(connection, ids, "${value}", ", "), Sql::storedEvent));
    }

    @Override
    public Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return this.claim.claim(connection, claim, consumer);
    }

    @Override
    public Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements) {
        return settle.settle(connection, outcome, settlements);
    }

    @Override
    public void freed(Collection<Settlement> settled) {
        keys.settled(settled);
    }

    @Override
    public Mono<Long> deleteExpired(Connection connection, int limit) {
        return expiry.delete(connection, ACKED, retention, limit);
    }

    /** Removes what lies long enough in a lane where nothing happens any more. */
    static final class Expiry {

        private final OracleText turn;
        private final OracleText channels;
        private final OracleText expired;
        private final OracleText delete;

        Expiry(QueueTable table) {
            this.turn = new OracleText(table, JANITORS_TURN);
            this.channels = new OracleText(table, CHANNELS);
            this.expired = new OracleText(table, EXPIRED);
            this.delete = new OracleText(table, DELETE_THESE);
        }

        Mono<Long> deleteDead(Connection connection, Duration retention, int limit) {
            return delete(connection, DEAD, retention, limit);
        }

        private Mono<Long> delete(Connection connection, int lane, Duration retention, int limit) {
            BigDecimal kept = OracleText.seconds(retention);
            return OracleRow.query(connection, turn, row -> true)
                    .hasElements()
                    .filter(ours -> ours)
                    .flatMapMany(ours -> OracleRow.query(
                            channels.on(connection).bind("settled_lane", lane).bind("kept_seconds", kept),
                            row -> Sql.required(row, "channel", String.class)))
                    .collectList()
                    .flatMapIterable(channels -> channels)
                    .concatMap(channel -> expired(connection, channel, lane, kept, limit), 0)
                    .take(limit)
                    .buffer(OracleText.MOST)
                    .concatMap(ids -> Sql.update(
                            delete.on(connection, ids, "${value}", ", ").bind("settled_lane", lane)))
                    .reduce(0L, Long::sum);
        }

        private Flux<String> expired(Connection connection, String channel, int lane, BigDecimal kept, int limit) {
            return OracleRow.query(
                            expired.on(connection)
                                    .bind("channel", channel)
                                    .bind("settled_lane", lane)
                                    .bind("kept_seconds", kept)
                                    .bind("max_events", limit),
                            row -> Sql.required(row, "event_id", UUID.class).toString())
                    .collectList()
                    .flatMapIterable(ids -> ids);
        }
    }
}
