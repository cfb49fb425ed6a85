package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the contract cannot see from outside, by a clock that stands until it is moved. */
class InMemoryBackendTest {

    private static final Duration LEASE = Duration.ofSeconds(10);
    private static final Duration RETENTION = Duration.ofHours(1);

    private Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private final InMemoryBackend backend = InMemoryBackend.create(() -> now, RETENTION);

    private UUID publish(@Nullable String key, Duration delay) {
        UUID id = UUID.randomUUID();
        publish(id, "a", key, delay);
        return id;
    }

    private void publish(UUID id, String channel, @Nullable String key, Duration delay) {
        backend.publish(List.of(new NewEvent(id, true, channel, null, key, "1", null, delay, null)))
                .block();
    }

    private Claimed claim(int limit, int maxAttempts, boolean suspects) {
        List<Claim.Request> requests = List.of(new Claim.Request("a", limit, maxAttempts));
        Claim claim = new Claim(UUID.randomUUID(), LEASE, suspects, requests);
        return Objects.requireNonNull(backend.claim(claim).block()).get(0);
    }

    private List<UUID> claim() {
        return claim(10, 10, false).events().stream().map(ClaimedEvent::eventId).toList();
    }

    private SettleResult settle(InMemoryBackend store, Outcome outcome, UUID id, UUID token) {
        Settlement settlement = new Settlement(outcome, "a", id, token, Duration.ZERO, null);
        return Objects.requireNonNull(store.settle(List.of(settlement)).block()).get(0);
    }

    private UUID claimUnderToken(InMemoryBackend store) {
        UUID token = UUID.randomUUID();
        store.claim(new Claim(token, LEASE, false, List.of(new Claim.Request("a", 10, 10))))
                .block();
        return token;
    }

    @Test
    void timeIsTheOneGiven() {
        UUID delayed = publish(null, Duration.ofMinutes(1));
        Claimed before = claim(10, 10, false);
        assertThat(before.events()).isEmpty();
        assertThat(before.nextDue()).isEqualTo(Duration.ofMinutes(1));
        now = now.plus(Duration.ofMinutes(1));
        assertThat(claim()).containsExactly(delayed);
    }

    @Test
    void aClockThatGoesBackIsIgnored() {
        UUID first = publish(null, Duration.ZERO);
        now = now.minusSeconds(60);
        UUID second = publish(null, Duration.ZERO);
        assertThat(claim()).containsExactly(first, second);
    }

    @Test
    void aSettleIsRecognisedWhenItIsRepeatedUnderItsToken() {
        for (Outcome outcome : List.of(Outcome.RELEASE, Outcome.RETRY, Outcome.ACK)) {
            UUID id = publish(null, Duration.ZERO);
            UUID token = claimUnderToken(backend);
            assertThat(settle(backend, outcome, id, token)).isEqualTo(SettleResult.APPLIED);
            assertThat(settle(backend, outcome, id, token)).isEqualTo(SettleResult.APPLIED);
            assertThat(settle(backend, Outcome.DEAD, id, token)).isEqualTo(SettleResult.LOST);
            settle(backend, Outcome.ACK, id, claimUnderToken(backend));
        }
    }

    @Test
    void withoutRetentionAnAckDeletes() {
        InMemoryBackend forgetful = InMemoryBackend.create(() -> now, Duration.ZERO);
        UUID id = UUID.randomUUID();
        forgetful
                .publish(List.of(new NewEvent(id, true, "a", null, null, "1", null, Duration.ZERO, null)))
                .block();
        UUID token = claimUnderToken(forgetful);
        assertThat(settle(forgetful, Outcome.ACK, id, token)).isEqualTo(SettleResult.APPLIED);
        assertThat(settle(forgetful, Outcome.ACK, id, token)).isEqualTo(SettleResult.GONE);
    }

    @Test
    void anIdIsForgottenWhenTheRetentionIsOver() {
        UUID id = publish(null, Duration.ZERO);
        settle(backend, Outcome.ACK, id, claimUnderToken(backend));
        publish(id, "a", null, Duration.ZERO);
        assertThat(claim()).isEmpty();
        now = now.plus(RETENTION);
        publish(id, "a", null, Duration.ZERO);
        assertThat(claim()).containsExactly(id);
    }

    @Test
    void aBatchWithAnIdOfAnotherChannelStoresNothing() {
        UUID taken = UUID.randomUUID();
        publish(taken, "b", null, Duration.ZERO);
        assertThatExceptionOfType(EventException.Invalid.class)
                .isThrownBy(() -> publish(taken, "a", null, Duration.ZERO))
                .withMessageContaining("\"b\"");
        assertThat(claim()).isEmpty();
    }

