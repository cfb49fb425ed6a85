package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
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

    private final ConnectionFactory database = ConnectionFactories.get(PostgresServer.freshDatabase());
    private final AtomicLong nanos = new AtomicLong();
    private final PostgresDialect dialect = new PostgresDialect();
    private final PostgresStatements statements =
            new PostgresStatements(QueueTable.of("queue"), Duration.ofHours(1), nanos::get);
    private Connection connection;
    private UUID token;

    @BeforeEach
    void open() {
        R2dbcEventChannel events = R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .queueTable("queue")
                .build();
        EventSchema.of(events).migrate().then(events.shutdown()).block(LIMIT);
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
        token = UUID.randomUUID();
        Claim claim = new Claim(
                token, Duration.ofHours(1), false, deadLetterKeys, List.of(new Claim.Request("orders", 1_000, 10)));
        return dialect.beginClaim(connection)
                .then(Mono.defer(() -> statements.claim(connection, claim, "test", () -> {})))
                .delayUntil(claimed -> dialect.commit(connection))
                .block(LIMIT)
                .get(0);
    }

    private List<String> claim() {
        return payloads(claim(DeadLetterKeys.FREE));
    }

    private static List<String> payloads(Claimed claimed) {
        return claimed.events().stream().map(ClaimedEvent::payload).toList();
    }

    /** Takes the first event of a key, by a look at all that is due, and settles it; the next claim looks at that key alone. */
    private void takeAndSettleTheFirst() {
        claim(DeadLetterKeys.FREE); // tells that there are keys
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
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
        insert(1, "anna", READY);
        insert(2, "anna", READY);
        takeAndSettleTheFirst();
        insert(3, "ben", READY);

        Claimed claimed = claim(DeadLetterKeys.FREE);
        assertThat(payloads(claimed)).containsExactly("2");
        assertThat(claimed.passedOver()).isFalse();
        assertThat(claimed.nextDue()).isPositive().isLessThanOrEqualTo(Duration.ofMillis(50));
        settle(claimed, Outcome.ACK);
        nanos.addAndGet(claimed.nextDue().toNanos() + 1_000);

        assertThat(claim()).containsExactly("3");
    }

    @Test
    void withoutSettledKeysOthersDoNotWait() {
        insert(1, "anna", READY);
        takeAndSettleTheFirst();
        assertThat(claim()).isEmpty();
        insert(2, "ben", READY);

        assertThat(claim()).containsExactly("2");
    }

    @Test
    void eachKeyGivesOneEvent() {
        for (int i = 1; i <= 3; i++) {
            insert(2 * i, "anna", READY);
            insert(2 * i + 1, "ben", READY);
        }
        claim();
        Claimed first = claim(DeadLetterKeys.FREE);
        assertThat(payloads(first)).containsExactlyInAnyOrder("2", "3");
        settle(first, Outcome.ACK);

        assertThat(claim()).containsExactlyInAnyOrder("4", "5");
        assertThat(claim()).isEmpty();
    }

    @Test
    void whatIsCommittedLateWithALowerNumberComesFirst() {
        for (int seq = 10; seq <= 13; seq++) {
            insert(seq, "anna", READY);
        }
        takeAndSettleTheFirst();
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
        insert(3, "anna", READY);

        assertThat(claim()).containsExactly("3");
    }

    @Test
    void whatIsFartherThanExpectedIsFound() {
        for (long seq : new long[] {1, 2, 3, 5_000}) {
            insert(seq, "anna", READY);
        }
        takeAndSettleTheFirst();
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);
        settle(claim(DeadLetterKeys.FREE), Outcome.ACK);

        assertThat(claim()).containsExactly("5000");
    }

    @Test
    void aDelayedEventHoldsItsKey() {
        insert(1, "anna", READY);
        insert(2, "anna", "'ready', NULL, now() + interval '1 hour'");
        insert(3, "anna", READY);
        takeAndSettleTheFirst();

        assertThat(claim()).isEmpty();
    }

    @Test
    void aRetryComesBeforeTheNext() {
        insert(1, "anna", READY);
        insert(2, "anna", READY);
        claim();
        settle(claim(DeadLetterKeys.FREE), Outcome.RETRY);

        assertThat(claim()).containsExactly("1");
    }

    @Test
    void aKeyThatAnotherProcessHoldsIsPassedOver() {
        insert(1, "anna", READY);
        insert(3, "anna", READY);
        takeAndSettleTheFirst();
        insert(2, "anna", HELD);

        assertThat(claim()).isEmpty();
    }

    @Test
    void aHolderThatLapsedComesFirst() {
        insert(1, "anna", READY);
        insert(3, "anna", READY);
        takeAndSettleTheFirst();
        insert(5, "anna", LAPSED);

        assertThat(claim()).containsExactly("5");
    }

    @Test
    void aDeadEventParksItsKeyIfThatIsWanted() {
        insert(1, "anna", READY);
        insert(2, "anna", READY);
        claim();
        settle(claim(DeadLetterKeys.FREE), Outcome.DEAD);

        assertThat(payloads(claim(DeadLetterKeys.PARK))).isEmpty();
    }

    @Test
    void aDeadEventFreesItsKeyOtherwise() {
        insert(1, "anna", READY);
        insert(2, "anna", READY);
        claim();
        settle(claim(DeadLetterKeys.FREE), Outcome.DEAD);

        assertThat(claim()).containsExactly("2");
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
        takeAndSettleTheFirst();
        for (int i = 0; i < 10; i++) {
            long before = rowsRead();
            Claimed claimed = claim(DeadLetterKeys.FREE);
            long read = rowsRead() - before;
            assertThat(claimed.events()).hasSize(100);
            assertThat(claimed.nextDue())
                    .as("told by a claim of settled keys")
                    .isLessThanOrEqualTo(Duration.ofMillis(50));
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
