package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Capability;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

abstract class BackpressureContract extends ContractGroup {

    BackpressureContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void observedByASecondChannelObject() {
        requires(Capability.SHARED);
    }

    @Test
    void aDemandOfOneWithoutAPaceTakesOne() {
        EventChannel slow = open();
        publish(slow, 50);
        Inbox one = subscribe(slow, 1);
        assertThat(numbers(one.next(1))).containsExactly(0);
        assertThat(numbers(subscribe(open()).next(49))).isEqualTo(numbers(1, 50));
        one.assertEmpty();
    }

    @Test
    void noDemandTakesNothing() {
        EventChannel idle = open();
        Inbox nothing = subscribe(idle, 0);
        publish(idle, 50);
        assertThat(numbers(subscribe(open()).next(50))).isEqualTo(numbers(0, 50));
        nothing.assertEmpty();
    }

    @Test
    void noMoreThanPrefetchIsTakenWithoutBeingSettled() {
        EventChannel bounded = open();
        Inbox five =
                subscribe(bounded, Long.MAX_VALUE, SubscribeOptions.defaults().withPrefetch(5));
        publish(bounded, 50);
        List<EventMessage> messages = five.next(5);
        Inbox rest = subscribe(open());
        assertThat(numbers(rest.next(45))).isEqualTo(numbers(5, 50));
        rest.cancel();
        five.assertEmpty();
        await(messages.get(0).ack());
        String id = await(bounded.publish(channel, "room again"));
        assertThat(five.next().eventId()).isEqualTo(id);
    }

    @Test
    void theChannelsPrefetchHoldsWhereTheSubscriptionGivesNone() {
        EventChannel bounded = open(OPTIONS.withPrefetch(3));
        Inbox three = subscribe(bounded);
        publish(bounded, 20);
        three.next(3);
        subscribe(open()).next(17);
        three.assertEmpty();
    }

    @Test
    void settlingMakesRoomAtOnce() {
        EventChannel events = open(OPTIONS.withPollInterval(NO_POLLING).withPrefetch(1));
        publish(events, 100);
        Inbox inbox = subscribe(events);
        for (int i = 0; i < 100; i++) {
            EventMessage message = inbox.next(AT_ONCE);
            assertThat(message.payloadAs(Integer.class)).isEqualTo(i);
            await(i % 2 == 0 ? message.ack() : message.reject("odd"));
        }
    }

    @Test
    void aSlowConsumerLeavesTheEventsToAFastOne() {
        EventChannel events = open();
        Inbox slow = subscribe(events, 1);
        publish(events, 200);
        await(slow.next().ack());
        slow.request(1);
        Mono<List<EventMessage>> fast = open().subscribe(channel)
                .concatMap(message -> message.ack().thenReturn(message))
                .take(195)
                .collectList();
        assertThat(await(fast)).hasSize(195);
    }

    @Test
    void aConsumerThatFiltersWithoutSettlingDoesNotStall() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withPrefetch(4));
        publish(events, 12);
        Mono<List<Integer>> wanted = events.subscribe(channel)
                .filter(message -> message.payloadAs(Integer.class) >= 4)
                .concatMap(message -> message.ack().thenReturn(message.payloadAs(Integer.class)))
                .take(8)
                .collectList();
        assertThat(await(wanted)).containsExactlyInAnyOrderElementsOf(numbers(4, 12));
    }
}
