package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

abstract class DeduplicationContract extends ContractGroup {

    private final String id = UUID.randomUUID().toString();

    DeduplicationContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void idsCanBeGiven() {
        requires(Capability.DEDUPLICATION);
    }

    private Event event(Object payload) {
        return Event.of(channel, payload).withId(id);
    }

    private void assertStoredOnce(EventChannel events) {
        Inbox inbox = subscribe(events);
        EventMessage message = inbox.next();
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(message.payloadAs(String.class)).isEqualTo("first");
        assertNothingElse(events, inbox);
    }

    @Test
    void anIdPublishedAgainIsStoredOnce() {
        EventChannel events = open();
        assertThat(await(events.publish(event("first")))).isEqualTo(id);
        assertThat(await(events.publish(event("second")))).isEqualTo(id);
        assertStoredOnce(events);
    }

    @Test
    void anIdTwiceInOnePublishAllIsStoredOnce() {
        EventChannel events = open();
        List<String> ids = await(events.publishAll(List.of(event("first"), event("second"))));
        assertThat(ids).containsExactly(id, id);
        assertStoredOnce(events);
    }

    @Test
    void anIdTwiceInOneStreamIsStoredOnce() {
        EventChannel events = open();
        Flux<String> ids = events.publishAll(Flux.just(event("first"), event("second")));
        assertThat(await(ids.collectList())).containsExactly(id, id);
        assertStoredOnce(events);
    }

    @Test
    void aPublishAllStoresWhatIsNewBesideWhatIsNot() {
        EventChannel events = open();
        await(events.publish(event("first")));
        String other = UUID.randomUUID().toString();
        await(events.publishAll(
                List.of(event("second"), Event.of(channel, "new").withId(other))));
        Inbox inbox = subscribe(events);
        assertThat(ids(inbox.next(2))).containsExactly(id, other);
        assertNothingElse(events, inbox);
    }

    @Test
    void anIdPublishedByManyAtOnceIsStoredOnce() {
        EventChannel one = open();
        EventChannel two = open();
        List<String> ids = await(Flux.range(0, 64)
                .flatMap(i -> (i % 2 == 0 ? one : two).publish(event("first")), 64)
                .collectList());
        assertThat(ids).isEqualTo(Collections.nCopies(64, id));
        assertStoredOnce(one);
    }

    @Test
    void subscribingAgainToTheSamePublishStoresOnce() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Mono<String> publish = events.publish(channel, "once");
        String first = await(publish);
        assertThat(await(publish)).isEqualTo(first);
        assertThat(inbox.next().eventId()).isEqualTo(first);
        assertNothingElse(events, inbox);
    }

    @Test
    void subscribingAgainToTheSamePublishAllStoresOnce() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Mono<List<String>> publish = events.publishAll(numbered(5));
        List<String> first = await(publish);
        assertThat(await(publish)).isEqualTo(first);
        assertThat(ids(inbox.next(5))).isEqualTo(first);
        assertNothingElse(events, inbox);
    }

    @Test
    void aDeduplicationKeyNamesTheEventOfItsChannel() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        String first = await(events.publish(Event.of(channel, 1).withDeduplicationKey("order-42")));
        String again = await(events.publish(Event.of(channel, 2).withDeduplicationKey("order-42")));
        String elsewhere = await(events.publish(Event.of(newChannelName(), 3).withDeduplicationKey("order-42")));
        assertThat(again).isEqualTo(first).isNotEqualTo(elsewhere);
        assertThat(numbers(inbox.next(1))).containsExactly(1);
        assertNothingElse(events, inbox);
    }

    @Test
    void anIdOfAnotherChannelIsRefusedByThatChannelsName() {
        EventChannel events = open();
        await(events.publish(event("first")));
        Event elsewhere = Event.of(newChannelName(), "second").withId(id);
        StepVerifier.create(events.publish(elsewhere))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContaining(channel)
                        .hasMessageContaining(id));
    }

    @Test
    void anIdOfAnotherChannelSpoilsOnlyItsOwnPublish() {
        EventChannel events = open();
        await(events.publish(event("first")));
        Event elsewhere = Event.of(newChannelName(), "second").withId(id);
        List<Boolean> stored = await(Flux.range(0, 100)
                .flatMap(
                        i -> isStored(
                                events,
                                i == 50 ? elsewhere : Event.of(channel, i).withId(UUID.randomUUID())),
                        100)
                .collectList());
        assertThat(stored).hasSize(100).containsOnlyOnce(false);
    }

    private static Mono<Boolean> isStored(EventChannel events, Event event) {
        return events.publish(event).thenReturn(true).onErrorReturn(EventException.Invalid.class, false);
    }

    @Test
    void aPublishAllWithAnIdOfAnotherChannelStoresNothing() {
        EventChannel events = open();
        String other = newChannelName();
        await(events.publish(Event.of(other, "theirs").withId(id)));
        Inbox inbox = subscribe(events);
        List<Event> oneBad = List.of(Event.of(channel, 1), event("second"), Event.of(channel, 3));
        StepVerifier.create(events.publishAll(oneBad)).verifyError(EventException.Invalid.class);
        assertNothingElse(events, inbox);
    }

    @Test
    void anAcknowledgedEventIsStillKnownWhileItIsKept() {
        requires(Capability.RETENTION);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(event("first")));
        assertThat(await(inbox.next().ack())).isTrue();
        await(events.publish(event("second")));
        assertNothingElse(events, inbox);
    }
}
