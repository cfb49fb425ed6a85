package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.H2Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On H2 too a claim looks at about as many keys as it is asked for events, however many of a few keys wait before the others. */
class H2KeyPlanTest {

    private static final int HOT = 100_000;
    private static final int COLD_KEYS = 2_000;
    private static final int BATCH = 200;
    private static final Duration LIMIT = Duration.ofMinutes(5);

    private final TestDatabase database = TestDatabase.h2().migrated();
    private final H2Plans plans = new H2Plans("\"queue\"");
    private final H2Dialect dialect = new H2Dialect();
    private final QueueTable table = QueueTable.of("queue");
    private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));
    private final Database connections =
            new Database(database.changed(connection -> connection.map(plans::explaining)), dialect, table);

    @BeforeEach
    void aHotKeyInFrontOfColdOnes() {
        insert(HOT, "'hot'");
        insert(5 * COLD_KEYS, "'cold' || MOD(x, " + COLD_KEYS + ")");
        claim(UUID.randomUUID(), 0); // tells that there are keys
    }

    private void insert(int rows, String key) {
        database.execute("INSERT INTO \"queue\""
                + " (event_id, channel, event_key, payload, deliver_at, created_at, available_at)"
                + " SELECT random_uuid(), 'orders', " + key
                + ", '1', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM system_range(1, " + rows + ")");
    }

    @Test
    void aHotKeyIsNotWalkedAndFlows() {
        int ofHotKey = 0;
        for (int i = 0; i < 4; i++) {
            UUID token = UUID.randomUUID();
            List<String> keys =
                    cheapClaim(token).events().stream().map(ClaimedEvent::key).toList();
            assertThat(keys).hasSize(BATCH).doesNotHaveDuplicates();
            ofHotKey += keys.contains("hot") ? 1 : 0;
            acknowledge(token);
        }
        assertThat(ofHotKey).isEqualTo(4);
    }

    @Test
    void aHotKeyThatIsHeldIsNotWalked() {
        Set<String> keys = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            cheapClaim(UUID.randomUUID())
                    .events()
                    .forEach(event -> assertThat(keys.add(event.key())).isTrue());
        }
        assertThat(keys)
                .as("the hot key takes a place of each claim, in vain while it is held")
                .hasSizeGreaterThanOrEqualTo(5 * (BATCH - 1))
                .contains("hot");
    }

    /** For each key one statement finds the next and one its first row; for others a row for each place of the batch. */
    private Claimed cheapClaim(UUID token) {
        plans.taken();
        Claimed claimed = claim(token, BATCH);
        List<String> explained = plans.taken();
        assertThat(explained)
                .hasSizeGreaterThan(BATCH)
                .allSatisfy(plan -> assertThat(H2Plans.scanned(plan))
                        .as("rows read by %s", plan)
                        .isLessThan(5 * BATCH));
        assertThat(explained.stream().mapToInt(H2Plans::scanned).sum())
                .as("rows read by a claim")
                .isLessThan(20 * BATCH);
        return claimed;
    }

    private Claimed claim(UUID token, int limit) {
        Claim claim = new Claim(token, LIMIT, false, List.of(new Claim.Request("orders", limit, 10)));
        return connections
                .atOnce("Claiming", connection -> statements.claim(connection, claim, "test", () -> {}))
                .block(LIMIT)
                .get(0);
    }

    /** Everything that was claimed under this token. */
    private void acknowledge(UUID token) {
        List<Settlement> acks =
                database
                        .query("SELECT event_id FROM \"queue\" WHERE lease_token = '" + token + "'", UUID.class)
                        .stream()
                        .map(event ->
                                new Settlement(Outcome.ACK, "orders", event, key(event), token, Duration.ZERO, null))
                        .toList();
        List<Boolean> applied = connections
                .transaction("Settling", connection -> statements.settle(connection, Outcome.ACK, acks))
                .block(LIMIT);
        assertThat(applied).hasSize(BATCH).containsOnly(true);
        statements.freed(acks);
    }

    private String key(UUID event) {
        return database.query("SELECT event_key FROM \"queue\" WHERE event_id = '" + event + "'", String.class)
                .get(0);
    }
}