    @Test
    void aSuspectIsPassedOverUntilItIsAskedForAndCanStillBeSettled() {
        UUID id = publish(null, Duration.ZERO);
        UUID token = claimUnderToken(backend);
        now = now.plus(LEASE);
        Claimed passed = claim(10, 2, false);
        assertThat(passed.events()).isEmpty();
        assertThat(passed.suspects()).isTrue();
        assertThat(settle(backend, Outcome.EXTEND, id, token)).isEqualTo(SettleResult.APPLIED);
        Claimed alone = claim(10, 2, true);
        assertThat(alone.events()).extracting(ClaimedEvent::attempts).containsExactly(2);
        assertThat(settle(backend, Outcome.ACK, id, token)).isEqualTo(SettleResult.LOST);
    }

    @Test
    void anExhaustedEventIsReportedOnceAndLost() {
        UUID id = publish(null, Duration.ZERO);
        UUID token = claimUnderToken(backend);
        now = now.plus(LEASE);
        assertThat(claim(10, 1, false).exhausted()).containsExactly(id);
        assertThat(claim(10, 1, false)).isEqualTo(new Claimed("a", List.of(), List.of(), null, false, false));
        assertThat(settle(backend, Outcome.ACK, id, token)).isEqualTo(SettleResult.LOST);
    }

    @Test
    void eventsOfAKeyAreTakenOneAfterTheOther() {
        UUID first = publish("k", Duration.ZERO);
        UUID second = publish("k", Duration.ZERO);
        UUID other = publish("l", Duration.ZERO);
        assertThat(claim()).containsExactly(first, other);
        assertThat(claim(10, 10, false).passedOver()).isTrue();
        now = now.plus(LEASE);
        UUID token = claimUnderToken(backend);
        assertThat(settle(backend, Outcome.ACK, first, token)).isEqualTo(SettleResult.APPLIED);
        assertThat(claim()).containsExactly(second);
    }

    @Test
    void itDoesNotKnowWhoHoldsALease() {
        UUID id = publish(null, Duration.ZERO);
        claim();
        assertThat(backend.upkeep().leases("a", 10).block())
                .containsExactly(new LeaseHolder(id.toString(), "a", null, 1, now.plus(LEASE)));
    }

    /** They took 1 to 20 seconds. */
    @Test
    void processingTimesAreRanked() {
        for (int seconds = 1; seconds <= 20; seconds++) {
            UUID id = publish(null, Duration.ZERO);
            now = now.plusSeconds(seconds);
            settle(backend, Outcome.ACK, id, claimUnderToken(backend));
        }
        Inspection inspection =
                EventChannels.over(backend, ChannelOptions.defaults()).inspect();
        assertThat(inspection.processingTimes("a", 10_000).block())
                .isEqualTo(new ProcessingTimes(
                        "a", 20, Duration.ofSeconds(10), Duration.ofSeconds(19), Duration.ofSeconds(20)));
        assertThat(inspection.processingTimes("a", 3).block())
                .isEqualTo(new ProcessingTimes(
                        "a", 3, Duration.ofSeconds(19), Duration.ofSeconds(20), Duration.ofSeconds(20)));
        assertThat(inspection.processingTimes("b", 3).block()).isEqualTo(new ProcessingTimes("b", 0, null, null, null));
    }

    @Test
    void processingTimesCountFromTheLastTimeThatAnEventWasDue() {
        UUID id = publish(null, Duration.ofMinutes(1));
        now = now.plus(Duration.ofMinutes(1)).plusSeconds(1);
        UUID token = claimUnderToken(backend);
        now = now.plusSeconds(1);
        assertThat(settle(backend, Outcome.RETRY, id, token)).isEqualTo(SettleResult.APPLIED);
        now = now.plusSeconds(5);
        settle(backend, Outcome.ACK, id, claimUnderToken(backend));
        assertThat(backend.upkeep().processingTimes("a", 10).block()).containsExactly(Duration.ofSeconds(5));
    }

    @Test
    void aDelayedEventHoldsItsKey() {
        UUID first = publish("k", Duration.ofMinutes(1));
        publish("k", Duration.ZERO);
        assertThat(claim()).isEmpty();
        now = now.plus(Duration.ofMinutes(1));
        assertThat(claim()).containsExactly(first);
    }

    @Test
    void itsChannelsShareItsEvents() {
        EventChannel one = backend.channel();
        EventChannel two = backend.channel();
        String id = Objects.requireNonNull(one.publish("a", "hello").block());
        one.shutdown().block();
        EventMessage message =
                Objects.requireNonNull(two.receive("a", Duration.ZERO).block());
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(message.ack().block()).isTrue();
        two.shutdown().block();
    }
}
