package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Whole batches in one statement each, whose rows and ids stand in its text: there are no arrays, and no RETURNING in MySQL. */
final class MySqlStatements implements QueueStatements {

    private static final String FIND =
            "SELECT event_id, channel, status, lease_token FROM ${table} WHERE event_id IN :ids";

    private static final String JANITORS_TURN =
            "SELECT task FROM ${table:maintenance} WHERE task = 'janitor' FOR UPDATE SKIP LOCKED";

    /** From channel to channel, because the index begins with it; of each it reads the first entry only. */
    private static final String CHANNELS_WITH_EXPIRED = """
            SELECT c.channel FROM (SELECT DISTINCT channel FROM ${table}) AS c
            WHERE (SELECT e.lane_at FROM ${table} AS e FORCE INDEX (${name:claim})
                    WHERE e.channel = c.channel AND e.lane = :lane ORDER BY e.lane_at, e.seq LIMIT 1)
                < ${now} - INTERVAL :retention MICROSECOND
            """;

    private static final String EXPIRED = """
            SELECT seq FROM ${table} FORCE INDEX (${name:claim})
            WHERE channel = :channel AND lane = :lane AND lane_at < ${now} - INTERVAL :retention MICROSECOND
            ORDER BY lane_at, seq
            LIMIT :limit
            """;

    private static final String DELETE_THESE =
            "DELETE e FROM ${table} AS e FORCE INDEX (PRIMARY) WHERE e.seq IN :seqs AND e.lane = :lane";

    private static final int ACKED = 2;
    private static final int DEAD = 3;

    private final MySqlText find;
    private final MySqlInsert insert;
    private final MySqlClaim claim;
    private final MySqlSettle settle;
    private final Expiry expiry;
    private final Duration retention;
    private final Keys keys = new Keys();

    MySqlStatements(QueueTable table, Duration retention) {
        this.find = new MySqlText(table, FIND);
        this.insert = new MySqlInsert(table);
        this.claim = new MySqlClaim(table, keys);
        this.settle = new MySqlSettle(table, retention.isZero());
        this.expiry = new Expiry(table);
        this.retention = retention;
    }

    @Override
    public Mono<Long> insert(Connection connection, List<NewEvent> events) {
        keys.note(events);
        return insert.insert(connection, events);
    }

    @Override
    public Mono<Long> insertInOurs(Connection connection, List<NewEvent> events) {
        keys.note(events);
        return insert.insertUnseen(connection, events);
    }

    @Override
    public boolean fitOneStatement(List<NewEvent> events) {
        return insert.fitOneStatement(events);
    }

    @Override
    public Flux<StoredEvent> find(Connection connection, Collection<UUID> eventIds) {
        return Sql.query(find.with(Map.of("ids", eventIds)).on(connection), Sql::storedEvent);
    }

    @Override
    public Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return this.claim.claim(connection, claim, consumer, taken);
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

        private final MySqlText turn;
        private final MySqlText channels;
        private final MySqlText expired;
        private final MySqlText delete;

        Expiry(QueueTable table) {
            this.turn = new MySqlText(table, JANITORS_TURN);
            this.channels = new MySqlText(table, CHANNELS_WITH_EXPIRED);
            this.expired = new MySqlText(table, EXPIRED);
            this.delete = new MySqlText(table, DELETE_THESE);
        }

        Mono<Long> deleteDead(Connection connection, Duration retention, int limit) {
            return delete(connection, DEAD, retention, limit);
        }

        private Mono<Long> delete(Connection connection, int lane, Duration retention, int limit) {
            Map<String, Object> values = Map.of("lane", lane, "retention", Sql.micros(retention), "limit", limit);
            return Sql.query(turn.with(Map.of()).on(connection), row -> true)
                    .hasElements()
                    .filter(ours -> ours)
                    .flatMapMany(ours -> Sql.query(
                            channels.with(values).on(connection), row -> Sql.required(row, "channel", String.class)))
                    .collectList()
                    .flatMapIterable(channels -> channels)
                    .concatMap(channel -> expired(connection, channel, values), 0)
                    .take(limit)
                    .collectList()
                    .flatMap(seqs -> seqs.isEmpty()
                            ? Mono.just(0L)
                            : Sql.update(delete.with(Map.of("seqs", seqs, "lane", lane))
                                    .on(connection)));
        }

        private Flux<Long> expired(Connection connection, String channel, Map<String, Object> values) {
            return Sql.query(
                            expired.with(MySqlText.more(values, "channel", channel))
                                    .on(connection),
                            row -> Sql.required(row, "seq", Long.class))
                    .collectList()
                    .flatMapIterable(seqs -> seqs);
        }
    }
}
