package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Claims that look at settled keys alone keep the order of each key all the same. */
class PostgresSettledKeysTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String READY = "'ready', NULL, now()";
    private static final String HELD = "'leased', gen_random_uuid(), now() + interval '1 hour'";
    private static final String LAPSED = "'leased', gen_random_uuid(), now() - interval '1 second'";

    private final ConnectionFactory database = PostgresServer.migratedDatabase();
    private final AtomicLong nanos = new AtomicLong();
    private final PostgresDialect dialect = new PostgresDialect();
    private final PostgresStatements statements =
            new PostgresStatements(QueueTable.of("queue"), Duration.ofHours(1), nanos::get);
    private Connection connection;
    private UUID token;

    @BeforeEach
    void open() {
        connection = Mono.<Connection>from(database.create()).block(LIMIT);
    }

    @AfterEach
    void close() {
        Mono.from(connection.close()).block(LIMIT);
    }

    private void insert(long seq, String key, String statusTokenAvailable) {
        PostgresServer.execute(
                database,
                "INSERT INTO queue (event_id, seq, channel, event_key, payload, deliver_at, created_at, status,"
                        + " lease_token, available_at) OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), " + seq
                        + ", 'orders', '" + key + "', '" + seq + "', now(), now(), " + statusTokenAvailable + ")");
    }

    private Claimed claim(DeadLetterKeys deadLetterKeys) {
        return claim(deadLetterKeys, 1_000);
    }

    private Claimed claim(DeadLetterKeys deadLetterKeys, int limit) {
        token = UUID.randomUUID();
        Claim claim = new Claim(
                token, Duration.ofHours(1), false, deadLetterKeys, List.of(new Claim.Request("orders", limit, 10)));
        return statements
                .claim(connection, claim, "test", () -> {})
                .block(LIMIT)
                .get(0);
    }

    private List<String> claim() {
        return payloads(claim(DeadLetterKeys.FREE));
    }

    private Claimed claimOfSettledKeys(DeadLetterKeys deadLetterKeys) {
        Claimed claimed = claim(deadLetterKeys);
        assertThat(claimed.nextDue())
                .as("told by a claim of settled keys alone")
                .isPositive()
                .isLessThanOrEqualTo(Duration.ofMillis(50));
        assertThat(claimed.passedOver()).isFalse();
        return claimed;
    }

    private List<String> claimOfSettledKeys() {
        return payloads(claimOfSettledKeys(DeadLetterKeys.FREE));
    }

    private static List<String> payloads(Claimed claimed) {
        return claimed.events().stream().map(ClaimedEvent::payload).toList();
    }

    /**
     * Holds an event of each key, the one with a number above a hundred. The claim that took them found nothing else, so that
     * the next one, once they are settled, looks at their keys alone.
     */
    private Claimed holding(String... keys) {
        for (int i = 1; i <= keys.length; i++) {
            insert(i, keys[i - 1], READY);
            insert(100 + i, keys[i - 1], READY);
        }
        claim(); // tells that there are keys
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
        Claimed held = claim(DeadLetterKeys.FREE);
        assertThat(held.events()).hasSameSizeAs(keys);
        return held;
    }

    private void settle(Claimed claimed, Outcome outcome) {
        List<Settlement> settlements = claimed.events().stream()
                .map(event ->
                        new Settlement(outcome, "orders", event.eventId(), event.key(), token, Duration.ZERO, null))
                .toList();
        assertThat(statements.settle(connection, outcome, settlements).block(LIMIT))
                .hasSameSizeAs(settlements)
                .containsOnly(true);
        statements.freed(settlements);
    }

    @Test
    void othersWaitUntilItIsTimeToLookAtAllThatIsDue() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        insert(202, "ben", READY);
        settle(held, Outcome.ACK);

        Claimed claimed = claimOfSettledKeys(DeadLetterKeys.FREE);
        assertThat(payloads(claimed)).containsExactly("201");
        settle(claimed, Outcome.ACK);
        nanos.addAndGet(claimed.nextDue().toNanos() + 1_000);

        assertThat(claim()).containsExactly("202");
    }

    @Test
    void withoutSettledKeysOthersDoNotWait() {
        settle(holding("anna"), Outcome.ACK);
        assertThat(claimOfSettledKeys()).isEmpty();
        insert(201, "ben", READY);

        assertThat(claim()).containsExactly("201");
    }

    /** One that took all it was asked for is followed by one that asks for nothing, as for a new subscription without room. */
    @Test
    void aClaimOfNothingDoesNotShowThatNothingIsDue() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        insert(202, "anna", READY);
        settle(held, Outcome.ACK);
        nanos.addAndGet(Duration.ofSeconds(1).toNanos());
        Claimed full = claim(DeadLetterKeys.FREE, 1);
        assertThat(payloads(full)).containsExactly("201");
        UUID ofFull = token;
        assertThat(claim(DeadLetterKeys.FREE, 0).events()).isEmpty();
        insert(301, "carl", READY);
        token = ofFull;
        settle(full, Outcome.ACK);

        assertThat(claim()).containsExactlyInAnyOrder("202", "301");
    }

    @Test
    void eachKeyGivesOneEvent() {
        Claimed held = holding("anna", "ben");
        for (int i = 1; i <= 3; i++) {
            insert(200 + i, "anna", READY);
            insert(210 + i, "ben", READY);
        }
        settle(held, Outcome.ACK);

        assertThat(claimOfSettledKeys()).containsExactlyInAnyOrder("201", "211");
        assertThat(claim()).isEmpty();
    }

    @Test
    void whatIsCommittedLateWithALowerNumberComesFirst() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        insert(50, "anna", READY);
        settle(held, Outcome.ACK);

        assertThat(claimOfSettledKeys()).containsExactly("50");
    }

    @Test
    void whatIsFartherThanExpectedIsFound() {
        Claimed held = holding("anna");
        insert(5_000, "anna", READY);
        settle(held, Outcome.ACK);

        assertThat(claimOfSettledKeys()).containsExactly("5000");
    }

    @Test
    void aDelayedEventHoldsItsKey() {
        Claimed held = holding("anna", "ben");
        insert(201, "anna", "'ready', NULL, now() + interval '1 hour'");
        insert(202, "anna", READY);
        insert(203, "ben", READY);
        settle(held, Outcome.ACK);

        assertThat(claimOfSettledKeys()).containsExactly("203");
    }

    @Test
    void aRetryComesBeforeTheNext() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        settle(held, Outcome.RETRY);

        assertThat(claimOfSettledKeys()).containsExactly("101");
    }

    @Test
    void aKeyThatAnotherProcessHoldsIsPassedOver() {
        settle(holding("anna", "ben"), Outcome.ACK);
        insert(201, "anna", READY);
        insert(202, "anna", HELD);
        insert(203, "ben", READY);

        assertThat(claimOfSettledKeys()).containsExactly("203");
    }

    @Test
    void aHolderThatLapsedComesFirst() {
        settle(holding("anna"), Outcome.ACK);
        insert(201, "anna", READY);
        insert(202, "anna", LAPSED);

        assertThat(claimOfSettledKeys()).containsExactly("202");
    }

    @Test
    void aSuspectIsLeftToClaimsOfSuspects() {
        settle(holding("anna", "ben"), Outcome.ACK);
        insert(201, "anna", LAPSED);
        insert(202, "ben", READY);
        PostgresServer.execute(database, "UPDATE queue SET lapses = 5 WHERE seq = 201");

        assertThat(claimOfSettledKeys()).containsExactly("202");
        assertThat(claim(DeadLetterKeys.FREE).suspects()).isTrue();
    }

    @Test
    void aDeadEventParksItsKeyIfThatIsWanted() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        settle(held, Outcome.DEAD);

        assertThat(claimOfSettledKeys(DeadLetterKeys.PARK).events()).isEmpty();
    }

    @Test
    void aDeadEventFreesItsKeyOtherwise() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        settle(held, Outcome.DEAD);

        assertThat(claimOfSettledKeys()).containsExactly("201");
    }

    /** Whatever the planner knew of the table when it made the plan. What claims before have emptied may be read again. */
    @Test
    void keysAreNotReadToTheirEnd() {
        PostgresServer.execute(
                database,
                "ALTER TABLE queue SET (autovacuum_enabled = false)",
                "INSERT INTO queue (event_id, channel, event_key, payload, deliver_at, created_at, available_at)"
                        + " SELECT gen_random_uuid(), 'orders', 'key' || n % 100, '1', now(), now(), now()"
                        + " FROM generate_series(1, 100000) n");
        claim(); // tells that there are keys
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
        for (int i = 0; i < 10; i++) {
            long before = rowsRead();
            Claimed claimed = claimOfSettledKeys(DeadLetterKeys.FREE);
            long read = rowsRead() - before;
            assertThat(claimed.events()).hasSize(100);
            assertThat(read).as("rows read by claim " + i).isLessThan(50 * 100); // of 100,000
            settle(claimed, Outcome.ACK);
        }
    }

    private long rowsRead() {
        number("SELECT 1::bigint FROM (SELECT pg_stat_force_next_flush()) AS flush");
        return number("SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'queue')"
                + " + (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'queue')");
    }

    private long number(String sql) {
        return Mono.from(connection.createStatement(sql).execute())
                .flatMap(result -> Mono.from(result.map(row -> row.get(0, Long.class))))
                .block(LIMIT);
    }
}
