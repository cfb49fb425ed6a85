package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.SettleResult;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** Nobody is told that he has an event for longer than he has it, however long a claim was on its way. */
class LeaseEndsTest extends VirtualTimeEngine {

    private static final Duration CLAIM_TAKES = Duration.ofSeconds(15);
    private static final Duration LEASE = Duration.ofSeconds(20);
    private static final Duration GRANTED = LeaseKeeper.granted(LEASE);

    /** As the scripted events have it: the database leased them after the whole of that time. */
    private static final Instant FIRST_END = Instant.EPOCH.plus(CLAIM_TAKES).plus(GRANTED);

    private final Sinks.Empty<Void> answer = Sinks.empty();

    @BeforeEach
    void claimLong() {
        channel = channel(ChannelOptions.defaults().withLease(LEASE));
        backend.onClaim = claim -> answer.asMono().then(Mono.fromSupplier(() -> backend.take(claim)));
    }

    private EventMessage deliveredLate() {
        backend.store(1);
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withRenewLeases(false), 1);
        advance(CLAIM_TAKES);
        answer.tryEmitEmpty();
        return subscriber.getReceivedOnNext().get(0);
    }

    @Test
    void theDatabaseTellsTheFirst() {
        assertThat(deliveredLate().leaseExpiresAt()).isEqualTo(FIRST_END);
    }

    @Test
    void anExtensionCountsFromWhenItWasSent() {
        EventMessage message = deliveredLate();
        advance(Duration.ofSeconds(10));
        message.extend(GRANTED).subscribe();

        assertThat(message.leaseExpiresAt()).isEqualTo(FIRST_END.plusSeconds(10));
    }

    @Test
    void anExtensionShortensNothing() {
        EventMessage message = deliveredLate();
        message.extend(Duration.ofSeconds(20)).subscribe();

        assertThat(message.leaseExpiresAt()).isEqualTo(FIRST_END);
    }

    @Test
    void whatIsLostIsNotToldToBeHeldAnyLonger() {
        EventMessage message = deliveredLate();
        backend.onSettle = batch ->
                Mono.just(batch.stream().map(settlement -> SettleResult.LOST).toList());
        advance(Duration.ofSeconds(10));
        message.extend(GRANTED).subscribe();

        assertThat(message.leaseExpiresAt()).isEqualTo(Instant.EPOCH.plusSeconds(25));
    }
}
