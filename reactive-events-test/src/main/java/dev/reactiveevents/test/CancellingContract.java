package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

abstract class CancellingContract extends ContractGroup {

    private static final Duration WELL_BEFORE_A_LEASE_ENDS = Duration.ofSeconds(10);

    CancellingContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void observedByASecondChannelObject() {
        requires(Capability.SHARED);
    }

    @Test
    void givesBackAtOnceWhatWasNotHandedOverWithoutCountingAnAttempt() {
        requiresReleases();
        EventChannel events = open();
        publish(events, 400);
        Inbox cancelled = consume(events, 200);
        cancelled.cancel();
        Inbox other = subscribe(open());
        for (int i = 0; i < 200; i++) {
            assertThat(other.next(WELL_BEFORE_A_LEASE_ENDS).attempts()).isEqualTo(1);
        }
        cancelled.assertEmpty();
    }

    /** An event's place in the order is when it last became due. */
    @Test
    void givesBackToTheOldPlace() {
        EventChannel events = open();
        publish(events, 400);
        Inbox cancelled = consume(events, 200);
        cancelled.cancel();
        List<EventMessage> rest = subscribe(open()).next(200);
        assertThat(rest).allSatisfy(message -> assertThat(message.availableAt()).isEqualTo(message.publishedAt()));
        assertThat(numbers(rest)).containsExactlyInAnyOrderElementsOf(numbers(200, 400));
    }

    @Test
    void whatWasHandedOverCanStillBeSettled() {
        EventChannel events = open();
        publish(events, 3);
        Inbox cancelled = subscribe(events, 2);
        List<EventMessage> inHand = cancelled.next(2);
        cancelled.cancel();
        Inbox other = subscribe(open());
        assertThat(numbers(other.next(1))).containsExactly(2);
        assertThat(await(inHand.get(0).ack())).isTrue();
        assertThat(await(inHand.get(1).ack())).isTrue();
        assertNothingElse(events, other);
    }

    @Test
    void leavesTheOtherSubscriptionsOfTheChannelObjectRunning() {
        EventChannel events = open(OPTIONS.withPollInterval(NO_POLLING)); // a claim on its way has room for who leaves
        Inbox leaving = subscribe(events, 1);
        Inbox staying = subscribe(events);
        leaving.cancel();
        publish(events, 10);
        assertThat(numbers(staying.next(10))).isEqualTo(numbers(0, 10));
    }

    @Test
    void subscribersThatComeAndGoLoseNothing() {
        EventChannel events = open();
        publish(events, 100);
        List<Integer> received = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            List<EventMessage> some = await(events.subscribe(channel).take(5).collectList());
            received.addAll(numbers(some));
        }
        assertThat(received).containsExactlyInAnyOrderElementsOf(numbers(0, 100));
    }
}
