package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

abstract class ShutdownContract extends ContractGroup {

    private static final ChannelOptions PATIENT = OPTIONS.withShutdownTimeout(Duration.ofSeconds(30));

    ShutdownContract(EventChannelContract contract) {
        super(contract);
    }

    private static void assertClosed(Flux<?> refused) {
        StepVerifier.create(refused).expectError(EventException.Closed.class).verify(AWAIT);
    }

    private static void assertShutsDownAtOnce(EventChannel events) {
        StepVerifier.create(events.shutdown()).expectComplete().verify(AT_ONCE);
    }

    @Test
    void anUnusedChannelShutsDownAtOnce() {
        assertShutsDownAtOnce(open(PATIENT));
    }

    @Test
    void anIdleSubscriptionDoesNotDelayIt() {
        EventChannel events = open(PATIENT.withPollInterval(NO_POLLING));
        Inbox inbox = subscribe(events);
        assertShutsDownAtOnce(events);
        awaitEnd(inbox.end());
    }

    @Test
    void itCanBeRepeated() {
        EventChannel events = open(PATIENT);
        await(events.publish(channel, 1));
        awaitEnd(Mono.when(events.shutdown(), events.shutdown()));
        assertShutsDownAtOnce(events);
    }

    @Test
    void itDoesNothingBeforeItIsSubscribedTo() {
        EventChannel events = open();
        Mono<Void> unused = events.shutdown();
        assertThat(unused).isNotNull();
        assertThat(await(events.publish(channel, 1))).isNotEmpty();
    }

    @Test
    void cancellingItDoesNotStopIt() {
        EventChannel events = open(PATIENT);
        Inbox inbox = subscribe(events);
        events.shutdown().subscribe().dispose();
        awaitEnd(inbox.end());
        assertClosed(events.publish(channel, 1).flux());
        awaitEnd(events.shutdown());
    }

    @Test
    void afterwardsEverythingNewIsRefusedAsClosed() {
        EventChannel events = open();
        Mono<String> prepared = events.publish(channel, "prepared before");
        awaitEnd(events.shutdown());
        assertClosed(prepared.flux());
        assertClosed(events.publish(channel, 1).flux());
        assertClosed(events.publishAll(numbered(2)).flux());
        assertClosed(events.publishAll(Flux.fromIterable(numbered(2))));
        assertClosed(events.subscribe(channel));
        assertClosed(events.receive(channel, AWAIT).flux());
    }

    @Test
    void subscriptionsComplete() {
        EventChannel events = open();
        Inbox one = subscribe(events);
        Inbox two = subscribe(events, 0);
        awaitEnd(events.shutdown());
        awaitEnd(one.end());
        awaitEnd(two.end());
    }

    @Test
    void aWaitingReceiveEndsEmpty() {
        EventChannel events = open();
        CompletableFuture<EventMessage> received =
                events.receive(channel, Duration.ofMinutes(5)).toFuture();
        awaitEnd(events.shutdown());
        assertThat(Mono.fromFuture(received).blockOptional(AWAIT)).isEmpty();
    }

    @Test
    void acceptedPublishesAreWritten() {
        requires(Capability.SHARED);
        EventChannel events = open(PATIENT);
        List<CompletableFuture<String>> published = numbered(500).stream()
                .map(event -> events.publish(event).toFuture())
                .toList();
        awaitEnd(events.shutdown());
        List<String> ids =
                await(Flux.fromIterable(published).flatMap(Mono::fromFuture).collectList());
        assertThat(ids(subscribe(open()).next(500))).containsExactlyInAnyOrderElementsOf(ids);
    }

    @Test
    void whatWasNotHandedOverIsGivenBackAtOnceToItsOldPlace() {
        requiresReleases();
        requires(Capability.SHARED);
        EventChannel events = open(PATIENT);
        publish(events, 400);
        Inbox ended = consume(events, 200);
        assertShutsDownAtOnce(events);
        Inbox other = subscribe(open());
        List<EventMessage> rest = other.next(200);
        assertThat(numbers(rest)).isEqualTo(numbers(200, 400));
        assertThat(rest).allSatisfy(message -> assertThat(message.attempts()).isEqualTo(1));
        ended.assertEmpty();
    }

    @Test
    void messagesInHandAreGivenBackAtTheBoundAndTheirAttemptCounts() {
        requires(Capability.RETRY);
        EventChannel events = open(OPTIONS.withShutdownTimeout(Duration.ofMillis(300)));
        Inbox inbox = subscribe(events);
        publish(events, 3);
        List<EventMessage> inHand = inbox.next(3);
        StepVerifier.create(events.shutdown()).expectComplete().verify(AT_ONCE);
        Inbox other = subscribe(open());
        List<EventMessage> again = List.of(other.next(AT_ONCE), other.next(AT_ONCE), other.next(AT_ONCE));
        assertThat(again).allSatisfy(message -> assertThat(message.attempts()).isEqualTo(2));
        assertThat(ids(again)).containsExactlyInAnyOrderElementsOf(ids(inHand));
    }

    @Test
    void itWaitsForMessagesInHandToBeSettled() {
        requires(Capability.RETRY);
        EventChannel events = open(PATIENT);
        Inbox inbox = subscribe(events);
        publish(events, 2);
        List<EventMessage> inHand = inbox.next(2);
        CompletableFuture<Void> shutdown = events.shutdown().toFuture();
        awaitEnd(inbox.end());
        assertThat(await(inHand.get(0).ack())).isTrue();
        assertThat(shutdown).isNotDone();
        assertThat(await(inHand.get(1).ack())).isTrue();
        Mono.fromFuture(shutdown).block(AT_ONCE);
        EventChannel other = open();
        assertNothingElse(other, subscribe(other));
    }

    @Test
    void settlesInFlightAreFlushed() {
        requires(Capability.SHARED);
        EventChannel events = open(PATIENT);
        Inbox inbox = subscribe(events);
        publish(events, 300);
        List<CompletableFuture<Boolean>> acks = inbox.next(300).stream()
                .map(message -> message.ack().toFuture())
                .toList();
        awaitEnd(events.shutdown());
        assertThat(acks).allSatisfy(ack -> assertThat(ack).isCompletedWithValue(true));
        EventChannel other = open();
        assertNothingElse(other, subscribe(other));
    }

    @Test
    void theOtherChannelObjectsOfTheStoreGoOn() {
        requires(Capability.SHARED);
        EventChannel staying = open();
        Inbox inbox = subscribe(staying);
        EventChannel leaving = open();
        Inbox ended = subscribe(leaving, 0);
        awaitEnd(leaving.shutdown());
        awaitEnd(ended.end());
        publish(staying, 10);
        assertThat(numbers(inbox.next(10))).isEqualTo(numbers(0, 10));
    }
}
