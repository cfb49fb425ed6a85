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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A claim looks at about as many keys as it is asked for events, however many events of a few keys wait before the others. */
class PostgresKeyPlanTest {

    private static final int HOT = 100_000;
    private static final int COLD_KEYS = 10_000;
    private static final int BATCH = 300;
    private static final int CLAIMS = 30;
    private static final Duration LIMIT = Duration.ofMinutes(5);

    private final ConnectionPool pool = new ConnectionPool(
            ConnectionPoolConfiguration.builder(ConnectionFactories.get(PostgresServer.freshDatabase()))
                    .initialSize(1)
                    .maxSize(1)
                    .build());
    private final QueueTable table = QueueTable.of("queue");
    private final PostgresDialect dialect = new PostgresDialect();
    private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));
    private final Database database = new Database(pool, dialect, table);
    private final TableQueueBackend backend = new TableQueueBackend(
            database, dialect, table, statements, "test", Janitor.of(database, statements, table, Duration.ofDays(1)));

    @BeforeEach
    void aHotKeyInFrontOfColdOnes() {
        new EventSchema(database, dialect, table, "autovacuum_enabled = false")
                .migrate()
                .block(LIMIT);
        insert(HOT, "'hot'", "now()");
        insert(5 * COLD_KEYS, "'cold' || n % " + COLD_KEYS, "now()");
        PostgresServer.execute(pool, "ANALYZE queue");
        claim(0); // tells that there are keys
    }

    @AfterEach
    void close() {
        backend.shutdown().block(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    private void insert(int rows, String key, String available) {
        PostgresServer.execute(
                pool,
                "INSERT INTO queue (event_id, channel, event_key, payload, deliver_at, created_at, available_at)"
                        + " SELECT gen_random_uuid(), 'orders', " + key + ", '{\"number\": 42}', now(), now(), "
                        + available
                        + " FROM generate_series(1, " + rows + ") n");
    }

    @Test
    void aHotKeyIsNotWalkedAndFlows() {
        int ofHotKey = 0;
        for (int i = 0; i < 8; i++) {
            Touched before = touched();
            Claimed claimed = claim(BATCH);
            assertCheap("claim " + i, before, touched());
            List<String> keys = claimed.events().stream().map(ClaimedEvent::key).toList();
            assertThat(keys).hasSize(BATCH).doesNotHaveDuplicates();
            ofHotKey += keys.contains("hot") ? 1 : 0;
            settle(claimed);
        }
        assertThat(ofHotKey).isEqualTo(8); // it is due first, each time
    }

    @Test
    void aHotKeyThatIsHeldIsNotWalked() {
        Set<String> keys = new HashSet<>();
        for (int i = 0; i < CLAIMS; i++) {
            Touched before = touched();
            Claimed claimed = claim(BATCH);
            assertCheap("claim " + i, before, touched());
            claimed.events().forEach(event -> assertThat(keys.add(event.key())).isTrue());
        }
        assertThat(keys).hasSize(CLAIMS * BATCH).contains("hot");
    }

    @Test
    void whereAllKeysAreHeldAClaimGivesUp() {
        while (!claim(1_000).events().isEmpty()) {}
        Touched before = touched();
        Claimed claimed = claim(BATCH);
        assertThat(claimed.events()).isEmpty();
        assertThat(claimed.passedOver()).isTrue();
        assertCheap("a claim of nothing", before, touched());
    }

    @Test
    void keysWhoseTimeHasNotComeAreNotWalkedForOneThatIsDue() {
        PostgresServer.execute(pool, "TRUNCATE queue");
        insert(5 * COLD_KEYS, "'later' || n", "now() + interval '1 hour'");
        claim(BATCH);
        insert(1, "'now'", "now()");
        Touched before = touched();
        Claimed claimed = claim(BATCH);
        assertCheap("a claim among delayed keys", before, touched());
        assertThat(claimed.events()).extracting(ClaimedEvent::key).containsExactly("now");
    }

    /** Its lease ended later than all that waits before it was due: only the walk from key to key comes to it. */
    @Test
    void aLapsedEventBehindAHotKeyIsFound() {
        PostgresServer.execute(pool, "TRUNCATE queue");
        insert(10 * BATCH, "'hot'", "now() - interval '1 hour'");
        insert(1, "'lapsed'", "now() - interval '1 minute'");
        PostgresServer.execute(
                pool, "UPDATE queue SET status = 'leased', lease_token = gen_random_uuid() WHERE event_key = 'lapsed'");
        Touched before = touched();
        Claimed claimed = claim(BATCH);

        assertThat(claimed.events()).extracting(ClaimedEvent::key).containsExactlyInAnyOrder("hot", "lapsed");
        assertCheap("a claim behind a hot key", before, touched());
    }

    @Test
    void keysWithManyEventsEachAreWalkedByFewOfEach() {
        PostgresServer.execute(pool, "TRUNCATE queue");
        insert(10 * BATCH, "'hot'", "now() - interval '1 hour'");
        insert(100 * BATCH, "'key' || n % " + BATCH, "now()");
        Touched before = touched();
        Claimed claimed = claim(BATCH);

        assertThat(claimed.events()).hasSizeGreaterThanOrEqualTo(BATCH - 1); // the hot key may be come to twice
        assertCheap("a claim of so many keys", before, touched());
    }

    /** Of each key its first rows are read, the row is found, locked and changed; of others, a row for each place of the batch. */
    private static void assertCheap(String what, Touched before, Touched after) {
        assertThat(after.sequentialRows() - before.sequentialRows())
                .as("rows read in sequence by %s", what)
                .isZero();
        assertThat(after.indexRows() - before.indexRows())
                .as("rows read by index by %s", what)
                .isLessThan(20 * BATCH);
    }

    private Claimed claim(int limit) {
        Claim claim = new Claim(
                UUID.randomUUID(), Duration.ofMinutes(30), false, List.of(new Claim.Request("orders", limit, 10)));
        return backend.claim(claim).block(LIMIT).get(0);
    }

    private void settle(Claimed claimed) {
        UUID token = TestDatabase.query(
                        pool,
                        "SELECT lease_token FROM queue WHERE event_id = '"
                                + claimed.events().get(0).eventId() + "'",
                        UUID.class)
                .get(0);
        List<Settlement> acks = claimed.events().stream()
                .map(event ->
                        new Settlement(Outcome.ACK, "orders", event.eventId(), event.key(), token, Duration.ZERO, null))
                .toList();
        assertThat(backend.settle(acks).block(LIMIT)).containsOnly(SettleResult.APPLIED);
    }

    private record Touched(long sequentialRows, long indexRows) {}

    private Touched touched() {
        TestDatabase.query(pool, "SELECT 'flushed' FROM (SELECT pg_stat_force_next_flush()) AS flush", String.class);
        return new Touched(
                number("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'queue'"),
                number("SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'queue'"));
    }

    private long number(String sql) {
        return TestDatabase.query(pool, sql, Long.class).get(0);
    }
}
