package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.ChannelCounts.Count;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

abstract class InspectingContract extends ContractGroup {

    private static final Duration DELAY = Duration.ofMillis(300);

    /** By so much the clocks of a machine may differ over a few seconds. */
    private static final Duration CLOCK = Duration.ofMillis(20);

    InspectingContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void theStoreCanBeInspected() {
        requires(Capability.UPKEEP);
    }

    private static Count exactly(long count) {
        return new Count(count, true);
    }

    @Test
    void eventsAreCountedByWhatBecomesOfThemNext() {
        requires(Capability.RETENTION);
        EventChannel events = open();
        Inbox inbox = subscribe(events, 7);
        publish(events, 7);
        List<EventMessage> messages = inbox.next(7);
        messages.subList(0, 3).forEach(message -> await(message.ack()));
        messages.subList(3, 5).forEach(message -> await(message.reject("dead")));
        await(messages.get(5).nack(Duration.ofMinutes(5)));
        await(events.publish(Event.of(channel, "later").withDelay(Duration.ofMinutes(5))));
        inbox.cancel();
        publish(events, 4);

        ChannelCounts counts = await(Mono.defer(() -> events.inspect().counts(channel))
                .filter(now -> now.leased().equals(exactly(1))) // a claim on its way may take some and give them back
                .repeatWhenEmpty(again -> again.delayElements(Duration.ofMillis(10))));
        assertThat(counts.channel()).isEqualTo(channel);
        assertThat(counts.delayed()).isEqualTo(exactly(2));
        assertThat(counts.dead()).isEqualTo(exactly(2));
        assertThat(counts.ready()).isEqualTo(exactly(4));
        assertThat(counts.acked().atLeast()).isEqualTo(3);
    }

    @Test
    void theOldestReadyEventSaysHowLongItHasWaited() {
        EventChannel events = open();
        await(events.publish(channel, "the oldest"));
        long published = System.nanoTime();
        awaitEnd(Mono.delay(DELAY));
        Duration waited = Duration.ofNanos(System.nanoTime() - published);
        await(events.publish(channel, "a later one"));
        assertThat(await(events.inspect().counts(channel)).oldestReady()).isBetween(waited.minus(CLOCK), AWAIT);
    }

