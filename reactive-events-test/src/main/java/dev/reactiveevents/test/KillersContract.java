package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An event that ends its consumers shows itself only by its leases, which lapse. */
abstract class KillersContract extends ContractGroup {

    private static final Duration LONG = Duration.ofMinutes(1);

    KillersContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void leasesLapse() {
        requires(Capability.RETRY);
    }

    /** Publishes an event and lets it lapse. It is delivered for the second time, and its next lapse makes it a suspect. */
    private String publishKiller(EventChannel events, Inbox inbox) {
        String id = await(events.publish(channel, "killer"));
        assertThat(inbox.next().attempts()).isEqualTo(1);
        assertThat(inbox.next().attempts()).isEqualTo(2);
        return id;
    }

    private EventMessage publishAndKeep(EventChannel events, Inbox inbox) {
        String id = await(events.publish(channel, "neighbour"));
        EventMessage message;
        do {
            message = inbox.next();
            assertThat(message.eventId()).isEqualTo(id);
        } while (!await(message.extend(LONG))); // on a slow machine it has lapsed before it is extended
        return message;
    }

    @Test
    void anEventThatAlwaysLapsesIsDeliveredAsOftenAsAttemptedAndThenNeverAgain() {
        EventChannel events = open(LAPSING.withMaxAttempts(3));
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "killer"));
        List<Integer> attempts = Stream.generate(inbox::next)
                .limit(3)
                .map(EventMessage::attempts)
                .toList();
        assertThat(attempts).containsExactly(1, 2, 3);
        awaitLapse(SHORT_LEASE.multipliedBy(2));
        inbox.assertEmpty();
        assertNothingElse(events, inbox);
    }

    @Test
    void theLastLapseEndsTheDelivery() {
        EventChannel events = open(LAPSING.withMaxAttempts(1));
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "killer"));
        EventMessage only = inbox.next();
        awaitLapse(SHORT_LEASE.multipliedBy(2));
        inbox.assertEmpty();
        assertNothingElse(events, inbox);
        assertThat(await(only.ack())).isFalse();
    }

    @Test
    void whatLapsedTwiceWaitsUntilNothingElseIsInHand() {
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        EventMessage neighbour = publishAndKeep(events, inbox);
        String killer = publishKiller(events, inbox);
        awaitLapse(SHORT_LEASE.multipliedBy(2));
        inbox.assertEmpty();
        assertThat(await(neighbour.ack())).isTrue();
        EventMessage alone = inbox.next();
        assertThat(alone.eventId()).isEqualTo(killer);
        assertThat(alone.attempts()).isEqualTo(3);
    }

    @Test
    void whatLapsedOnceWaitsAlreadyWhereTwoAttemptsAreAllowed() {
        EventChannel events = open(LAPSING.withMaxAttempts(2));
        Inbox inbox = subscribe(events);
        EventMessage neighbour = publishAndKeep(events, inbox);
        String killer = await(events.publish(channel, "killer"));
        assertThat(inbox.next().eventId()).isEqualTo(killer);
        awaitLapse(SHORT_LEASE.multipliedBy(2));
        inbox.assertEmpty();
        assertThat(await(neighbour.ack())).isTrue();
        assertThat(inbox.next().eventId()).isEqualTo(killer);
    }

    @Test
    void whileItIsInHandNothingElseIsHandedOverHereButElsewhere() {
        requires(Capability.SHARED);
        EventChannel events = open(RENEWING); // others wait for no longer than a lease
        Inbox inbox = subscribe(events);
        publishKiller(events, inbox);
        EventMessage alone = inbox.next();
        assertThat(alone.attempts()).isEqualTo(3);
        assertThat(await(alone.extend(LONG))).isTrue();
        publish(events, 10);
        assertThat(numbers(subscribe(open()).next(10))).isEqualTo(numbers(0, 10));
        inbox.assertEmpty();
    }

    @Test
    void onceItIsSettledTheOthersFollow() {
        EventChannel events = open(RENEWING); // others wait for no longer than a lease
        Inbox inbox = subscribe(events);
        publishKiller(events, inbox);
        EventMessage alone = inbox.next();
        assertThat(await(alone.extend(LONG))).isTrue();
        publish(events, 10);
        awaitLapse(SHORT_LEASE.dividedBy(4)); // shorter than others wait at most
        inbox.assertEmpty();
        assertThat(await(alone.ack())).isTrue();
        assertThat(numbers(inbox.next(10))).isEqualTo(numbers(0, 10));
    }

    @Test
    void othersDoNotWaitForItForever() {
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        publishKiller(events, inbox);
        EventMessage alone = inbox.next();
        assertThat(await(alone.extend(LONG))).isTrue();
        publish(events, 10);
        assertThat(numbers(inbox.next(10))).isEqualTo(numbers(0, 10));
        assertThat(await(alone.ack())).isTrue();
    }

    @Test
    void othersDoNotWaitForeverUntilItsTurnHasCome() {
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        EventMessage held = publishAndKeep(events, inbox);
        String killer = publishKiller(events, inbox);
        awaitLapse(SHORT_LEASE);
        String other = await(events.publish(channel, "other"));
        EventMessage message = inbox.next();
        assertThat(message.eventId()).isEqualTo(other);
        assertThat(await(message.ack())).isTrue();
        assertThat(await(held.ack())).isTrue();
        assertThat(inbox.next().eventId()).isEqualTo(killer);
    }

    @Test
    void itWaitsForTheOtherChannelsOfTheChannelObjectToo() {
        EventChannel events = open(LAPSING);
        String elsewhere = newChannelName();
        await(events.publish(elsewhere, "neighbour"));
        EventMessage neighbour = await(events.receive(elsewhere, AWAIT));
        assertThat(await(neighbour.extend(LONG))).isTrue();
        Inbox inbox = subscribe(events);
        publishKiller(events, inbox);
        awaitLapse(SHORT_LEASE.multipliedBy(2));
        inbox.assertEmpty();
        assertThat(await(neighbour.ack())).isTrue();
        assertThat(inbox.next().attempts()).isEqualTo(3);
    }

    /** Only lapses make one: whoever nacks is alive. */
    @Test
    void whatIsNackedIsNoSuspect() {
        EventChannel events = open(RENEWING);
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "nacked"));
        await(inbox.next().nack(Duration.ZERO));
        await(inbox.next().nack(Duration.ZERO));
        EventMessage third = inbox.next();
        assertThat(await(third.extend(LONG))).isTrue();
        publishAndKeep(events, inbox);
        await(third.nack(Duration.ZERO));
        assertThat(inbox.next().attempts()).isEqualTo(4);
    }
}
