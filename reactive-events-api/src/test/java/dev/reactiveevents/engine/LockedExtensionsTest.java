package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** An extension that found its event's row locked says nothing of the lease. */
class LockedExtensionsTest extends VirtualTimeEngine {

    private final List<SettleResult> extensions = new ArrayList<>();

    private Mono<List<SettleResult>> answer(List<Settlement> batch) {
        return Mono.just(batch.stream()
                .map(settlement -> settlement.outcome() != Outcome.EXTEND || extensions.isEmpty()
                        ? SettleResult.APPLIED
                        : extensions.remove(0))
                .toList());
    }

    private TestSubscriber<Boolean> extend(EventMessage message) {
        TestSubscriber<Boolean> extended = TestSubscriber.create();
        message.extend(Duration.ofMinutes(1)).subscribe(extended);
        return extended;
    }

    @Test
    void itIsTriedAgainUntilTheRowIsFree() {
        EventMessage message = delivered();
        backend.onSettle = this::answer;
        extensions.addAll(List.of(SettleResult.LOCKED, SettleResult.LOCKED));
        TestSubscriber<Boolean> extended = extend(message);
        assertThat(extended.isTerminated()).isFalse();
        assertThat(message.isLeaseLost()).isFalse();
        advance(Duration.ofMillis(200));

        assertThat(extended.getReceivedOnNext()).containsExactly(true);
        assertThat(extensions).isEmpty();
    }

    @Test
    void itIsTriedNoLongerThanTheLeaseLasts() {
        EventMessage message = delivered();
        backend.onSettle = batch ->
                Mono.just(batch.stream().map(settlement -> SettleResult.LOCKED).toList());
        TestSubscriber<Boolean> extended = extend(message);
        advance(Duration.ofSeconds(40));
        assertThat(extended.isTerminated()).isFalse();
        advance(Duration.ofSeconds(10));

        assertThat(extended.getReceivedOnNext()).containsExactly(false);
        assertThat(message.isLeaseLost()).isTrue();
    }

    private EventMessage renewed(Duration maxProcessingTime) {
        backend.store(1);
        SubscribeOptions options =
                SubscribeOptions.defaults().withRenewLeases(true).withMaxProcessingTime(maxProcessingTime);
        return subscribe("orders", options, 1).getReceivedOnNext().get(0);
    }

    /** However often it was tried, it is one call that waits, not one within the other. */
    @Test
    void itIsTriedForAsLongAsAnyLease() {
        channel = channel(ChannelOptions.defaults().withLease(Duration.ofHours(2)));
        EventMessage message = renewed(Duration.ofDays(1));
        backend.onSettle = batch ->
                Mono.just(batch.stream().map(settlement -> SettleResult.LOCKED).toList());
        TestSubscriber<Boolean> extended = extend(message);
        advance(Duration.ofHours(1));
        assertThat(extended.isTerminated()).isFalse();
        backend.onSettle = this::answer;
        advance(Duration.ofSeconds(1));
        assertThat(extended.getReceivedOnNext()).containsExactly(true);

        int sent = backend.settlements.size();
        advance(Duration.ofHours(2));
        assertThat(backend.settlements.size())
                .as("renewals, also after those that met the lock")
                .isGreaterThan(sent);
        assertThat(message.isLeaseLost()).isFalse();
    }

    @Test
    void aRenewalIsTriedNoLongerThanTheWorkMayTake() {
        Duration most = Duration.ofSeconds(20);
        EventMessage message = renewed(most);
        backend.onSettle = batch ->
                Mono.just(batch.stream().map(settlement -> SettleResult.LOCKED).toList());
        advance(most);
        assertThat(backend.settlements.size()).isGreaterThan(2);
        int sent = backend.settlements.size();
        advance(Duration.ofMinutes(2));

        assertThat(backend.settlements.size()).isEqualTo(sent);
        assertThat(message.isLeaseLost()).isTrue();
    }

    @Test
    void itIsTriedNoMoreOnceTheEventIsSettled() {
        EventMessage message = delivered();
        backend.onSettle = this::answer;
        extensions.addAll(List.of(SettleResult.LOCKED, SettleResult.LOST));
        TestSubscriber<Boolean> extended = extend(message);
        assertThat(message.ack().block()).isTrue();
        advance(Duration.ofMillis(200));

        assertThat(extended.getReceivedOnNext()).hasSize(1);
        assertThat(message.isLeaseLost()).isFalse();
    }

    /** It has the row until it ends, however long the lease is over. */
    @Test
    void aTransactionThatBeganMeanwhileLosesNothingByIt() {
        EventMessage message = delivered();
        Sinks.One<List<SettleResult>> late = Sinks.one();
        backend.onSettle = batch -> late.asMono();
        TestSubscriber<Boolean> extended = extend(message);
        assertThat(EventChannels.enlist(channel, message)).isNotNull();
        late.tryEmitValue(List.of(SettleResult.LOCKED));
        advance(Duration.ofHours(1));

        assertThat(extended.getReceivedOnNext()).containsExactly(true);
        assertThat(message.isLeaseLost()).isFalse();
    }
}
