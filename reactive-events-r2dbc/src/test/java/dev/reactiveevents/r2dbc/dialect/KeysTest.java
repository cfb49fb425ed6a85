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

    /** A look at all that is due, by a claim for a hundred events. */
    private void look(int taken, boolean full, Duration took) {
        keys.noteThatThereAre("orders");
        Look look = keys.look("orders", 100);
        keys.looked("orders", look, "", taken, false);
        keys.tookItsTime("orders", look, taken, full, took);
    }

    @Test
    void atFirstAllThatIsDueIsLookedAt() {
        assertThat(keys.settledWillDo("orders")).isFalse();
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
        assertThat(keys.untilNextLook("orders")).isZero();
    }

    @Test
    void afterALookInVainSettledKeysWillDoForNineTimesAsLongAsItTook() {
        look(49, false, TWO_MILLIS);
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
        look(0, false, Duration.ofSeconds(10));

        assertThat(keys.untilNextLook("orders")).isEqualTo(Duration.ofMillis(50));
    }

    @Test
    void withoutSettledKeysAllIsLookedAt() {
        look(0, false, TWO_MILLIS);
        assertThat(keys.settledWillDo("orders")).isFalse();
        settle("anna");
        assertThat(keys.settled("orders", 10).settled()).containsExactly("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void afterALookThatWasWorthItAllIsLookedAtAgain() {
        look(0, false, TWO_MILLIS);
        look(50, false, TWO_MILLIS);
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void afterAClaimThatGotAllItAskedForAllIsLookedAtAgain() {
        look(0, false, TWO_MILLIS);
        look(0, true, TWO_MILLIS); // of events without a key
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isFalse();
    }

    @Test
    void whatWasSettledIsNotWhatWasFound() {
        for (int i = 0; i < 60; i++) {
            settle("key" + i);
        }
        look(60, false, TWO_MILLIS);
        settle("anna");

        assertThat(keys.settledWillDo("orders")).isTrue();
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
}