    @Test
    void nothingIsReadyWhereAllWaitsOrIsHeld() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 1);
        inbox.next();
        ChannelCounts counts = await(events.inspect().counts(channel));
        assertThat(counts.ready()).isEqualTo(exactly(0));
        assertThat(counts.leased()).isEqualTo(exactly(1));
        assertThat(counts.oldestReady()).isNull();
    }

    /** Whether an event can be taken at once would need a look into its key: ready goes by time alone. */
    @Test
    void whatIsDueBehindAnEventOfItsKeyCountsAsReady() {
        requires(Capability.KEYS);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(Event.of(channel, 0).withKey("a")));
        EventMessage holder = inbox.next();
        await(events.publish(Event.of(channel, 1).withKey("a")));
        assertNothingElse(events, inbox);

        ChannelCounts counts = await(events.inspect().counts(channel));
        assertThat(counts.ready()).isEqualTo(exactly(1));
        assertThat(counts.leased()).as("the holder and the marker").isEqualTo(exactly(2));
        assertThat(counts.oldestReady()).isBetween(Duration.ZERO, AWAIT);
        assertThat(await(holder.ack())).isTrue();
        assertThat(inbox.next().payloadAs(Integer.class)).isEqualTo(1);
    }

    @Test
    void aLeaseThatLapsedIsReady() {
        EventChannel events = open(LAPSING);
        publish(events, 1);
        await(events.receive(channel, AWAIT));
        awaitLapse(SHORT_LEASE);
        ChannelCounts counts = await(events.inspect().counts(channel));
        assertThat(counts.ready()).isEqualTo(exactly(1));
        assertThat(counts.leased()).isEqualTo(exactly(0));
        assertThat(counts.oldestReady()).isNotNull();
        assertThat(await(events.inspect().leases(channel, 10).collectList())).isEmpty();
    }

    @Test
    void beyondTheBoundItIsAtLeast() {
        EventChannel events = open();
        publish(events, 5);
        assertThat(await(events.inspect().counts(channel, 4)).ready()).isEqualTo(new Count(4, false));
        assertThat(await(events.inspect().counts(channel, 5)).ready()).isEqualTo(exactly(5));
        assertThat(await(events.inspect().counts(channel, 4)).ready()).hasToString("4+");
    }

    @Test
    void delayedEventsAreCountedUpToTheBoundToo() {
        requires(Capability.DELAY);
        EventChannel events = open();
        for (int i = 0; i < 3; i++) {
            await(events.publish(Event.of(channel, i).withDelay(Duration.ofMinutes(5))));
        }
        assertThat(await(events.inspect().counts(channel, 2)).delayed()).isEqualTo(new Count(2, false));
        assertThat(await(events.inspect().counts(channel, 3)).delayed()).isEqualTo(exactly(3));
    }

    @Test
    void aChannelThatWasNeverUsedHasNothing() {
        ChannelCounts counts = await(open().inspect().counts(channel));
        assertThat(List.of(counts.ready(), counts.delayed(), counts.leased(), counts.dead()))
                .containsOnly(exactly(0));
        assertThat(counts.oldestReady()).isNull();
    }

    @Test
    void allChannelsWithEventsAreFound() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 1);
        await(inbox.next().reject("dead"));
        String other = newChannelName();
        await(events.publish(other, 1));

        List<ChannelCounts> all = await(events.inspect().counts().collectList());
        assertThat(all)
                .extracting(ChannelCounts::channel)
                .isSorted()
                .doesNotHaveDuplicates()
                .contains(channel, other);
        assertThat(all)
                .filteredOn(counts -> counts.channel().equals(channel))
                .singleElement()
                .satisfies(counts -> {
                    assertThat(counts.dead()).isEqualTo(exactly(1));
                    assertThat(counts.ready()).isEqualTo(exactly(0));
                });
    }

    @Test
    void leasesSayWhatIsHeldAndUntilWhen() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 3);
        List<EventMessage> messages = inbox.next(3);
        await(messages.get(2).ack());
        await(messages.get(0).extend(Duration.ofMinutes(10)));

        List<LeaseHolder> leases = await(events.inspect().leases(channel, 10).collectList());
        assertThat(leases)
                .extracting(LeaseHolder::eventId)
                .containsExactly(messages.get(1).eventId(), messages.get(0).eventId());
        assertThat(leases).allSatisfy(lease -> {
            assertThat(lease.channel()).isEqualTo(channel);
            assertThat(lease.attempts()).isEqualTo(1);
        });
        assertThat(leases)
                .as("one channel object has one name, if any")
                .extracting(LeaseHolder::holder)
                .containsOnly(leases.get(0).holder())
                .doesNotContain("");
        Instant published = messages.get(0).publishedAt();
        assertThat(leases.get(0).until()).isAfter(published.plus(OPTIONS.lease()));
        assertThat(leases.get(1).until()).isAfter(published.plus(Duration.ofMinutes(10)));
        assertThat(await(events.inspect().leases(channel, 1).collectList())).hasSize(1);
    }

    /** From outside it takes at least as long as between the two calls, and no longer than with them. */
    @Test
    void processingTimesSayHowLongAnEventTookToItsAcknowledgement() {
        requires(Capability.RETENTION);
        requires(Capability.DELAY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "held"));
        long published = System.nanoTime();
        EventMessage held = inbox.next();
        await(events.publish(Event.of(channel, "later").withDelay(DELAY)));
        assertThat(inbox.next().payloadAs(String.class)).isEqualTo("later");
        Duration least = Duration.ofNanos(System.nanoTime() - published);
        assertThat(await(held.ack())).isTrue();

        ProcessingTimes times = await(events.inspect().processingTimes(channel, 10));
        assertThat(times.channel()).isEqualTo(channel);
        assertThat(times.events()).isEqualTo(1);
        assertThat(least).isGreaterThanOrEqualTo(DELAY.minus(CLOCK));
        assertThat(times.longest()).isBetween(least.minus(CLOCK), AWAIT);
        assertThat(times.median()).isEqualTo(times.longest());
        assertThat(times.percentile95()).isEqualTo(times.longest());
    }

    @Test
    void processingTimesCountFromWhenAnEventWasDue() {
        requires(Capability.RETENTION);
        requires(Capability.DELAY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        long begun = System.nanoTime();
        await(events.publish(Event.of(channel, "later").withDelay(DELAY)));
        assertThat(await(inbox.next().ack())).isTrue();
        Duration most = Duration.ofNanos(System.nanoTime() - begun).minus(DELAY);
        assertThat(await(events.inspect().processingTimes(channel, 10)).longest())
                .isBetween(Duration.ZERO, most.plus(CLOCK));
    }

    @Test
    void processingTimesAreOfAsManyAsWereAskedFor() {
        requires(Capability.RETENTION);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 4);
        inbox.next(4).subList(0, 3).forEach(message -> await(message.ack()));
        assertThat(await(events.inspect().processingTimes(channel, 10_000)).events())
                .isEqualTo(3);
        assertThat(await(events.inspect().processingTimes(channel, 2)).events()).isLessThanOrEqualTo(2);
        assertThat(await(events.inspect().processingTimes(newChannelName(), 10)).longest())
                .isNull();
    }

    @Test
    void badInputIsRefused() {
        EventChannel events = open();
        StepVerifier.create(events.inspect().counts("not a name")).verifyError(EventException.Invalid.class);
        StepVerifier.create(events.inspect().counts(channel, 0)).verifyError(EventException.Invalid.class);
        StepVerifier.create(events.inspect().leases(channel, 0)).verifyError(EventException.Invalid.class);
        StepVerifier.create(events.inspect().processingTimes(channel, 0)).verifyError(EventException.Invalid.class);
        awaitEnd(events.shutdown());
        StepVerifier.create(events.inspect().counts(channel)).verifyError(EventException.Closed.class);
    }
}
