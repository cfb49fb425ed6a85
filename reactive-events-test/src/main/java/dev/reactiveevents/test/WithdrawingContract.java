package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

abstract class WithdrawingContract extends ContractGroup {

    WithdrawingContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void aDelayedEventIsNotDeliveredOnceWithdrawn() {
        requires(Capability.UPKEEP);
        requires(Capability.DELAY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Duration delay = Duration.ofSeconds(2);
        String withdrawn = await(events.publish(Event.of(channel, 1).withDelay(delay)));
        assertThat(await(events.withdraw(withdrawn))).isTrue();
        String kept = await(events.publish(Event.of(channel, 2).withDelay(delay)));
        assertThat(inbox.next().eventId()).isEqualTo(kept);
        assertThat(await(events.withdraw(withdrawn))).as("it is gone").isFalse();
    }

    @Test
    void aWithdrawnEventLetsGoOfItsKey() {
        requires(Capability.UPKEEP);
        requires(Capability.DELAY);
        requires(Capability.KEYS);
        EventChannel events = open(OPTIONS.withPollInterval(NO_POLLING));
        Inbox inbox = subscribe(events);
        String first =
                await(events.publish(Event.of(channel, "first").withKey("a").withDelay(Duration.ofMinutes(5))));
        String second = await(events.publish(Event.of(channel, "second").withKey("a")));
        assertNothingElse(events, inbox);
        inbox.assertEmpty();

        assertThat(await(events.withdraw(first))).isTrue();
        assertThat(inbox.next(AT_ONCE).eventId()).isEqualTo(second);
    }

    @Test
    void anEventThatIsDueAndWasNotTakenCanBeWithdrawn() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        String id = await(events.publish(channel, 1));
        assertThat(await(events.withdraw(id))).isTrue();
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void whatHasBeenTakenCannotBeWithdrawnWhateverBecameOfIt() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        List<String> ids = publish(events, 4);
        List<EventMessage> messages = inbox.next(4);
        await(messages.get(1).ack());
        await(messages.get(2).nack(Duration.ofMinutes(5)));
        await(messages.get(3).reject("dead"));
        ids.forEach(id -> assertThat(await(events.withdraw(id))).isFalse());
        assertThat(await(messages.get(0).ack())).isTrue();
    }

    @Test
    void aRequeuedDeadLetterCanBeWithdrawnUntilItIsTakenAgain() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        List<String> ids = publish(events, 2);
        for (EventMessage message : subscribeOnce(events, 2)) {
            await(message.reject("dead"));
        }
        for (String id : ids) {
            assertThat(await(events.withdraw(id))).as("while it is dead").isFalse();
            assertThat(await(events.deadLetters(channel).requeue(id))).isTrue();
        }
        assertThat(await(events.withdraw(ids.get(0)))).isTrue();
        assertThat(ids(subscribeOnce(events, 1))).containsExactly(ids.get(1));
        assertThat(await(events.withdraw(ids.get(1)))).isFalse();
    }

    private List<EventMessage> subscribeOnce(EventChannel events, int count) {
        Inbox inbox = subscribe(events, count);
        List<EventMessage> messages = inbox.next(count);
        inbox.cancel();
        return messages;
    }

    @Test
    void whatWasClaimedAndGivenBackUnseenCanBeWithdrawn() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        List<String> ids = publish(events, 20);
        Inbox inbox = consume(events, 5);
        inbox.cancel();
        EventChannel other = open();
        awaitEnd(events.shutdown());
        assertThat(await(other.withdraw(ids.get(19)))).isTrue();
        assertThat(ids(subscribe(other).next(14))).isEqualTo(ids.subList(5, 19));
    }

    @Test
    void theIdOfAWithdrawnEventIsFree() {
        requires(Capability.UPKEEP);
        requires(Capability.DEDUPLICATION);
        EventChannel events = open();
        String id = UUID.randomUUID().toString();
        await(events.publish(Event.of(channel, 1).withId(id)));
        assertThat(await(events.withdraw(id))).isTrue();
        await(events.publish(Event.of(channel, 2).withId(id)));
        assertThat(subscribe(events).next().payloadAs(Integer.class)).isEqualTo(2);
    }

    @Test
    void eachEventIsEitherWithdrawnOrDelivered() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        int count = 200;
        List<String> ids = publish(events, count);
        Inbox inbox = subscribe(events, 0);
        List<String> backwards = new ArrayList<>(ids);
        Collections.reverse(backwards);
        List<String> withdrawn = await(Flux.fromIterable(backwards)
                .doOnNext(id -> inbox.request(1))
                .flatMap(id -> events.withdraw(id).filter(gone -> gone).map(gone -> id), 8)
                .collectList());
        assertThat(withdrawn).isNotEmpty();
        assertThat(ids(inbox.next(count - withdrawn.size()))).doesNotContainAnyElementsOf(withdrawn);
        assertNothingElse(events, inbox);
    }

    @Test
    void anUnknownIdAnswersFalseAndABadOneIsRefused() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        assertThat(await(events.withdraw(UUID.randomUUID().toString()))).isFalse();
        StepVerifier.create(events.withdraw("42")).verifyError(EventException.Invalid.class);
        awaitEnd(events.shutdown());
        StepVerifier.create(events.withdraw(UUID.randomUUID().toString())).verifyError(EventException.Closed.class);
    }

    @Test
    void whereNothingIsStoredAllOfItIsRefusedWithTheRemedy() {
        requiresNot(Capability.UPKEEP);
        EventChannel events = open();
        StepVerifier.create(events.withdraw(UUID.randomUUID().toString()))
                .verifyErrorSatisfies(refused -> assertThat(refused)
                        .isInstanceOf(EventException.Unsupported.class)
                        .hasMessageContaining("choose a durable backend"));
        if (!has(Capability.DEAD_LETTERS)) {
            assertThatThrownBy(() -> events.deadLetters(channel))
                    .isInstanceOf(EventException.Unsupported.class)
                    .hasMessageContaining("choose a durable backend");
        }
        assertThatThrownBy(events::inspect)
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("choose a durable backend");
    }
}
