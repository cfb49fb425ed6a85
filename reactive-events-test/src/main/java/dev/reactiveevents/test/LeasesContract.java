package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

abstract class LeasesContract extends ContractGroup {

    private static final Duration LONG = Duration.ofMinutes(1);

    /** How far the clocks of this process and of the store, and the hand-over here and its note there, may be apart. */
    private static final Duration TOLERANCE = Duration.ofMillis(50);

    LeasesContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void leasesLapse() {
        requires(Capability.RETRY);
    }

    @Test
    void aLapsedEventIsDeliveredAgain() {
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, "lapses"));
        assertThat(inbox.next().attempts()).isEqualTo(1);
        EventMessage again = inbox.next();
        assertThat(again.eventId()).isEqualTo(id);
        assertThat(again.attempts()).isEqualTo(2);
    }

    @Test
    void lateAckAnswersFalseOnceSomebodyElseHasTheEvent() {
        EventChannel first = open(LAPSING);
        await(first.publish(channel, "lapses"));
        EventMessage lapsed = await(first.receive(channel, AWAIT));
        EventMessage taken = await(open().receive(channel, AWAIT));
        assertThat(taken.attempts()).isEqualTo(2);
        assertThat(await(lapsed.ack())).isFalse();
        assertThat(await(lapsed.nack())).isFalse();
        assertThat(await(lapsed.extend(LONG))).isFalse();
        assertThat(await(taken.ack())).isTrue();
    }

    @Test
    void lateRejectChangesNothingOnceSomebodyElseHasTheEvent() {
        EventChannel first = open(LAPSING);
        await(first.publish(channel, "lapses"));
        EventMessage lapsed = await(first.receive(channel, AWAIT));
        EventMessage taken = await(open().receive(channel, AWAIT));
        assertThat(await(lapsed.reject("too late"))).isFalse();
        assertThat(await(taken.ack())).isTrue();
    }

    @Test
    void anAckAfterTheLapseAnswersTrueIfNobodyTookTheEvent() {
        EventChannel events = open(LAPSING);
        await(events.publish(channel, "lapses"));
        EventMessage lapsed = await(events.receive(channel, AWAIT));
        awaitLapse(SHORT_LEASE);
        assertThat(await(lapsed.ack())).isTrue();
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void anAckedEventCannotBeRevivedByItsEarlierConsumer() {
        EventChannel first = open(LAPSING);
        await(first.publish(channel, "lapses"));
        EventMessage lapsed = await(first.receive(channel, AWAIT));
        assertThat(await(await(open().receive(channel, AWAIT)).ack())).isTrue();
        assertThat(await(lapsed.nack(Duration.ZERO))).isFalse();
        assertNothingElse(first, subscribe(first));
    }

    @Test
    void aMessageIsOwnedForItsLeaseAndComesAgainAtOneAndAHalfOfItAtTheLatest() {
        EventChannel owner = open(LAPSING);
        Inbox inbox = subscribe(owner, 1);
        Inbox other = subscribe(open(LAPSING.withPollInterval(Duration.ofMillis(20))), 0);
        await(owner.publish(channel, "lapses"));
        inbox.next();
        long handedOver = System.nanoTime();
        other.request(1);
        other.next();
        Duration owned = Duration.ofNanos(System.nanoTime() - handedOver);
        Duration latest = SHORT_LEASE.multipliedBy(3).dividedBy(2);
        assertThat(owned).isBetween(SHORT_LEASE.minus(TOLERANCE), latest.plus(AT_ONCE));
    }

    @Test
    void theLeaseEndsInTheFutureAndNoLaterThanOneAndAHalfTimesItsLength() {
        EventChannel events = open();
        await(events.publish(channel, "leased"));
        EventMessage message = await(events.receive(channel, AWAIT));
        Instant now = Instant.now();
        assertThat(message.leaseExpiresAt())
                .isBetween(
                        now.plus(OPTIONS.lease()).minus(AT_ONCE),
                        now.plus(OPTIONS.lease().multipliedBy(3).dividedBy(2)).plus(AT_ONCE));
    }

    @Test
    void extendKeepsTheEventForLonger() {
        EventChannel events = open(LAPSING);
        await(events.publish(channel, "extended"));
        EventMessage message = await(events.receive(channel, AWAIT));
        Instant before = message.leaseExpiresAt();
        assertThat(await(message.extend(LONG))).isTrue();
        assertThat(message.leaseExpiresAt()).isAfter(before.plus(LONG.dividedBy(2)));
        Inbox other = subscribe(open());
        awaitLapse(SHORT_LEASE);
        other.assertEmpty();
        assertThat(await(message.ack())).isTrue();
    }

    @Test
    void extendNeverShortensALease() {
        EventChannel events = open();
        await(events.publish(channel, "extended"));
        EventMessage message = await(events.receive(channel, AWAIT));
        Instant before = message.leaseExpiresAt();
        assertThat(await(message.extend(Duration.ofMillis(1)))).isTrue();
        assertThat(message.leaseExpiresAt()).isAfterOrEqualTo(before);
        Inbox other = subscribe(open());
        awaitLapse(SHORT_LEASE);
        other.assertEmpty();
    }

    @Test
    void renewedLeasesLastUntilTheMessageIsSettled() {
        EventChannel events = open(RENEWING);
        Inbox inbox = subscribe(events, 1, SubscribeOptions.defaults().withRenewLeases(true));
        await(events.publish(channel, "renewed"));
        EventMessage message = inbox.next();
        Inbox other = subscribe(open());
        awaitLapse(RENEWED_LEASE);
        other.assertEmpty();
        assertThat(await(message.ack())).isTrue();
    }

    @Test
    void renewalEndsWithTheMaximumProcessingTime() {
        EventChannel events = open(RENEWING);
        SubscribeOptions bounded =
                SubscribeOptions.defaults().withRenewLeases(true).withMaxProcessingTime(RENEWED_LEASE.multipliedBy(2));
        Inbox inbox = subscribe(events, 1, bounded);
        String id = await(events.publish(channel, "renewed for a while"));
        inbox.next();
        long handedOver = System.nanoTime();
        EventMessage taken = await(open().receive(channel, AWAIT));
        assertThat(taken.eventId()).isEqualTo(id);
        assertThat(Duration.ofNanos(System.nanoTime() - handedOver))
                .isGreaterThan(RENEWED_LEASE.multipliedBy(2).minus(TOLERANCE));
    }

    @Test
    void whatWaitsBehindASlowConsumerIsRenewedAndDeliveredOnce() {
        EventChannel events = open(RENEWING);
        publish(events, 400);
        Inbox slow = consume(events, 200);
        Inbox other = subscribe(open());
        awaitLapse(RENEWED_LEASE);
        List<EventMessage> rest = new ArrayList<>(other.takeAll());
        slow.request(Long.MAX_VALUE);
        rest.addAll(slow.next(200 - rest.size()));
        assertThat(rest).allSatisfy(message -> assertThat(message.attempts()).isEqualTo(1));
        assertThat(numbers(rest)).containsExactlyInAnyOrderElementsOf(numbers(200, 400));
    }
}
