package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Of each key one event at a time, in publish order. */
abstract class KeyOrderContract extends KeyedContract {

    private static final Duration SOON = Duration.ofMillis(300);

    /** Longer than any test takes, so that what is delayed by it cannot come before what is not. */
    private static final Duration NOT_NOW = Duration.ofHours(1);

    KeyOrderContract(EventChannelContract contract) {
        super(contract);
    }

    // == One at a time ==

    @Test
    void theNextEventOfAKeyComesOnceTheOneBeforeIsAcknowledged() {
        EventChannel events = open(NEVER_POLLING);
        publish(events, "a", 0, 5);
        Inbox inbox = subscribe(events);
        for (int i = 0; i < 5; i++) {
            EventMessage message = inbox.next(AT_ONCE.multipliedBy(2));
            assertThat(text(message)).isEqualTo("a" + i);
            assertThat(message.key()).isEqualTo("a");
            assertThat(message.attempts()).isEqualTo(1);
            assertNothingElse(events, inbox);
            assertThat(await(message.ack())).isTrue();
        }
        assertNothingElse(events, inbox);
    }

    @Test
    void whatIsPublishedWhileItsKeyIsHeldWaits() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        publish(events, "a", 0, 1);
        EventMessage first = assertNext(inbox, "a0");
        publish(events, "a", 1, 2);
        assertNothingElse(events, inbox);
        assertThat(await(first.ack())).isTrue();
        assertThat(text(inbox.next(AT_ONCE))).isEqualTo("a1");
    }

    @Test
    void keysDoNotWaitForEachOther() {
        EventChannel events = open();
        publish(events, "a", 0, 2);
        publish(events, "b", 0, 2);
        publish(events, "c", 0, 1);
        Inbox inbox = subscribe(events);
        assertNext(inbox, "a0", "b0", "c0");
        assertNothingElse(events, inbox);
    }

    @Test
    void aKeyIsAnotherKeyOnAnotherChannel() {
        EventChannel events = open();
        String elsewhere = newChannelName();
        publish(events, "a", 0, 1);
        await(events.publish(Event.of(elsewhere, "elsewhere").withKey("a")));
        subscribe(events).next();
        assertThat(text(await(events.receive(elsewhere, AWAIT)))).isEqualTo("elsewhere");
    }

    @Test
    void keysDifferInCaseAndInBlanksAtTheirEnd() {
        EventChannel events = open();
        List<String> keys = List.of("a", "A", "a ", "ä", "a:b", "a".repeat(255));
        keys.forEach(key -> await(events.publish(Event.of(channel, key).withKey(key))));
        assertNext(subscribe(events), keys.toArray(String[]::new));
    }

    @Test
    void anotherChannelObjectDoesNotGetTheNextEventOfAKeyThatIsHeld() {
        requires(Capability.SHARED);
        EventChannel events = open();
        publish(events, "a", 0, 2);
        EventMessage held = await(events.receive(channel, AWAIT));
        EventChannel others = open();
        Inbox other = subscribe(others);
        assertNothingElse(others, other);
        assertThat(await(held.ack())).isTrue();
        assertNext(other, "a1");
    }

    /** Each event is worked on for a moment by one of four consumers over two channel objects; one in five fails at first. */
    @Test
    void severalConsumersKeepTheOrderOfInterleavedKeys() {
        requires(Capability.SHARED);
        requires(Capability.RETRY);
        int keys = 20;
        int each = 25;
        EventChannel one = open(OPTIONS.withClaimBatch(16));
        EventChannel two = open(OPTIONS.withClaimBatch(16));
        KeyedWork work = new KeyedWork(keys * each);
        work.consume(one.subscribe(channel), 8);
        work.consume(two.subscribe(channel), 8);
        work.consume(two.subscribe(channel), 1);
        List<Event> all = IntStream.range(0, keys * each)
                .mapToObj(i -> Event.of(channel, i / keys).withKey("key" + i % keys))
                .toList();
        await(one.publishAll(all.subList(0, all.size() / 2)));
        await(two.publishAll(all.subList(all.size() / 2, all.size())));
        work.assertDoneInOrder(each);
    }

    // == Whatever becomes of an event ==

    @Test
    void whatIsNackedComesBeforeTheLaterEventsOfItsKey() {
        requires(Capability.RETRY);
        EventChannel events = open(NEVER_POLLING);
        publish(events, "a", 0, 2);
        Inbox inbox = subscribe(events);
        assertThat(await(assertNext(inbox, "a0").nack(Duration.ZERO))).isTrue();
        EventMessage again = inbox.next(AT_ONCE);
        assertThat(text(again)).isEqualTo("a0");
        assertThat(again.attempts()).isEqualTo(2);
        assertNothingElse(events, inbox);
        assertThat(await(again.ack())).isTrue();
        assertNext(inbox, "a1");
    }

    @Test
    void whatComesAgainLaterComesBeforeTheRestOfItsKey() {
        requires(Capability.RETRY);
        EventChannel events = open();
        publish(events, "a", 0, 2);
        Inbox inbox = subscribe(events);
        assertThat(await(assertNext(inbox, "a0").nack(SOON))).isTrue();
        EventMessage again = assertNext(inbox, "a0");
        assertThat(again.attempts()).isEqualTo(2);
        assertThat(await(again.ack())).isTrue();
        assertNext(inbox, "a1");
    }

    @Test
    void whatComesAgainLaterHoldsItsKeyAndNoOther() {
        requires(Capability.RETRY);
        EventChannel events = open();
        publish(events, "a", 0, 2);
        Inbox inbox = subscribe(events);
        assertThat(await(assertNext(inbox, "a0").nack(NOT_NOW))).isTrue();
        publish(events, "b", 0, 1);
        assertNext(inbox, "b0");
        assertNothingElse(events, inbox);
    }

    @Test
    void aDelayedEventComesBeforeTheRestOfItsKey() {
        requires(Capability.DELAY);
        EventChannel events = open(NEVER_POLLING);
        await(events.publish(event("a", 0).withDelay(SOON)));
        publish(events, "a", 1, 2);
        Inbox inbox = subscribe(events);
        EventMessage delayed = inbox.next(SOON.plus(AT_ONCE));
        assertThat(text(delayed)).isEqualTo("a0");
        assertThat(await(delayed.ack())).isTrue();
        assertNext(inbox, "a1");
    }

    @Test
    void aDelayedEventHoldsItsKeyAndNoOther() {
        requires(Capability.DELAY);
        EventChannel events = open(NEVER_POLLING);
        await(events.publish(event("a", 0).withDelay(NOT_NOW)));
        publish(events, "a", 1, 2);
        publish(events, "b", 0, 1);
        Inbox inbox = subscribe(events);
        assertNext(inbox, "b0");
        assertNothingElse(events, inbox);
    }

    @Test
    void whatLapsedComesBeforeTheLaterEventsOfItsKey() {
        requires(Capability.SHARED);
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING);
        publish(events, "a", 0, 2);
        EventMessage lapsing = await(events.receive(channel, AWAIT));
        EventChannel others = open();
        Inbox other = subscribe(others);
        EventMessage again = assertNext(other, "a0");
        assertThat(again.attempts()).isEqualTo(2);
        assertThat(await(lapsing.ack())).isFalse();
        assertNothingElse(others, other);
        assertThat(await(again.ack())).isTrue();
        assertNext(other, "a1");
    }

    @Test
    void anExtendedLeaseHoldsTheKey() {
        EventChannel events = open(LAPSING);
        publish(events, "a", 0, 2);
        EventMessage message;
        Inbox inbox = subscribe(events);
        do { // on a slow machine it has lapsed before it is extended, and comes again
            message = assertNext(inbox, "a0");
        } while (!await(message.extend(Duration.ofMinutes(1))));
        awaitLapse(SHORT_LEASE);
        inbox.assertEmpty();
        assertThat(await(message.ack())).isTrue();
        assertNext(inbox, "a1");
    }

    @Test
    void whatACancelledSubscriptionGivesBackKeepsItsPlace() {
        requires(Capability.SHARED);
        EventChannel events = open(NEVER_POLLING);
        for (int i = 0; i < 300; i++) {
            publish(events, "key" + i, 0, 2);
        }
        Inbox leaving = consume(events, 150);
        Inbox staying = subscribe(open(NEVER_POLLING.withPollInterval(Duration.ofMillis(20))));
        leaving.cancel();
        List<String> arrived = new ArrayList<>();
        while (arrived.size() < 450) {
            EventMessage message = staying.next();
            assertThat(message.attempts()).isEqualTo(1);
            assertThat(await(message.ack())).isTrue();
            arrived.add(text(message));
        }
        assertThat(arrived).doesNotHaveDuplicates();
        IntStream.range(0, 300)
                .mapToObj(i -> "key" + i)
                .filter(key -> arrived.contains(key + "0"))
                .forEach(key -> assertThat(arrived).containsSubsequence(key + "0", key + "1"));
    }

    @Test
    void whatAShutdownGivesBackComesBeforeTheLaterEventsOfItsKey() {
        requires(Capability.SHARED);
        requires(Capability.RETRY);
        EventChannel events = open();
        publish(events, "a", 0, 2);
        assertNext(subscribe(events), "a0");
        awaitEnd(events.shutdown());
        Inbox other = subscribe(open());
        EventMessage again = assertNext(other, "a0");
        assertThat(await(again.ack())).isTrue();
        assertNext(other, "a1");
    }

    @Test
    void aSuspectComesAloneAndBeforeTheLaterEventsOfItsKey() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        publish(events, "a", 0, 2);
        for (int attempt = 1; attempt <= 4; attempt++) {
            EventMessage again = assertNext(inbox, "a0");
            assertThat(again.attempts()).isEqualTo(attempt);
            if (attempt == 4) {
                assertThat(await(again.ack())).isTrue();
            }
        }
        assertNext(inbox, "a1");
    }

    // == Many keys, great keys ==

    @Test
    void manyEventsOfOneKeyDoNotKeepOthersBack() {
        EventChannel events = open(OPTIONS.withClaimBatch(10));
        publish(events, "hot", 0, 3_000);
        for (int i = 0; i < 50; i++) {
            publish(events, "cold" + i, 0, 1);
        }
        publish(events, 20);
        Inbox inbox = subscribe(events);
        List<EventMessage> messages = inbox.next(71);
        assertThat(messages)
                .filteredOn(message -> message.key() != null)
                .extracting(EventMessage::key)
                .doesNotHaveDuplicates()
                .hasSize(51);
        assertNothingElse(events, inbox);
    }

    @Test
    void whoTakesOneAtATimeComesToEveryKeyAndToEventsWithoutOne() {
        EventChannel events = open(NEVER_POLLING);
        publish(events, "hot", 0, 100);
        publish(events, "hotter", 0, 100);
        publish(events, "cold", 0, 1);
        publish(events, "colder", 0, 1);
        publish(events, 100);
        Inbox inbox = subscribe(events, 0);
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            inbox.request(1);
            EventMessage message = inbox.next(AT_ONCE);
            keys.add(String.valueOf(message.key()));
            assertThat(await(message.ack())).isTrue();
        }
        assertThat(keys).contains("hot", "hotter", "cold", "colder", "null");
    }

    @Test
    void keysThatWaitForTheirTimeDoNotHideOneThatIsDue() {
        requires(Capability.DELAY);
        EventChannel events = open(NEVER_POLLING.withClaimBatch(5));
        await(events.publishAll(IntStream.range(0, 500)
                .mapToObj(i -> event("later" + i, 0).withDelay(Duration.ofHours(1)))
                .toList()));
        Inbox inbox = subscribe(events);
        for (int i = 0; i < 5; i++) {
            publish(events, "now" + i, 0, 1);
            assertThat(text(inbox.next(AT_ONCE))).isEqualTo("now" + i + 0);
        }
    }
}
