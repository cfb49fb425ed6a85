package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What is done with is kept for a time, and then it is as if it had never been. */
abstract class RetentionContract extends ContractGroup {

    private static final Duration SHORT = Duration.ofSeconds(3);
    private static final Duration LONG = Duration.ofDays(1);

    RetentionContract(EventChannelContract contract) {
        super(contract);
    }

    /** Until then to publish it again changes nothing. */
    @Test
    void anAcknowledgedEventIsForgottenSoThatItsIdIsNewAgain() {
        requires(Capability.DEDUPLICATION);
        EventChannel events = openForgetting(OPTIONS, SHORT, LONG);
        Event event = Event.of(channel, 0).withId(UUID.randomUUID());
        await(events.publish(event));
        Inbox inbox = subscribe(events);
        assertThat(await(inbox.next().ack())).isTrue();
        await(events.publish(event));
        assertNothingElse(events, inbox);

        awaitUntil(events.publish(event).map(id -> !inbox.isEmpty()));
        assertThat(inbox.next().attempts()).isEqualTo(1);
    }

    @Test
    void anAcknowledgedEventIsKeptForAsLongAsItIsSaidWhateverBecomesOfDeadLetters() {
        requires(Capability.DEDUPLICATION);
        requires(Capability.DEAD_LETTERS);
        requires(Capability.UPKEEP);
        EventChannel events = openForgetting(OPTIONS, LONG, SHORT);
        Event acknowledged = Event.of(channel, 0).withId(UUID.randomUUID());
        await(events.publish(acknowledged));
        await(events.publish(channel, 1));
        Inbox inbox = subscribe(events);
        assertThat(await(inbox.next().ack())).isTrue();
        assertThat(await(inbox.next().reject("never"))).isTrue();
        assertThat(await(events.deadLetters(channel).count())).isEqualTo(1);

        awaitUntil(events.publish(acknowledged)
                .then(events.deadLetters(channel).count())
                .map(dead -> dead == 0));
        assertNothingElse(events, inbox);
    }

    @Test
    void aDeadLetterIsForgottenAndLetsGoOfItsKey() {
        requires(Capability.KEYS);
        requires(Capability.DEAD_LETTERS);
        EventChannel events = openForgetting(OPTIONS.withDeadLetterKeys(DeadLetterKeys.PARK), LONG, SHORT);
        Inbox inbox = subscribe(events);
        for (int i = 0; i < 2; i++) {
            await(events.publish(Event.of(channel, i).withKey("key")));
        }
        assertThat(await(inbox.next().reject("never"))).isTrue();
        assertThat(inbox.next().payloadAs(Integer.class)).isEqualTo(1);
    }
}
