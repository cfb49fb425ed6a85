package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.ChannelCounts.Count;
import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.r2dbc.dialect.PostgresDialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.parallel.Isolated;
import reactor.core.publisher.Flux;

/**
 * Dead letters and inspection read what they are asked for and little more, however many rows there are. Counted in rows, by
 * the server's own statistics of the one connection that does it all. One table serves all tests, since a million rows take
 * their time; it is not logged, to spare the disk on which the commits of other tests wait.
 */
@Isolated("fills a table with millions of rows")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PostgresUpkeepTest {

    private static final int MANY = Integer.getInteger("reactive-events.plan-rows", 1_000_000);
    private static final int STEP = 1_000;
    private static final Duration LIMIT = Duration.ofMinutes(5);

    private final ConnectionPool pool = new ConnectionPool(
            ConnectionPoolConfiguration.builder(ConnectionFactories.get(PostgresServer.freshDatabase()))
                    .initialSize(1)
                    .maxSize(1)
                    .build());
    private final R2dbcEventChannel events = TestDatabase.builder(pool)
            .autovacuum("autovacuum_vacuum_threshold", Integer.MAX_VALUE)
            .build();
    private final DeadLetters dead = events.deadLetters("orders");

    /** A hundred died at each moment, as by one settlement. */
    @BeforeAll
    void aMillionDeadLettersAndAsManyAcknowledgedEvents() {
        EventSchema.of(events).migrate().block(LIMIT);
        execute("ALTER TABLE queue SET (autovacuum_enabled = false)", "ALTER TABLE queue SET UNLOGGED");
        insert(MANY, "'dead', NULL, now() - interval '1 day' + (i / 100) * interval '1 second'");
        insert(MANY, "'acked', NULL, now()");
        execute("ANALYZE queue");
    }

    @AfterAll
    void close() {
        events.shutdown().block(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    @Test
    void aPageIsReadAndNoMore() {
        List<DeadLetter> page =
                dead.browse(DeadLetterQuery.latest(100)).collectList().block(LIMIT);
        for (int i = 0; i < 5; i++) {
            String last = page.get(99).cursor();
            Touched before = touched();
            page = dead.browse(DeadLetterQuery.latest(100).after(last))
                    .collectList()
                    .block(LIMIT);
            assertRead("a page", before, 10 * 100);
            assertThat(page).hasSize(100);
        }
    }

    @Test
    void whatDiedInTheMiddleIsFoundWithoutWhatDiedBefore() {
        DeadLetter any = dead.browse(DeadLetterQuery.oldest(1)).blockFirst(LIMIT);
        Touched before = touched();
        List<DeadLetter> page = dead.browse(
                        DeadLetterQuery.oldest(100).withDiedFrom(any.diedAt().plusSeconds(MANY / 200)))
                .collectList()
                .block(LIMIT);
        assertRead("a page in the middle", before, 10 * 100);
        assertThat(page).hasSize(100);
    }

    @Test
    void aBatchIsRequeuedOrPurgedByItself() {
        assertThat(dead.requeue(DeadLetterQuery.oldest(10)).block(LIMIT)).isEqualTo(10);
        Touched before = touched();
        assertThat(dead.requeue(DeadLetterQuery.oldest(STEP)).block(LIMIT)).isEqualTo(STEP);
        assertRead("a batch that is requeued", before, 5 * STEP);
        DeadLetterQuery untouched = DeadLetterQuery.oldest(STEP).withDiedFrom(late());
        before = touched();
        assertThat(dead.purge(untouched).block(LIMIT)).isEqualTo(STEP);
        assertRead("a batch that is purged", before, 5 * STEP);
    }

    /**
     * Behind three quarters of them, where no other test deletes: the server counts what was deleted as read until it has
     * noted that nobody can see it any more, which may take it a while.
     */
    private Instant late() {
        DeadLetter oldest = dead.browse(DeadLetterQuery.oldest(1)).blockFirst(LIMIT);
        return oldest.diedAt().plusSeconds(MANY / 100 * 3 / 4);
    }

    @Test
    void manyBatchesAreRequeuedAndPurgedAndAllAreCounted() {
        long before = dead.count().block(LIMIT);
        assertThat(before).isGreaterThan(MANY / 2);
        assertThat(dead.requeue(DeadLetterQuery.oldest(10 * STEP)).block(LIMIT)).isEqualTo(10 * STEP);
        assertThat(dead.purge(DeadLetterQuery.latest(10 * STEP)).block(LIMIT)).isEqualTo(10 * STEP);
        assertThat(dead.count().block(LIMIT)).isEqualTo(before - 20 * STEP);
    }

    @Test
    void onlyAsManyAreCountedAsTheBoundSays() {
        insert(20 * STEP, "'ready', now(), NULL");
        insert(20 * STEP, "'ready', now() + interval '1 hour', NULL");
        insert(20 * STEP, "'ready', now() - i * interval '1 second', NULL");
        insert(50, "'leased', now() + i * interval '10 seconds' + interval '5 minutes', NULL");
        execute("UPDATE queue SET event_key = seq WHERE status IN ('ready', 'leased') AND seq % 2 = 0");
        execute("ANALYZE queue");
        Touched before = touched();
        ChannelCounts counts = events.inspect().counts("orders", STEP).block(LIMIT);
        assertRead("counts", before, 10 * STEP);
        assertThat(List.of(counts.ready(), counts.acked(), counts.dead())).containsOnly(new Count(STEP, false));
        assertThat(counts.delayed()).isEqualTo(new Count(STEP - 50, false));
        assertThat(counts.leased()).isEqualTo(new Count(50, false));

        before = touched();
        assertThat(events.inspect().leases("orders", 100).collectList().block(LIMIT))
                .hasSize(50);
        assertRead("leases", before, 5 * 100);

        before = touched();
        assertThat(events.inspect().processingTimes("orders", STEP).block(LIMIT).events())
                .isEqualTo(STEP);
        assertRead("processing times", before, 5 * STEP);
    }

    @Test
    void channelsAreFoundWithoutTheirEvents() {
        execute(moved("dead0", 100), moved("dead1", 100));
        Touched before = touched();
        assertThat(events.inspect()
                        .counts()
                        .map(ChannelCounts::channel)
                        .collectList()
                        .block(LIMIT))
                .contains("orders", "dead0", "dead1");
        assertThat(touched().sequentialRows() - before.sequentialRows()).isZero();
    }

    @Test
    void whatExpiredIsRemovedWithoutReadingTheRest() {
        execute(
                moved("invoices", 500),
                moved("zebra", 200),
                "UPDATE queue SET settled_at = now() - interval '3 days' WHERE channel IN ('invoices', 'zebra')");
        insert(20 * STEP, "'acked', NULL, now() - interval '2 days'");
        QueueTable table = QueueTable.of("queue");
        PostgresDialect dialect = new PostgresDialect();
        Database database = new Database(pool, dialect, table);
        Janitor janitor = new Janitor(database, dialect.statements(table, Duration.ofDays(1)), table, LIMIT)
                .removingDead(dialect.upkeep(table), table, Duration.ofDays(2));
        long all = query("SELECT count(*) AS it FROM queue", Long.class);
        Touched before = touched();
        janitor.round().block(LIMIT);
        assertRead("a round of the janitor", before, 10 * (700 + 20 * STEP));
        assertThat(query("SELECT count(*) AS it FROM queue", Long.class)).isEqualTo(all - 700 - 20 * STEP);
    }

    /** Behind a tenth of the others, which are read for it, and no further than it takes to find so many. */
    @Test
    void thoseOfARareTypeAreFoundBehindManyOthers() {
        execute("UPDATE queue SET type = 'rare' WHERE channel = 'orders' AND status = 'dead'" + " AND seq BETWEEN "
                + MANY / 10 + " AND " + (MANY / 10 + 4));
        DeadLetterQuery rare = DeadLetterQuery.oldest(5).withType("rare");
        assertThat(dead.count(rare).block(LIMIT)).isEqualTo(5);
        Touched before = touched();
        List<DeadLetter> found = dead.browse(rare).collectList().block(LIMIT);
        assertRead("those of a rare type", before, 2 * MANY / 10);
        assertThat(found).hasSize(5).extracting(DeadLetter::type).containsOnly("rare");
        assertThat(dead.requeue(DeadLetterQuery.oldest(2).withType("rare")).block(LIMIT))
                .isEqualTo(2);
        assertThat(dead.purge(DeadLetterQuery.oldest(3).withType("rare")).block(LIMIT))
                .isEqualTo(3);
    }

    /** Some from the midst, which no test requeues or purges. */
    private static String moved(String channel, int rows) {
        return "UPDATE queue SET channel = '" + channel + "' WHERE event_id IN (SELECT event_id FROM queue"
                + " WHERE channel = 'orders' AND status = 'dead' AND seq > " + MANY / 2 + " LIMIT " + rows + ")";
    }

    private void insert(int rows, String statusAvailableSettled) {
        execute(
                "INSERT INTO queue (event_id, channel, payload, deliver_at, created_at, status, available_at, settled_at)"
                        + " SELECT gen_random_uuid(), 'orders', '{\"number\": 42}', now(), now(), "
                        + statusAvailableSettled
                        + " FROM generate_series(1, " + rows + ") AS s (i)");
    }

    private record Touched(long sequentialRows, long indexRows) {}

    private void assertRead(String what, Touched before, long most) {
        Touched after = touched();
        assertThat(after.sequentialRows() - before.sequentialRows())
                .as("rows read in sequence by %s", what)
                .isZero();
        assertThat(after.indexRows() - before.indexRows())
                .as("rows read by index by %s", what)
                .isLessThan(most);
    }

    private Touched touched() {
        query("SELECT 'flushed' AS it FROM (SELECT pg_stat_force_next_flush()) AS flush", String.class);
        return new Touched(
                query("SELECT seq_tup_read AS it FROM pg_stat_user_tables WHERE relname = 'queue'", Long.class),
                query(
                        "SELECT sum(idx_tup_read)::bigint AS it FROM pg_stat_user_indexes WHERE relname = 'queue'",
                        Long.class));
    }

    private void execute(String... sql) {
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
