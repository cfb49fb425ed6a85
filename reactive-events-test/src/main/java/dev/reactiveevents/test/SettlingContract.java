package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

abstract class SettlingContract extends ContractGroup {

    private static final Duration LATER = Duration.ofMinutes(1);

    SettlingContract(EventChannelContract contract) {
        super(contract);
    }

    private EventMessage delivered() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "to be settled"));
        return inbox.next();
    }

    private static void assertTrue(Mono<Boolean> answer) {
        assertThat(await(answer)).isTrue();
    }

    private static void assertFalse(Mono<Boolean> answer) {
        assertThat(await(answer)).isFalse();
    }

    @Test
    void anAckAnswersTrueAndSoDoesItsRepetition() {
        EventMessage message = delivered();
        assertTrue(message.ack());
        assertTrue(message.ack());
    }

    @Test
    void theSameAckSubscribedTwiceAnswersTrueTwice() {
        Mono<Boolean> ack = delivered().ack();
        assertTrue(ack);
        assertTrue(ack);
    }

    @Test
    void anAckedEventIsNotDeliveredAgain() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        await(events.publish(channel, "once"));
        assertTrue(inbox.next().ack());
        awaitLapse(SHORT_LEASE);
        inbox.assertEmpty();
    }

    @Test
    void aNackAnswersTrueAndSoDoesItsRepetition() {
        requires(Capability.RETRY);
        EventMessage message = delivered();
        assertTrue(message.nack(LATER));
        assertTrue(message.nack(LATER));
    }

    @Test
    void aRejectAnswersTrueAndSoDoesItsRepetition() {
        requires(Capability.RETRY);
        EventMessage message = delivered();
        assertTrue(message.reject("never again"));
        assertTrue(message.reject("never again"));
    }

    @Test
    void afterAnAckEveryOtherOutcomeAnswersFalse() {
        requires(Capability.RETRY);
        EventMessage message = delivered();
        assertTrue(message.ack());
        assertFalse(message.nack());
        assertFalse(message.nack(LATER));
        assertFalse(message.reject("too late"));
        assertFalse(message.extend(LATER));
        assertTrue(message.ack());
    }

    @Test
    void afterANackEveryOtherOutcomeAnswersFalse() {
        requires(Capability.RETRY);
        EventMessage message = delivered();
        assertTrue(message.nack(LATER));
        assertFalse(message.ack());
        assertFalse(message.reject("too late"));
        assertFalse(message.extend(LATER));
    }

    @Test
    void afterARejectEveryOtherOutcomeAnswersFalse() {
        requires(Capability.RETRY);
        EventMessage message = delivered();
        assertTrue(message.reject("never again"));
        assertFalse(message.ack());
        assertFalse(message.nack());
        assertFalse(message.extend(LATER));
    }

    @Test
    void aReleasedEventKeepsItsPlaceAndTheDeliveryDoesNotCount() {
        requiresReleases();
        EventChannel events = open();
        Inbox inbox = subscribe(events, 1);
        List<String> ids = publish(events, 2);
        EventMessage first = inbox.next();
        assertTrue(first.release());
        assertTrue(first.release());
        assertFalse(first.ack());
        inbox.request(2);
        List<EventMessage> again = inbox.next(2);
        assertThat(ids(again)).isEqualTo(ids);
        assertThat(again.get(0).attempts()).isEqualTo(1);
    }

    @Test
    void ofABroadcastEventThereIsNothingToRelease() {
        requiresNot(Capability.RETRY);
        assertTrue(delivered().release());
    }

    @Test
    void anActionThatNobodySubscribesToDoesNothing() {
        requires(Capability.RETRY);
        EventMessage message = delivered();
        Stream<Mono<Boolean>> unused = Stream.of(message.nack(), message.reject("never sent"), message.extend(LATER));
        assertThat(unused).hasSize(3);
        assertTrue(message.ack());
    }

    @Test
    void ofConcurrentOutcomesExactlyOneCounts() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 200);
        for (EventMessage message : inbox.next(200)) {
            List<Boolean> answers = await(Flux.merge(message.reject("raced"), message.ack(), message.nack(LATER))
                    .collectList());
            assertThat(answers).containsOnlyOnce(true).hasSize(3);
        }
    }

    @Test
    void aThousandAcksAtOnceEachAnswerTrue() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 1_000);
        List<Boolean> answers = await(Flux.fromIterable(inbox.next(1_000))
                .flatMap(EventMessage::ack, 1_000)
                .collectList());
        assertThat(answers).hasSize(1_000).containsOnly(true);
    }

    @Test
    void eventsAreAckedTogetherAndEachIsAnswered() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 3);
        List<EventMessage> messages = inbox.next(3);
        assertTrue(messages.get(1).reject("before"));
        assertThat(await(events.ackAll(messages))).containsExactly(true, false, true);
        assertThat(await(events.ackAll(List.of()))).isEmpty();
    }

    @Test
    void anAckWhoseCallerLeavesIsStillRepeatable() {
        EventMessage message = delivered();
        message.ack().subscribe().dispose();
        assertTrue(message.ack());
    }
}
