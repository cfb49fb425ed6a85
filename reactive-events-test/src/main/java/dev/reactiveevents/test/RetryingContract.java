package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

abstract class RetryingContract extends ContractGroup {

    private static final Duration DELAY = Duration.ofMillis(500);

    RetryingContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsComeAgain() {
        requires(Capability.RETRY);
    }

    private Inbox deliver(EventChannel events) {
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "to be retried"));
        return inbox;
    }

    @Test
    void aNackedEventComesAgainAndItsAttemptsCountUp() {
        Inbox inbox = deliver(open());
        for (int attempt = 1; attempt <= 5; attempt++) {
            EventMessage message = inbox.next();
            assertThat(message.attempts()).isEqualTo(attempt);
            assertThat(await(message.nack(Duration.ZERO))).isTrue();
        }
    }

    @Test
    void aNackWithADelayComesAgainAfterItAndNotBefore() {
        Inbox inbox = deliver(open());
        EventMessage message = inbox.next();
        long nacked = System.nanoTime();
        assertThat(await(message.nack(DELAY))).isTrue();
        EventMessage again = inbox.next();
        assertThat(Duration.ofNanos(System.nanoTime() - nacked)).isBetween(DELAY, DELAY.plus(AT_ONCE));
        assertThat(again.availableAt()).isAfterOrEqualTo(message.availableAt().plus(DELAY));
    }

    @Test
    void aPlainNackWaitsAsTheChannelsPolicySays() {
        Inbox inbox = deliver(open(OPTIONS.withRetryPolicy(RetryPolicy.fixed(DELAY))));
        EventMessage message = inbox.next();
        long nacked = System.nanoTime();
        assertThat(await(message.nack())).isTrue();
        assertThat(inbox.next().attempts()).isEqualTo(2);
        assertThat(Duration.ofNanos(System.nanoTime() - nacked)).isBetween(DELAY, DELAY.plus(AT_ONCE));
    }

    @Test
    void thePolicyIsToldHowManyDeliveriesFailed() {
        List<Integer> failures = new CopyOnWriteArrayList<>();
        RetryPolicy noting = RetryPolicy.custom(count -> {
            failures.add(count);
            return Duration.ZERO;
        });
        Inbox inbox = deliver(open(OPTIONS.withRetryPolicy(noting)));
        for (int i = 0; i < 3; i++) {
            await(inbox.next().nack());
        }
        assertThat(failures).containsExactly(1, 2, 3);
    }

    @Test
    void afterTheLastAttemptANackMakesADeadLetter() {
        ChannelOptions threeAttempts = OPTIONS.withMaxAttempts(3).withRetryPolicy(RetryPolicy.fixed(Duration.ZERO));
        EventChannel events = open(threeAttempts);
        Inbox inbox = deliver(events);
        await(inbox.next().nack());
        await(inbox.next().nack(Duration.ZERO));
        EventMessage last = inbox.next();
        assertThat(last.attempts()).isEqualTo(3);
        assertThat(await(last.nack())).isTrue();
        assertNothingElse(events, inbox);
    }

    @Test
    void afterTheLastAttemptANackWithADelayMakesADeadLetterToo() {
        EventChannel events = open(OPTIONS.withMaxAttempts(1));
        Inbox inbox = deliver(events);
        assertThat(await(inbox.next().nack(Duration.ZERO))).isTrue();
        assertNothingElse(events, inbox);
    }

    @Test
    void aRejectedEventIsNotDeliveredAnyMore() {
        EventChannel events = open(LAPSING);
        Inbox inbox = deliver(events);
        assertThat(await(inbox.next().reject("poison"))).isTrue();
        awaitLapse(SHORT_LEASE);
        inbox.assertEmpty();
        assertNothingElse(events, inbox);
    }

    @Test
    void withoutRetriesANackMakesADeadLetter() {
        EventChannel events = open(OPTIONS.withRetryPolicy(RetryPolicy.none()));
        Inbox inbox = deliver(events);
        assertThat(await(inbox.next().nack())).isTrue();
        assertNothingElse(events, inbox);
    }

    @Test
    void aRetriedEventDoesNotHoldUpTheOthers() {
        EventChannel events = open();
        Inbox inbox = deliver(events);
        assertThat(await(inbox.next().nack(Duration.ofMinutes(1)))).isTrue();
        publish(events, 10);
        assertThat(numbers(inbox.next(10))).isEqualTo(numbers(0, 10));
    }

    @Test
    void aRetriedEventKeepsWhatWasPublished() {
        Inbox inbox = deliver(open());
        EventMessage first = inbox.next();
        await(first.nack(Duration.ZERO));
        EventMessage again = inbox.next();
        assertThat(again.eventId()).isEqualTo(first.eventId());
        assertThat(again.payload()).isEqualTo(first.payload());
        assertThat(again.publishedAt()).isEqualTo(first.publishedAt());
    }
}
