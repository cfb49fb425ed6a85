package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Claims that look at settled keys alone keep the order of each key all the same. */
class PostgresSettledKeysTest extends PostgresKeyedQueue {

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
}
