package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.dialect.QueueStatements.Done;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Settlements that take the next events of the keys along that they free keep the order of each key. */
class PostgresNextOfKeysTest extends PostgresKeyedQueue {

    private static final Duration LONGEST_REST = Duration.ofMillis(50);

    private Done settleAndTake(Map<Outcome, List<Settlement>> settlements, DeadLetterKeys deadLetterKeys) {
        token = UUID.randomUUID();
        int acknowledged = settlements.getOrDefault(Outcome.ACK, List.of()).size();
        Claim claim = new Claim(
                token,
                Duration.ofHours(1),
                false,
                deadLetterKeys,
                List.of(new Claim.Request("orders", acknowledged, 10)));
        return Objects.requireNonNull(
                statements.settle(connection, settlements, claim, "test").block(LIMIT));
    }

    private Done settleAndTake(List<Settlement> settlements) {
        return settleAndTake(Map.of(Outcome.ACK, settlements), DeadLetterKeys.FREE);
    }

    private List<String> taken(List<Settlement> settlements) {
        Done done = settleAndTake(settlements);
        assertThat(done.applied()).hasSameSizeAs(settlements).containsOnly(true);
        return payloads(Objects.requireNonNull(done.next()));
    }

    private List<String> taken(Claimed held) {
        return taken(settlements(held, Outcome.ACK));
    }

    private static List<Settlement> ofKey(String key, List<Settlement> settlements) {
        return settlements.stream()
                .filter(settlement -> key.equals(settlement.key()))
                .toList();
    }

    private String status(long seq) {
        return text("SELECT status::text FROM queue WHERE seq = " + seq);
    }

    private String eventId(long seq) {
        return text("SELECT event_id::text FROM queue WHERE seq = " + seq);
    }

    private String text(String sql) {
        return Objects.requireNonNull(Mono.from(connection.createStatement(sql).execute())
                .flatMap(result -> Mono.from(result.map(row -> row.get(0, String.class))))
                .block(LIMIT));
    }

    private void execute(String sql) {
        PostgresServer.execute(database, sql);
    }

    // == What is taken ==

    @Test
    void itIsTheFirstEventOfEachKey() {
        Claimed held = holding("anna", "ben", "carl");
        for (int i = 1; i <= 2; i++) {
            insert(200 + i, "anna", READY);
            insert(210 + i, "ben", READY);
        }
        insert(221, "dora", READY);

        assertThat(taken(held)).containsExactlyInAnyOrder("201", "211");
        assertThat(text("SHOW lock_timeout")).as("afterwards").isEqualTo("0");
        assertThat(status(101)).isEqualTo("acked");
        assertThat(status(202)).isEqualTo("ready");
        assertThat(number("SELECT count(*) FROM queue WHERE status = 'leased' AND lease_token = '" + token
                        + "' AND leased_by = 'test' AND attempts = 1 AND available_at > now() + interval '59 minutes'"))
                .isEqualTo(2);
    }

    @Test
    void itIsToldAsByAClaim() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        execute("UPDATE queue SET attempts = 2, type = 'ordered', metadata = '{\"a\": \"b\"}',"
                + " created_at = '2026-01-01 00:00:00Z', deliver_at = '2026-01-01 00:00:01Z' WHERE seq = 201");
        ClaimedEvent event = Objects.requireNonNull(
                        settleAndTake(settlements(held, Outcome.ACK)).next())
                .events()
                .get(0);

