package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.Keys.Look;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class KeysTest {

    private static final Duration TWO_MILLIS = Duration.ofMillis(2);

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 1_000); // it may run over
    private final Keys keys = new Keys(nanos::get);

    private void settle(String key) {
        keys.settled(List.of(
                new Settlement(Outcome.ACK, "orders", UUID.randomUUID(), key, UUID.randomUUID(), Duration.ZERO, null)));
    }

    /** A look at all that is due. */
    private void look(int taken, int ofSettled, boolean full, Duration took) {
        keys.noteThatThereAre("orders");
        keys.lookedAtAll("orders", taken, ofSettled, full, took, null);
    }

    @Test
    void atFirstAllThatIsDueIsLookedAt() {
        assertThat(keys.settledWillDo("orders")).isFalse();
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
        assertThat(keys.untilNextLook("orders")).isZero();
    }

    @Test
    void whereMostWasOfSettledKeysTheseWillDoForNineTimesAsLongAsTheLookTook() {
        look(99, 50, false, TWO_MILLIS);
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isTrue();
        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(18));
        nanos.addAndGet(Duration.ofMillis(18).toNanos() - 1);
        assertThat(keys.settledWillDo("orders")).isTrue();
        nanos.addAndGet(1);
        assertThat(keys.settledWillDo("orders")).isFalse();
        assertThat(keys.untilNextLook("orders")).isZero();
    }

    @Test
    void theyDoForATwentiethOfASecondAtMost() {
        look(1, 1, false, Duration.ofSeconds(10));

        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(50));
    }

    @Test
    void theyDoNotDoForLongerThanUntilSomethingIsDue() {
        keys.noteThatThereAre("orders");
        keys.lookedAtAll("orders", 1, 1, false, TWO_MILLIS, Duration.ofMillis(3));

        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(3));
    }

    @Test
    void aRetryIsLookedForWhenItIsDue() {
        look(1, 1, false, TWO_MILLIS);
        keys.settled(List.of(new Settlement(
                Outcome.RETRY, "orders", UUID.randomUUID(), "anna", UUID.randomUUID(), Duration.ofMillis(5), null)));
        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(5));
        keys.settled(List.of(new Settlement(
                Outcome.RETRY, "orders", UUID.randomUUID(), "ben", UUID.randomUUID(), Duration.ofMillis(9), null)));

        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(5));
    }

    @Test
    void aRetryWithoutAKeyIsLookedForWhenItIsDue() {
        look(1, 1, false, TWO_MILLIS);
        keys.settled(List.of(new Settlement(
                Outcome.RETRY, "orders", UUID.randomUUID(), UUID.randomUUID(), Duration.ofMillis(5), null)));

        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(5));
        keys.settled(List.of(
                new Settlement(Outcome.RELEASE, "orders", UUID.randomUUID(), UUID.randomUUID(), Duration.ZERO, null)));
        assertThat(keys.untilNextLook("orders")).isZero();
    }

    @Test
    void eventsWithoutAKeyDoNotMakeAChannelOneWithKeys() {
        keys.settled(List.of(new Settlement(
                Outcome.RETRY, "orders", UUID.randomUUID(), UUID.randomUUID(), Duration.ofMillis(5), null)));

        assertThat(keys.has("orders")).isFalse();
    }

    @Test
    void withoutSettledKeysAllIsLookedAt() {
        look(1, 1, false, TWO_MILLIS);
        assertThat(keys.settledWillDo("orders")).isFalse();
        settle("anna");
        assertThat(keys.settled("orders", 10).settled()).containsExactly("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void afterALookThatFoundMoreOfOthersAllIsLookedAtAgain() {
        look(1, 1, false, TWO_MILLIS);
        look(100, 50, false, TWO_MILLIS);
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void afterALookThatFoundNothingAllIsLookedAtAgain() {
        look(0, 0, false, TWO_MILLIS);
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void afterALookThatGotAllItAskedForAllIsLookedAtAgain() {
        look(1, 1, false, TWO_MILLIS);
        look(100, 100, true, TWO_MILLIS);
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void whereNothingIsLeftByALookThatGotAllOfSettledKeysTheseWillDo() {
        look(100, 100, true, TWO_MILLIS);
        look(0, 0, false, TWO_MILLIS);
        settle("anna");
        assertThat(keys.settledWillDo("orders")).isTrue();

        look(0, 0, false, TWO_MILLIS);
        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void whereNothingIsLeftByALookThatGotMoreOfOthersAllIsLookedAtAgain() {
        look(100, 40, true, TWO_MILLIS);
        look(0, 0, false, TWO_MILLIS);
        settle("anna");
        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void looksThatAreRarerLookAtMoreKeys() {
        keys.noteThatThereAre("orders");
        for (int i = 0; i < 20; i++) {
            Look look = keys.look("orders", 1_000);
            keys.looked("orders", look, "", 0, true);
        }
        assertThat(keys.look("orders", 1_000).most()).isEqualTo(32);
        look(1, 1, false, TWO_MILLIS);

        assertThat(keys.look("orders", 1_000).most()).isEqualTo(128);
        assertThat(keys.look("orders", 100).most()).isEqualTo(100);

        look(100, 100, true, TWO_MILLIS);
        assertThat(keys.look("orders", 1_000).most())
                .as("behind one that got all of settled keys")
                .isEqualTo(128);
    }

    @Test
    void aClaimThatFailedGivesItsKeysBack() {
        settle("anna");
        settle("ben");
        Look look = keys.settled("orders", 1);
        assertThat(look.settled()).containsExactly("anna");
        keys.notLooked("orders", look);

        assertThat(keys.settled("orders", 10).settled()).containsExactly("ben", "anna");
    }

    // == What settlements take along ==

    @Test
    void settlementsTakeNothingAlongBeforeALookFoundLittleElse() {
        assertThat(keys.isResting("orders")).isFalse();
        look(100, 50, false, TWO_MILLIS);
        assertThat(keys.isResting("orders")).isFalse();
        look(99, 50, false, TWO_MILLIS);
        assertThat(keys.isResting("orders")).isTrue();
        nanos.addAndGet(Duration.ofSeconds(1).toNanos());

        assertThat(keys.isResting("orders"))
                .as("until the next look, which is due")
                .isTrue();
    }

    @Test
    void whatTheyTookAlongIsOfSettledKeysForTheNextLook() {
        look(1, 1, false, TWO_MILLIS);
        keys.tookNext("orders", 30);
        keys.tookNext("orders", 21);
        look(100, 25, false, TWO_MILLIS); // 76 of 151 in all

        assertThat(keys.isResting("orders")).isTrue();
        look(1, 0, false, TWO_MILLIS);
        assertThat(keys.isResting("orders")).isFalse();
    }

    @Test
    void whereTheyTakeAlongAllThatThereIsAClaimNeedNotLook() {
        look(1, 1, false, TWO_MILLIS);
        assertThat(keys.nextWillDo("orders")).as("nothing was taken along").isFalse();
        keys.tookNext("orders", 1);
        assertThat(keys.nextWillDo("orders")).isTrue();
        settle("anna");
        assertThat(keys.nextWillDo("orders")).as("a key is settled").isFalse();
        keys.settled("orders", 10);
        assertThat(keys.nextWillDo("orders")).isTrue();
        nanos.addAndGet(Duration.ofMillis(18).toNanos());

        assertThat(keys.nextWillDo("orders")).isFalse();
    }
}
