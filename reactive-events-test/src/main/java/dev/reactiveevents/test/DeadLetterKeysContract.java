package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A dead letter frees its key, or holds back what follows in it. */
abstract class DeadLetterKeysContract extends KeyedContract {

    private static final ChannelOptions PARKING = NEVER_POLLING.withDeadLetterKeys(DeadLetterKeys.PARK);

    DeadLetterKeysContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void aDeadLetterFreesItsKey() {
        EventChannel events = open(NEVER_POLLING);
        publish(events, "a", 0, 2);
        Inbox inbox = subscribe(events);
        assertThat(await(assertNext(inbox, "a0").reject("bad"))).isTrue();
        assertThat(text(inbox.next(AT_ONCE))).isEqualTo("a1");
    }

    @Test
    void whatLapsedWithItsAttemptsUsedUpFreesItsKey() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withMaxAttempts(1));
        publish(events, "a", 0, 2);
        Inbox inbox = subscribe(events);
        assertNext(inbox, "a0");
        assertNext(inbox, "a1");
    }

    @Test
    void aDeadLetterParksItsKeyIfAskedTo() {
        EventChannel events = open(PARKING);
        publish(events, "a", 0, 2);
        publish(events, "b", 0, 2);
        Inbox inbox = subscribe(events);
        for (EventMessage message : inbox.next(2)) {
            assertThat(await(text(message).equals("a0") ? message.reject("bad") : message.ack()))
                    .isTrue();
        }
        assertNext(inbox, "b1");
        publish(events, "a", 2, 3);
        assertNothingElse(events, inbox);
        assertThat(Objects.requireNonNull(await(open().receive(channel, AWAIT)).key()))
                .isEqualTo("a");
    }

    @Test
    void aRequeuedDeadLetterComesBeforeTheEventsItHeldBack() {
        requires(Capability.UPKEEP);
        EventChannel events = open(PARKING);
        Inbox inbox = parkedBehindADeadLetter(events);
        assertThat(await(events.deadLetters(channel).requeue(DeadLetterQuery.oldest(10))))
                .isEqualTo(1);
        assertThat(await(assertNext(inbox, "a0").ack())).isTrue();
        assertThat(await(assertNext(inbox, "a1").ack())).isTrue();
        assertNext(inbox, "a2");
    }

    @Test
    void aPurgedDeadLetterLetsGoOfTheEventsItHeldBack() {
        requires(Capability.UPKEEP);
        EventChannel events = open(PARKING);
        Inbox inbox = parkedBehindADeadLetter(events);
        assertThat(await(events.deadLetters(channel).purge(DeadLetterQuery.oldest(10))))
                .isEqualTo(1);
        assertThat(await(assertNext(inbox, "a1").ack())).isTrue();
        assertNext(inbox, "a2");
    }

    private Inbox parkedBehindADeadLetter(EventChannel events) {
        publish(events, "a", 0, 3);
        Inbox inbox = subscribe(events);
        assertThat(await(inbox.next().reject("bad"))).isTrue();
        assertNothingElse(events, inbox);
        return inbox;
    }

    @Test
    void whatLapsedWithItsAttemptsUsedUpParksItsKeyIfAskedTo() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withMaxAttempts(1).withDeadLetterKeys(DeadLetterKeys.PARK));
        publish(events, "a", 0, 2);
        Inbox inbox = subscribe(events);
        assertNext(inbox, "a0");
        awaitLapse(SHORT_LEASE.multipliedBy(2));
        assertNothingElse(events, inbox);
    }
}
