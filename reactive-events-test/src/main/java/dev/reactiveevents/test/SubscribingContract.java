package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

abstract class SubscribingContract extends ContractGroup {

    private static final ChannelOptions LONG_LEASE = OPTIONS.withLease(Duration.ofMinutes(10));

    SubscribingContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void whatIsPublishedAfterOnReadyIsReceivedAndOnReadyIsCalledOnce() {
        AtomicInteger calls = new AtomicInteger();
        EventChannel events = open();
        Inbox inbox = new Inbox(Long.MAX_VALUE);
        Mono<String> published = Mono.create(sink -> events.subscribe(
                        channel, SubscribeOptions.defaults().withOnReady(() -> {
                            calls.incrementAndGet();
                            events.publish(channel, "first").subscribe(sink::success, sink::error);
                        }))
                .subscribe(inbox));
        assertThat(await(published)).isEqualTo(inbox.next().eventId());
        publish(events, 20);
        inbox.next(20);
        assertThat(calls).hasValue(1);
    }

    @Test
    void onReadyDoesNotWaitForDemand() {
        EventChannel events = open();
        Mono<Boolean> ready = Mono.create(sink -> events.subscribe(
                        channel, SubscribeOptions.defaults().withOnReady(() -> sink.success(true)))
                .subscribe(new Inbox(0)));
        assertThat(await(ready)).isTrue();
    }

    @Test
    void subscribesToSeveralChannels() {
        EventChannel events = open();
        String second = newChannelName();
        String third = newChannelName();
        Inbox inbox = subscribe(events, Long.MAX_VALUE, SubscribeOptions.defaults(), second, third);
        for (String name : List.of(channel, second, third)) {
            String id = await(events.publish(name, name));
            EventMessage message = inbox.next();
            assertThat(message.eventId()).isEqualTo(id);
            assertThat(message.channel()).isEqualTo(name);
        }
    }

    @Test
    void aBusyChannelDoesNotStarveTheOthers() {
        requires(Capability.SHARED);
        EventChannel events = open(OPTIONS.withClaimBatch(10));
        String quiet = newChannelName();
        publish(events, 500);
        String id = await(events.publish(quiet, "quiet"));
        Mono<Long> before = events.subscribe(List.of(channel, quiet), SubscribeOptions.defaults())
                .concatMap(message -> message.ack().thenReturn(message), 0)
                .takeUntil(message -> message.eventId().equals(id))
                .count();
        assertThat(await(before)).isLessThan(400);
    }

    @Test
    void theSameFluxSubscribedTwiceIsTwoCompetingSubscriptions() {
        requires(Capability.SHARED);
        EventChannel events = open();
        Flux<EventMessage> flux = events.subscribe(channel);
        Inbox one = new Inbox(1);
        Inbox two = new Inbox(1);
        flux.subscribe(one);
        flux.subscribe(two);
        List<String> ids = publish(events, 2);
        assertThat(List.of(one.next().eventId(), two.next().eventId())).containsExactlyInAnyOrderElementsOf(ids);
    }

    @Test
    void eachOfTwentyThousandEventsGoesToExactlyOneOfSixSubscribersInTwoChannelObjects() {
        requires(Capability.SHARED);
        EventChannel here = open(LONG_LEASE);
        EventChannel there = open(LONG_LEASE);
        Flux<Event> source = Flux.fromIterable(numbered(20_000));
        CompletableFuture<List<String>> published =
                here.publishAll(source).collectList().toFuture();
        Set<String> received = new HashSet<>();
        Flux.range(0, 6)
                .flatMap(i -> acknowledged(i % 2 == 0 ? here : there))
                .take(20_000)
                .doOnNext(id -> assertThat(received.add(id)).isTrue())
                .blockLast(Duration.ofMinutes(2));
        assertThat(received).isEqualTo(new HashSet<>(await(Mono.fromFuture(published))));
        assertNothingElse(there, subscribe(there));
    }

    private static Mono<String> acknowledgedId(EventMessage message) {
        return message.ack().map(ours -> ours ? message.eventId() : "not ours: " + message);
    }

    private Flux<String> acknowledged(EventChannel events) {
        return events.subscribe(channel).flatMap(SubscribingContract::acknowledgedId);
    }

    @Test
    void nextCanBeAcknowledgedAfterItsCancel() {
        EventChannel events = open();
        Mono<Boolean> acknowledged = events.subscribe(
                        channel,
                        SubscribeOptions.defaults()
                                .withOnReady(
                                        () -> events.publish(channel, "one").subscribe()))
                .next()
                .flatMap(EventMessage::ack);
        assertThat(await(acknowledged)).isTrue();
    }
}
