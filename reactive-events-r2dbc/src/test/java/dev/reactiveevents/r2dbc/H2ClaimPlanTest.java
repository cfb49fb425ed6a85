package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.H2Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.h2.api.Trigger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A claim reads what it takes and little more, however many rows wait, are kept or are delayed: by H2's own count. */
class H2ClaimPlanTest {

    private static final int MANY = 100_000;
    private static final int BATCH = 300;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final TestDatabase database = TestDatabase.h2().migrated();
    private final H2Plans plans = new H2Plans("\"queue\"");
    private final H2Dialect dialect = new H2Dialect();
    private final QueueTable table = QueueTable.of("queue");
    private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));
    private final Database connections =
            new Database(database.changed(connection -> connection.map(plans::explaining)), dialect, table);

    @BeforeEach
    void someAreDue() {
        insert(10 * BATCH, "'ready', CURRENT_TIMESTAMP, NULL");
    }

    @Test
    void aBacklogIsNotWalked() {
        insert(MANY, "'ready', CURRENT_TIMESTAMP, NULL");
        assertThatAClaimIsCheap();
    }

    @Test
    void acknowledgedEventsThatAreKeptAreNotWalked() {
        insert(MANY, "'acked', NULL, CURRENT_TIMESTAMP");
        assertThatAClaimIsCheap();
    }

    @Test
    void delayedEventsAreNotWalked() {
        insert(MANY, "'ready', CURRENT_TIMESTAMP + INTERVAL '1' HOUR, NULL");
        assertThatAClaimIsCheap();
    }

    @Test
    void ofManyWhoseLastLeaseLapsedAClaimBuriesNoMoreThanItAsksFor() {
        database.execute("UPDATE \"queue\" SET status = 'leased', attempts = 10");
        Claimed claimed = claim();
        assertThat(claimed.events()).isEmpty();
        assertThat(claimed.exhausted()).hasSize(BATCH);
    }

    /** H2 asks a subquery of a condition anew for each row while anybody changes the table, and asks whether anybody has. */
    @Test
    void noQueryIsAskedForEachRow() {
        database.execute("CREATE TRIGGER asked BEFORE SELECT ON \"queue\" CALL '" + Asked.class.getName() + "'");
        Asked.TIMES.set(0);
        assertThat(claim().events()).hasSize(BATCH);
        assertThat(Asked.TIMES.get()).isBetween(1, 50);
    }

    /** Counts how often H2 selects from the table. */
    public static final class Asked implements Trigger {

        private static final AtomicInteger TIMES = new AtomicInteger();

        /** Created by H2. */
        public Asked() {}

        @Override
        public void fire(Connection connection, Object[] before, Object[] after) {
            TIMES.incrementAndGet();
        }
    }

    private void insert(int rows, String statusAvailableSettled) {
        database.execute("INSERT INTO \"queue\""
                + " (event_id, channel, payload, deliver_at, created_at, status, available_at, settled_at)"
                + " SELECT random_uuid(), 'orders', '1', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, "
                + statusAvailableSettled
                + " FROM system_range(1, " + rows + ")");
    }

    private void assertThatAClaimIsCheap() {
        Claimed claimed = claim();
        assertThat(claimed.events()).hasSize(BATCH);
        assertThat(plans.taken())
                .hasSizeGreaterThan(1)
                .allSatisfy(plan -> assertThat(H2Plans.scanned(plan))
                        .as("rows read by %s", plan)
                        .isLessThan(5 * BATCH));
    }

    private Claimed claim() {
        Claim claim = new Claim(UUID.randomUUID(), LIMIT, false, List.of(new Claim.Request("orders", BATCH, 10)));
        return connections
                .atOnce("Claiming", connection -> statements.claim(connection, claim, "test", () -> {}))
                .block(LIMIT)
                .get(0);
    }
}
