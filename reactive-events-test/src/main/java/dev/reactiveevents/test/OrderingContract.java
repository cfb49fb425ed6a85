package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

abstract class OrderingContract extends ContractGroup {

    OrderingContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void eventsPublishedOneAfterTheOtherArriveInThatOrder() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Flux.range(0, 300).concatMap(i -> events.publish(channel, i)).blockLast(AWAIT);
        assertThat(numbers(inbox.next(300))).isEqualTo(numbers(0, 300));
    }

    @Test
    void eventsPublishedOneAfterTheOtherByTwoChannelObjectsArriveInThatOrder() {
        EventChannel one = open();
        EventChannel two = open();
        Inbox inbox = subscribe(one);
        Flux.range(0, 100)
                .concatMap(i -> (i % 2 == 0 ? one : two).publish(channel, i))
                .blockLast(AWAIT);
        assertThat(numbers(inbox.next(100))).isEqualTo(numbers(0, 100));
    }

    /** All are due at the same time; several claims are needed to take them. */
    @Test
    void eventsOfTheSameTimeArriveInPublishOrder() {
        EventChannel events = open(OPTIONS.withClaimBatch(7));
        Inbox inbox = subscribe(events);
        publish(events, 1_000);
        assertThat(numbers(inbox.next(1_000))).isEqualTo(numbers(0, 1_000));
    }

    @Test
    void aBacklogArrivesInPublishOrderWhateverWayItWasPublished() {
        requires(Capability.SHARED);
        EventChannel events = open();
        List<Event> all = numbered(400);
        await(events.publishAll(all.subList(0, 100)));
        events.publishAll(Flux.fromIterable(all.subList(100, 300))).blockLast(AWAIT);
        Flux.fromIterable(all.subList(300, 400)).concatMap(events::publish).blockLast(AWAIT);
        assertThat(numbers(subscribe(open()).next(400))).isEqualTo(numbers(0, 400));
    }

    @Test
    void whatBecameDueEarlierArrivesEarlier() {
        requires(Capability.DELAY);
        requires(Capability.SHARED);
        EventChannel events = open();
        await(events.publishAll(List.of(
                Event.of(channel, "second").withDelay(Duration.ofMillis(400)),
                Event.of(channel, "first").withDelay(Duration.ofMillis(100)))));
        awaitDue(events, Duration.ofMillis(500));
        await(events.publish(channel, "third"));
        List<EventMessage> messages = subscribe(open()).next(3);
        assertThat(messages)
                .extracting(message -> message.payloadAs(String.class))
                .containsExactly("first", "second", "third");
    }

    private void awaitDue(EventChannel events, Duration delay) {
        String elsewhere = newChannelName();
        await(events.publish(Event.of(elsewhere, "due").withDelay(delay)));
        await(events.receive(elsewhere, AWAIT));
    }

    @Test
    void aRetriedEventTakesItsPlaceByWhenItIsDueAgain() {
        requires(Capability.RETRY);
        EventChannel events = open();
        publish(events, 3);
        EventMessage first = await(events.receive(channel, AWAIT));
        assertThat(await(first.nack(Duration.ZERO))).isTrue();
        assertThat(numbers(subscribe(events).next(3))).containsExactly(1, 2, 0);
    }
}