        assertThat(event.channel()).isEqualTo("orders");
        assertThat(event.type()).isEqualTo("ordered");
        assertThat(event.key()).isEqualTo("anna");
        assertThat(event.payload()).isEqualTo("201");
        assertThat(event.metadata()).isEqualTo("{\"a\": \"b\"}");
        assertThat(event.attempts()).isEqualTo(3);
        assertThat(event.publishedAt()).isEqualTo("2026-01-01T00:00:00Z");
        assertThat(event.availableAt()).isEqualTo("2026-01-01T00:00:01Z");
        assertThat(event.leaseExpiresAt())
                .isBetween(Instant.now().plusSeconds(3_000), Instant.now().plusSeconds(3_700));
        assertThat(event.eventId()).hasToString(eventId(201));
    }

    @Test
    void oneAfterTheOther() {
        Claimed held = holding("anna");
        for (int i = 201; i <= 205; i++) {
            insert(i, "anna", READY);
        }
        List<Settlement> settlements = settlements(held, Outcome.ACK);
        for (int i = 201; i <= 205; i++) {
            Claimed next = Objects.requireNonNull(settleAndTake(settlements).next());
            assertThat(payloads(next)).containsExactly(String.valueOf(i));
            settlements = settlements(next, Outcome.ACK);
        }
        assertThat(taken(settlements)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"o'hara", "a\"b", "back\\slash", "comma,{brace}", "NULL", "ключ", "$1", " "})
    void aKeyMayBeAnyText(String key) {
        Claimed held = holding(key);
        insert(201, key, READY);

        assertThat(taken(held)).containsExactly("201");
    }

    @Test
    void whatIsCommittedLateWithALowerNumberComesFirst() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        insert(50, "anna", READY);

        assertThat(taken(held)).containsExactly("50");
    }

    @Test
    void whatIsFartherThanExpectedIsFound() {
        Claimed held = holding("anna");
        insert(5_000, "anna", READY);

        assertThat(taken(held)).containsExactly("5000");
    }

    @Test
    void aSessionThatHasForgottenItIsTaughtAgain() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        insert(202, "anna", READY);
        assertThat(taken(held)).containsExactly("201");
        Settlement next = new Settlement(
                Outcome.ACK, "orders", UUID.fromString(eventId(201)), "anna", token, Duration.ZERO, null);
        Flux.from(connection.createStatement("DEALLOCATE ALL").execute())
                .flatMap(result -> result.getRowsUpdated())
                .blockLast(LIMIT);

        assertThat(taken(List.of(next))).containsExactly("202");
    }

    // == What is left to claims ==

    @Test
    void aDelayedEventHoldsItsKey() {
        Claimed held = holding("anna", "ben");
        insert(201, "anna", "'ready', NULL, now() + interval '1 hour'");
        insert(202, "anna", READY);
        insert(203, "ben", READY);

        assertThat(taken(held)).containsExactly("203");
    }

    @Test
    void aSuspectIsLeftToClaimsOfSuspects() {
        Claimed held = holding("anna", "ben");
        insert(201, "anna", READY);
        insert(202, "ben", READY);
        execute("UPDATE queue SET lapses = 2 WHERE seq = 201");

        assertThat(taken(held)).containsExactly("202");
        assertThat(status(201)).isEqualTo("ready");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aDeadEventParksItsKeyIfThatIsWanted(boolean parks) {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        insert(50, "anna", "'dead', NULL, NULL");
        Done done = settleAndTake(
                Map.of(Outcome.ACK, settlements(held, Outcome.ACK)), parks ? DeadLetterKeys.PARK : DeadLetterKeys.FREE);

        assertThat(payloads(Objects.requireNonNull(done.next()))).hasSize(parks ? 0 : 1);
    }

    @Test
    void whatOtherOutcomesFreeIsNotTaken() {
        Claimed held = holding("anna", "ben", "carl");
        insert(201, "anna", READY);
        insert(202, "ben", READY);
        insert(203, "carl", READY);
        Map<Outcome, List<Settlement>> byOutcome = new EnumMap<>(Outcome.class);
        byOutcome.put(Outcome.ACK, ofKey("anna", settlements(held, Outcome.ACK)));
        byOutcome.put(Outcome.RETRY, ofKey("ben", settlements(held, Outcome.RETRY)));
        byOutcome.put(Outcome.DEAD, ofKey("carl", settlements(held, Outcome.DEAD)));
        Done done = settleAndTake(byOutcome, DeadLetterKeys.FREE);

        assertThat(done.applied()).containsExactly(true, true, true);
        assertThat(payloads(Objects.requireNonNull(done.next()))).containsExactly("201");
        assertThat(status(102)).isEqualTo("ready");
        assertThat(status(103)).isEqualTo("dead");
    }

    @Test
    void keysOfOtherChannelsAreOthers() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        execute("UPDATE queue SET channel = 'others' WHERE seq = 101");
        Settlement settlement = settlements(held, Outcome.ACK).get(0);
        Settlement ofOthers = new Settlement(
                Outcome.ACK, "others", settlement.eventId(), "anna", settlement.leaseToken(), Duration.ZERO, null);

        assertThat(taken(List.of(ofOthers))).isEmpty();
    }

    // == Where the lease was lost, or others are at work ==

    /** All settlements are applied nevertheless, each that may be. */
    @Test
    void whereAnotherConsumerHoldsTheKeyNothingIsTaken() {
        Claimed held = holding("anna", "ben");
        insert(201, "anna", READY);
        insert(202, "ben", READY);
        execute("UPDATE queue SET lease_token = gen_random_uuid() WHERE seq = 101");
        Done done = settleAndTake(settlements(held, Outcome.ACK));

        assertThat(done.next()).isNull();
        assertThat(done.applied()).containsExactlyInAnyOrder(false, true);
        assertThat(status(101)).isEqualTo("leased");
        assertThat(status(102)).isEqualTo("acked");
        assertThat(status(201)).isEqualTo("ready");
        assertThat(status(202)).isEqualTo("ready");
    }

    @Test
    void whatWasGivenBackMeanwhileComesBeforeTheNext() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        execute("UPDATE queue SET status = 'ready', lease_token = NULL, available_at = now() WHERE seq = 101");
        Done done = settleAndTake(settlements(held, Outcome.ACK));

        assertThat(done.applied()).containsExactly(false);
        assertThat(payloads(Objects.requireNonNull(done.next()))).containsExactly("101");
    }

    /** As the withdrawal of an event in a transaction that takes its time. */
    @Test
    void whatSomebodyWorksOnInATransactionIsNotWaitedFor() {
        Claimed held = holding("anna", "ben");
        insert(201, "anna", READY);
        insert(202, "ben", READY);
        Connection other =
                Objects.requireNonNull(Mono.<Connection>from(database.create()).block(LIMIT));
        Mono.from(other.beginTransaction()).block(LIMIT);
        Flux.from(other.createStatement("DELETE FROM queue WHERE seq = 201").execute())
                .flatMap(result -> result.getRowsUpdated())
                .blockLast(LIMIT);
        Done done = settleAndTake(settlements(held, Outcome.ACK));

        assertThat(done.next()).isNull();
        assertThat(done.applied()).containsExactly(true, true);
        Mono.from(other.rollbackTransaction()).block(LIMIT);
        Mono.from(other.close()).block(LIMIT);
        assertThat(status(101)).isEqualTo("acked");
        assertThat(status(102)).isEqualTo("acked");
        assertThat(status(201)).isEqualTo("ready");
    }

    // == When it is worth it, and what claims do meanwhile ==

    @Test
    void itIsNotWorthItBeforeALookFoundLittleElse() {
        assertThat(statements.takesNext("orders")).isFalse();
        insert(1, "anna", READY);
        claim(); // tells that there are keys
        assertThat(claim()).containsExactly("1");
        assertThat(statements.takesNext("orders")).isFalse();
    }

    @Test
    void whatIsPublishedMeanwhileIsFoundWhenItIsTimeToLookAtAllThatIsDue() {
        Claimed held = holding("anna");
        assertThat(statements.takesNext("orders")).isTrue();
        insert(201, "anna", READY);
        insert(202, "dora", READY);
        assertThat(taken(held)).containsExactly("201");
        Claimed resting = claim(DeadLetterKeys.FREE);
        assertThat(resting.events()).isEmpty();
        assertThat(resting.passedOver()).isFalse();
        assertThat(resting.nextDue()).isPositive().isLessThanOrEqualTo(LONGEST_REST);
        nanos.addAndGet(Objects.requireNonNull(resting.nextDue()).toNanos());
        Claimed look = claim(DeadLetterKeys.FREE);

        assertThat(payloads(look)).containsExactly("202");
        assertThat(statements.takesNext("orders"))
                .as("as much was found as was taken along")
                .isFalse();
    }

    @Test
    void aLookThatFindsLessThanWasTakenAlongIsFollowedByTheNextAfterARest() {
        Claimed held = holding("anna", "ben");
        insert(201, "anna", READY);
        insert(202, "ben", READY);
        insert(203, "dora", READY);
        assertThat(taken(held)).containsExactlyInAnyOrder("201", "202");
        insert(211, "anna", READY); // which is held
        nanos.addAndGet(LONGEST_REST.toNanos());
        Claimed look = claim(DeadLetterKeys.FREE);

        assertThat(payloads(look)).containsExactly("203");
        assertThat(look.passedOver()).as("it is looked at after the rest").isFalse();
        assertThat(look.nextDue()).isPositive().isLessThanOrEqualTo(LONGEST_REST);
        assertThat(statements.takesNext("orders")).isTrue();
        assertThat(claim()).as("nothing was taken along since").isEmpty();
        assertThat(statements.takesNext("orders")).isFalse();
    }

    @Test
    void aClaimOfNothingAsksTheDatabaseAllTheSame() {
        Claimed held = holding("anna");
        insert(201, "anna", READY);
        assertThat(taken(held)).containsExactly("201");
        execute("ALTER TABLE queue RENAME TO away");

        assertThat(claim(DeadLetterKeys.FREE).events()).isEmpty();
        assertThat(Mono.fromSupplier(() -> claim(DeadLetterKeys.FREE, 0))
                        .materialize()
                        .block(LIMIT)
                        .isOnError())
                .isTrue();
    }
}
