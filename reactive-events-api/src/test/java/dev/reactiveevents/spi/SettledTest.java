package dev.reactiveevents.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is still to be looked for after settlements that took the next events of their keys along. */
class SettledTest {

    private static final Settlement ANNA = settlement(Outcome.ACK, "orders", "anna");
    private static final Settlement BEN = settlement(Outcome.ACK, "orders", "ben");

    private static Settlement settlement(Outcome outcome, String channel, String key) {
        return new Settlement(outcome, channel, UUID.randomUUID(), key, UUID.randomUUID(), Duration.ZERO, null);
    }

    private static Claimed taken(String... keys) {
        List<ClaimedEvent> events = Stream.of(keys)
                .map(key -> new ClaimedEvent(
                        UUID.randomUUID(),
                        "orders",
                        null,
                        key,
                        "1",
                        null,
                        1,
                        Instant.EPOCH,
                        Instant.EPOCH,
                        Instant.EPOCH))
                .toList();
        return new Claimed("orders", events, List.of(), null, false, false);
    }

    private static List<Settlement> toBeLookedFor(Claimed next, Settlement... settlements) {
        List<SettleResult> results =
                Stream.of(settlements).map(settlement -> SettleResult.APPLIED).toList();
        return new Settled(results, next).toBeLookedFor(List.of(settlements));
    }

    @Test
    void aKeyWhoseNextEventWasTakenAlongNeedsNoLook() {
        assertThat(toBeLookedFor(taken("anna", "ben"), ANNA, BEN)).isEmpty();
    }

    @Test
    void aKeyOfWhichNothingWasTakenAlongDoes() {
        assertThat(toBeLookedFor(taken("ben"), ANNA, BEN)).containsExactly(ANNA);
        assertThat(toBeLookedFor(taken(), ANNA, BEN)).containsExactly(ANNA, BEN);
    }

    @Test
    void whereNothingWasLookedForAllDo() {
        Settlement withoutKey =
                new Settlement(Outcome.ACK, "orders", UUID.randomUUID(), UUID.randomUUID(), Duration.ZERO, null);

        assertThat(toBeLookedFor(null, ANNA, withoutKey, BEN)).containsExactly(ANNA, BEN);
    }

    @Test
    void otherOutcomesAndOtherChannelsDo() {
        Settlement retry = settlement(Outcome.RETRY, "orders", "anna");
        Settlement dead = settlement(Outcome.DEAD, "orders", "anna");
        Settlement elsewhere = settlement(Outcome.ACK, "bills", "anna");

        assertThat(toBeLookedFor(taken("anna"), retry, dead, elsewhere)).containsExactly(retry, dead, elsewhere);
    }

    @Test
    void whatWasNotAppliedFreesNothing() {
        Settled settled = new Settled(List.of(SettleResult.LOST, SettleResult.GONE, SettleResult.APPLIED), null);

        assertThat(settled.toBeLookedFor(List.of(ANNA, ANNA, BEN))).containsExactly(BEN);
    }
}
