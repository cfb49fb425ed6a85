package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.test.StepVerifier;

abstract class SettlingByIdContract extends ContractGroup {

    SettlingByIdContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void anAckAnswersTrueForADeliveryOfThisChannelObject() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, "acked by its id"));
        EventMessage message = inbox.next();
        assertThat(await(events.ack(id))).isTrue();
        assertThat(await(message.nack())).isFalse();
        assertThat(await(events.ack(id))).isFalse();
    }

    @Test
    void aNackGivesBackByTheRetryPolicy() {
        requires(Capability.RETRY);
        EventChannel events = open(OPTIONS.withRetryPolicy(RetryPolicy.fixed(Duration.ZERO)));
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, "nacked by its id"));
        inbox.next();
        assertThat(await(events.nack(id))).isTrue();
        assertThat(inbox.next().attempts()).isEqualTo(2);
    }

    @Test
    void answersFalseForAnEventThatWasNeverDelivered() {
        EventChannel events = open();
        String unknown = UUID.randomUUID().toString();
        assertThat(await(events.ack(unknown))).isFalse();
        assertThat(await(events.nack(unknown))).isFalse();
    }

    @Test
    void aStrangerCannotSettleAnothersDelivery() {
        requires(Capability.SHARED);
        EventChannel owner = open();
        Inbox inbox = subscribe(owner);
        String id = await(owner.publish(channel, "mine"));
        EventMessage message = inbox.next();
        EventChannel stranger = open();
        assertThat(await(stranger.ack(id))).isFalse();
        assertThat(await(stranger.nack(id))).isFalse();
        assertThat(await(message.ack())).isTrue();
    }

    @Test
    void settlesTheDeliveryThatIsOpenAfterAnEarlierOneLapsed() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING);
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, "lapses once"));
        EventMessage lapsed = inbox.next();
        EventMessage again = inbox.next();
        assertThat(await(events.ack(id))).isTrue();
        assertThat(await(again.ack())).isTrue();
        assertThat(await(lapsed.ack().onErrorReturn(EventException.OutcomeUnknown.class, false)))
                .as("false, or not known once the row is gone")
                .isFalse();
    }

    @Test
    void answersFalseWhenTheDeliveryHasLapsed() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING);
        String id = await(events.publish(channel, "lapses"));
        await(events.receive(channel, AWAIT));
        awaitLapse(SHORT_LEASE);
        assertThat(await(events.ack(id))).isFalse();
    }

    @Test
    void answersFalseWhenTwoDeliveriesAreOpenHere() {
        requiresNot(Capability.SHARED);
        EventChannel events = open();
        Inbox one = subscribe(events);
        Inbox two = subscribe(events);
        String id = await(events.publish(channel, "for everybody"));
        assertThat(one.next().eventId()).isEqualTo(two.next().eventId());
        assertThat(await(events.ack(id))).isFalse();
        assertThat(await(events.nack(id))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "42", "not-a-uuid", "1-1-1-1-1", "0190c3f0-0000-7000-8000-00000000000g"})
    void refusesAnIdThatIsNone(String malformed) {
        EventChannel events = open();
        StepVerifier.create(events.ack(malformed)).verifyError(EventException.Invalid.class);
        StepVerifier.create(events.nack(malformed)).verifyError(EventException.Invalid.class);
    }
}
