package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

abstract class DelaysContract extends ContractGroup {

    private static final ChannelOptions NEVER_POLLING = OPTIONS.withPollInterval(NO_POLLING);
    private static final Duration DELAY = Duration.ofSeconds(1);

    /** What is promised, and held by the median of several: a single one may be late on a machine that is busy. */
    private static final Duration PUNCTUAL = Duration.ofMillis(100);

    /** For a single one: what is promised, and the rest for a machine that is busy with other tests. */
    private static final Duration PROMPT = PUNCTUAL.plusMillis(300);

    private static final Duration SHORT_DELAY = Duration.ofMillis(300);

    DelaysContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsCanWait() {
        requires(Capability.DELAY);
    }

    @Test
    void aDelayedEventArrivesWhenItIsDueWhereItWasPublished() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        List<Duration> lateness =
                Stream.generate(() -> lateness(events, inbox)).limit(5).sorted().toList();
        assertThat(lateness.get(0)).isGreaterThanOrEqualTo(Duration.ZERO);
        assertThat(lateness.get(2)).as("the median of %s", lateness).isLessThanOrEqualTo(PUNCTUAL);
    }

    /** By how much it is later than its delay after the publish began. */
    private Duration lateness(EventChannel events, Inbox inbox) {
        long published = System.nanoTime();
        await(events.publish(Event.of(channel, "delayed").withDelay(SHORT_DELAY)));
        EventMessage message = inbox.next();
        Duration waited = Duration.ofNanos(System.nanoTime() - published);
        assertThat(Duration.between(message.publishedAt(), message.availableAt()))
                .isEqualTo(SHORT_DELAY);
        assertThat(await(message.ack())).isTrue();
        return waited.minus(SHORT_DELAY);
    }

    @Test
    void aDelayByTimeArrivesWhenItIsDue() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        Instant due = Instant.ofEpochMilli(Instant.now().plus(DELAY).toEpochMilli());
        await(events.publish(Event.of(channel, "delayed").withDeliverAt(due)));
        EventMessage message = inbox.next(DELAY.plus(AT_ONCE));
        assertThat(message.availableAt()).isEqualTo(due);
    }

    @Test
    void anEventThatIsDueEarlierArrivesEarlierAlthoughItWasPublishedLater() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        await(events.publish(Event.of(channel, "late").withDelay(DELAY.multipliedBy(2))));
        await(events.publish(Event.of(channel, "early").withDelay(DELAY)));
        assertThat(inbox.next(DELAY.plus(PROMPT)).payloadAs(String.class)).isEqualTo("early");
        assertThat(inbox.next(DELAY.plus(PROMPT)).payloadAs(String.class)).isEqualTo("late");
    }

    @Test
    void aDelayedEventDoesNotHoldUpTheOthers() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        await(events.publish(Event.of(channel, "delayed").withDelay(Duration.ofMinutes(1))));
        String id = await(events.publish(channel, "now"));
        assertThat(inbox.next(AT_ONCE).eventId()).isEqualTo(id);
    }

    @Test
    void aTimeInThePastMeansNow() {
        EventChannel events = open(NEVER_POLLING);
        List<String> ids = await(events.publishAll(List.of(
                Event.of(channel, "first"),
                Event.of(channel, "second").withDeliverAt(Instant.parse("2001-01-01T00:00:00Z")),
                Event.of(channel, "third").withDeliverAt(Instant.MIN))));
        List<EventMessage> messages = subscribe(events).next(3);
        assertThat(ids(messages)).containsExactlyElementsOf(ids);
        assertThat(messages)
                .allSatisfy(message -> assertThat(message.availableAt()).isEqualTo(message.publishedAt()));
    }

    @Test
    void aDelayedEventIsNotReceivedBeforeItIsDue() {
        EventChannel events = open();
        await(events.publish(Event.of(channel, "delayed").withDelay(Duration.ofMinutes(1))));
        assertThat(events.receive(channel, Duration.ZERO).blockOptional(AWAIT)).isEmpty();
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void anotherChannelObjectHandsItOverWithinOnePollInterval() {
        requires(Capability.SHARED);
        Inbox inbox = subscribe(open());
        await(open().publish(Event.of(channel, "delayed").withDelay(DELAY)));
        Duration latest = DELAY.plus(OPTIONS.pollInterval()).plus(AT_ONCE);
        assertThat(inbox.next(latest).attempts()).isEqualTo(1);
    }

    @Test
    void theEventsOfAStreamCanBeDelayed() {
        EventChannel events = open(NEVER_POLLING);
        Inbox inbox = subscribe(events);
        long published = System.nanoTime();
        await(events.publishAll(Flux.just(Event.of(channel, "delayed").withDelay(DELAY)))
                .next());
        EventMessage message = inbox.next(DELAY.plus(AT_ONCE));
        assertThat(Duration.ofNanos(System.nanoTime() - published)).isGreaterThanOrEqualTo(DELAY);
        assertThat(Duration.between(message.publishedAt(), message.availableAt()))
                .isEqualTo(DELAY);
        assertThat(message.payloadAs(String.class)).isEqualTo("delayed");
    }
}
