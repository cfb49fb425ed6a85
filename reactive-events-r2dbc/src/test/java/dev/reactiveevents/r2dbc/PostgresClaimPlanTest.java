package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.PostgresDialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import reactor.core.publisher.Flux;

/**
 * A claim and a settlement read what they take and little more, however many rows wait, are kept or are delayed, and
 * whatever the table looked like when their plans were made. Counted in rows and blocks, by the server's own statistics of
 * the one connection that does it all.
 *
 * <p>On a server of its own without autovacuum: while any transaction of any database of the server has an id, what it could
 * still see stays among the entries of an index, and a claim reads it again. Autovacuum runs such transactions in the
 * databases of other tests. The table is not logged, which would take most of the time.
 */
@Isolated("fills tables with millions of rows")
class PostgresClaimPlanTest {

    private static final int MANY = Integer.getInteger("reactive-events.plan-rows", 1_000_000);
    private static final int BATCH = 300;
    /** So many claims follow one another until it is the turn of the next that measures. */
    private static final int CYCLE = 18;

    private static final Duration LIMIT = Duration.ofMinutes(5);

    private static final PostgresServer.Restartable SERVER = new PostgresServer.Restartable("autovacuum=off");

    private final ConnectionPool pool =
            new ConnectionPool(ConnectionPoolConfiguration.builder(ConnectionFactories.get(SERVER.url()))
                    .initialSize(1)
                    .maxSize(1)
                    .build());
    private final QueueTable table = QueueTable.of("queue");
    private final PostgresDialect dialect = new PostgresDialect();
    private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));
    private final Database database = new Database(pool, dialect, table);
    private final TableQueueBackend backend = new TableQueueBackend(
            database, dialect, table, statements, "test", Janitor.of(database, statements, table, Duration.ofDays(1)));
    private final EventSchema schema = new EventSchema(database, dialect, table, "autovacuum_enabled = false");

    @BeforeEach
    void anEmptyTable() {
        schema.migrate().block(LIMIT);
        execute("ALTER TABLE queue SET UNLOGGED");
    }

    @AfterEach
    void close() {
        backend.shutdown().block(LIMIT);
        schema.drop().block(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    @AfterAll
    static void stopTheServer() {
        SERVER.close();
    }

    @Test
    void aBacklogIsNotWalked() {
        insert(MANY, "'ready', 0, now(), NULL");
        execute("ANALYZE queue");
        assertThatRoundsAreCheap("a backlog");
    }

    @Test
    void aBurstIntoATableThatWasNearlyEmptyWhenThePlansWereMadeIsNotWalked() {
        insert(30, "'ready', 0, now(), NULL");
        execute("ANALYZE queue");
        for (int i = 0; i < 10; i++) {
            settle(claim(3));
        }
        insert(MANY, "'ready', 0, now(), NULL");
        assertThatRoundsAreCheap("a burst");
    }

    @Test
    void acknowledgedEventsThatAreKeptAreNotWalked() {
        insert(MANY, "'acked', 0, NULL, now()");
        insert((CYCLE + 2) * BATCH, "'ready', 0, now(), NULL");
        execute("ANALYZE queue");
        assertThatRoundsAreCheap("acknowledged events");
    }

    @Test
    void delayedEventsAreNotWalked() {
        insert(MANY, "'ready', 0, now() + interval '1 hour', NULL");
        insert((CYCLE + 2) * BATCH, "'ready', 0, now(), NULL");
        execute("ANALYZE queue");
        assertThatRoundsAreCheap("delayed events");
    }

    @Test
    void aBacklogIsNotWalkedForTheSuspectsBehindIt() {
        insert(MANY, "'ready', 0, now(), NULL");
        insert(5, "'ready', 2, now(), NULL");
        Claimed claimed = claim(BATCH);
        assertThat(claimed.suspects()).isTrue();
        assertThatRoundsAreCheap("suspects");

        Touched before = touched();
        Claimed suspects = backend.claim(new Claim(
                        UUID.randomUUID(), Duration.ofSeconds(30), true, List.of(new Claim.Request("orders", 1, 10))))
                .block(LIMIT)
                .get(0);
        assertThat(suspects.events()).hasSize(1);
        assertCheap("the claim of a suspect", 1, touched().minus(before));
    }

    @Test
    void anEmptyChannelBesideAFullOneIsNotWalked() {
        insert(MANY, "'ready', 0, now(), NULL");
        Touched before = touched();
        Claimed claimed = claim("invoices", BATCH);
        assertThat(claimed.events()).isEmpty();
        assertThat(claimed.nextDue()).isNull();
        assertThat(claimed.passedOver()).isFalse();
        assertCheap("an empty channel", 1, touched().minus(before));
    }

    /** One of the claims measures stretches for those that follow, and finds their ends in the index. */
    private void assertThatRoundsAreCheap(String among) {
        settle(claim(BATCH));
        Touched claims = Touched.NOTHING;
        for (int i = 0; i < CYCLE; i++) {
            Touched before = touched();
            Claimed claimed = claim(BATCH);
            Touched between = touched();
            settle(claimed);
            Touched after = touched();
            assertThat(claimed.events()).hasSize(BATCH);
            assertCheap("a settlement among " + among, 1, after.minus(between));
            claims = claims.plus(between.minus(before));
        }
        assertCheap(CYCLE + " claims among " + among, CYCLE, claims);
    }

    /** Each row is found, locked, looked up by its id and changed, with the versions of it that are dead by now. */
    private static void assertCheap(String what, int batches, Touched touched) {
        assertThat(touched.sequentialRows())
                .as("rows read in sequence by %s", what)
                .isZero();
        assertThat(touched.indexRows()).as("rows read by index by %s", what).isLessThan(5L * BATCH * batches);
        assertThat(touched.blocks()).as("blocks read by %s", what).isLessThan(25L * BATCH * batches);
    }

    private Claimed claim(int limit) {
        return claim("orders", limit);
    }

    private Claimed claim(String channel, int limit) {
        return backend.claim(new Claim(
                        UUID.randomUUID(),
                        Duration.ofSeconds(30),
                        false,
                        List.of(new Claim.Request(channel, limit, 10))))
                .block(LIMIT)
                .get(0);
    }

    private void settle(Claimed claimed) {
        UUID token = leaseToken(claimed.events().get(0));
        List<Settlement> acks = claimed.events().stream()
                .map(event -> new Settlement(Outcome.ACK, "orders", event.eventId(), token, Duration.ZERO, null))
                .toList();
        assertThat(backend.settle(acks).block(LIMIT)).containsOnly(SettleResult.APPLIED);
    }

    private UUID leaseToken(ClaimedEvent event) {
        return query("SELECT lease_token AS it FROM queue WHERE event_id = '" + event.eventId() + "'", UUID.class);
    }

    private void insert(int rows, String statusLapsesAvailableSettled) {
        execute("INSERT INTO queue (event_id, channel, payload, deliver_at, created_at, status, lapses, available_at,"
                + " settled_at) SELECT gen_random_uuid(), 'orders', '{\"number\": 42}', now(), now(), "
                + statusLapsesAvailableSettled + " FROM generate_series(1, " + rows + ")");
    }

    private record Touched(long sequentialRows, long indexRows, long blocks) {

        static final Touched NOTHING = new Touched(0, 0, 0);

        Touched plus(Touched other) {
            return new Touched(
                    sequentialRows + other.sequentialRows, indexRows + other.indexRows, blocks + other.blocks);
        }

        Touched minus(Touched other) {
            return new Touched(
                    sequentialRows - other.sequentialRows, indexRows - other.indexRows, blocks - other.blocks);
        }
    }

    private Touched touched() {
        query("SELECT 'flushed' AS it FROM (SELECT pg_stat_force_next_flush()) AS flush", String.class);
        return new Touched(
                query("SELECT seq_tup_read AS it FROM pg_stat_user_tables WHERE relname = 'queue'", Long.class),
                query(
                        "SELECT sum(idx_tup_read)::bigint AS it FROM pg_stat_user_indexes WHERE relname = 'queue'",
                        Long.class),
                query(
                        "SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read AS it"
                                + " FROM pg_statio_user_tables WHERE relname = 'queue'",
                        Long.class));
    }

    private void execute(String sql) {
        PostgresServer.execute(pool, sql);
    }

    private <T> T query(String sql, Class<T> type) {
        return Flux.usingWhen(
                        pool.create(),
                        connection -> Flux.from(connection.createStatement(sql).execute())
                                .concatMap(result -> result.map(row -> row.get("it", type))),
                        connection -> connection.close())
                .blockLast(LIMIT);
    }
}
