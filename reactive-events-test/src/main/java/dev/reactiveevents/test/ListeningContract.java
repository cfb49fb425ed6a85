package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** Handlers at work: how many, how they end, and how they are stopped. */
abstract class ListeningContract extends ContractGroup {

    private static final ListenOptions ONE = ListenOptions.defaults();

    final Inbox inbox = new Inbox(0);

    ListeningContract(EventChannelContract contract) {
        super(contract);
    }

    EventListener listen(EventChannel events, EventHandler handler, ListenOptions options) {
        EventListener listener = events.listen(channel, handler, options);
        awaitEnd(listener.ready());
        return listener;
    }

    EventListener listen(EventChannel events, EventHandler handler) {
        return listen(events, handler, ONE);
    }

    /** Notes that a handler has begun; its work is what comes after. */
    EventHandler noting(Mono<Void> work) {
        return message ->
                Mono.<Void>fromRunnable(() -> inbox.hookOnNext(message)).then(work);
    }

    /** All that it has begun has ended, and is counted. */
    static EventListener.Counts countsAtTheEnd(EventListener listener) {
        awaitEnd(listener.stop(AWAIT));
        assertThat(listener.state()).isEqualTo(State.STOPPED);
        return listener.counts();
    }

    // == Stopping ==

    @Test
    void whatWaitsWhenItIsStoppedIsGivenBackAtOnceAlthoughAHandlerIsAtWork() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        Sinks.Empty<Void> gate = Sinks.empty();
        EventListener listener = listen(
                events,
                noting(gate.asMono()),
                ListenOptions.defaults().withConcurrency(3).withKeyedConcurrency(message -> "one"));
        publish(events, 3);
        assertThat(inbox.next().payloadAs(Integer.class)).isZero();
        awaitUntil(
                events.inspect().counts(channel).map(counts -> counts.leased().atLeast() == 3));
        Mono<Void> stopping = listener.stop(AWAIT).cache();
        stopping.subscribe();

        List<EventMessage> given = subscribe(open()).next(2);
        assertThat(numbers(given)).containsExactlyInAnyOrder(1, 2);
        assertThat(given).extracting(EventMessage::attempts).containsOnly(1);
        assertThat(listener.state()).isEqualTo(State.STOPPING);
        gate.tryEmitEmpty();
        awaitEnd(stopping);
        assertThat(listener.counts().handled()).isEqualTo(1);
    }

    // == Handling ==

    @Test
    void whatIsPublishedOnceItIsReadyIsHandled() {
        EventChannel events = open(OPTIONS.withPollInterval(NO_POLLING));
        EventListener listener = listen(events, noting(Mono.empty()));
        assertThat(listener.state()).isEqualTo(State.RUNNING);
        assertThat(listener.channel()).isEqualTo(channel);
        publish(events, 20);

        assertThat(numbers(inbox.next(20))).isEqualTo(numbers(0, 20));
        EventListener.Counts counts = countsAtTheEnd(listener);
        assertThat(counts.handled()).isEqualTo(20);
        assertThat(counts.handling()).isZero();
        assertThat(counts.failed()).isZero();
    }

    @Test
    void itHandlesAsManyAtOnceAsItsConcurrencySaysAndNoMore() {
        EventChannel events = open();
        AtomicInteger atWork = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Sinks.Empty<Void> gate = Sinks.empty();
        EventHandler handler = message -> Mono.defer(() -> {
            most.accumulateAndGet(atWork.incrementAndGet(), Math::max);
            inbox.hookOnNext(message);
            return gate.asMono()
                    .publishOn(Schedulers.parallel())
                    .doOnSuccess(end -> atWork.decrementAndGet()); // before the slot is free
        });
        listen(events, handler, ONE.withConcurrency(4));
        publish(events, 40);
        inbox.next(4);
        gate.tryEmitEmpty();
        inbox.next(36);

        assertThat(most).hasValue(4);
    }

    @Test
    void aBlockingHandlerMayBlock() {
        EventChannel events = open();
        String questions = newChannelName();
        Inbox answered = subscribe(events);
        EventListener listener = events.listen(
                questions,
                EventHandler.blocking(
                        message -> events.publish(channel, "an answer").block(AWAIT)));
        awaitEnd(listener.ready());
        await(events.publish(questions, "a question"));

        assertThat(answered.next().channel()).isEqualTo(channel);
        assertThat(countsAtTheEnd(listener).handled()).isEqualTo(1);
    }

    @Test
    @SuppressWarnings("NullAway")
    void aHandlerThatFailsHarmsOnlyItsEvent() {
        EventChannel events = open(OPTIONS.withRetryPolicy(RetryPolicy.fixed(Duration.ZERO)));
        EventHandler handler = message -> {
            int number = message.payloadAs(Integer.class);
            boolean fails = message.attempts() == 1 && number % 2 == 1;
            inbox.hookOnNext(message);
            if (!fails) {
                return Mono.empty();
            }
            if (number == 1) {
                throw new IllegalStateException("thrown");
            }
            return number == 3 ? null : Mono.error(new IllegalStateException("an error"));
        };
        EventListener listener = listen(events, handler);
        publish(events, 8);
        int again = comesAgain() ? 4 : 0;
        List<Integer> handled = numbers(inbox.next(8 + again));
        EventListener.Counts counts = countsAtTheEnd(listener);

        assertThat(handled).containsAll(numbers(0, 8));
        assertThat(counts.failed()).isEqualTo(4);
        assertThat(counts.handled()).isEqualTo(4 + again);
        assertThat(counts.retried()).isEqualTo(again);
    }

    @Test
    void aHandlerThatNeverEndsIsCancelledAndTheNextEventIsHandled() {
        EventChannel events = open(LAPSING);
        Sinks.Empty<Void> cancelled = Sinks.empty();
        EventHandler handler = message -> {
            inbox.hookOnNext(message);
            return message.attempts() == 1 && message.payloadAs(Integer.class) == 0
                    ? Mono.<Void>never().doOnCancel(cancelled::tryEmitEmpty)
                    : Mono.empty();
        };
        EventListener listener = listen(events, handler, ONE.withMaxProcessingTime(SHORT_LEASE.multipliedBy(2)));
        publish(events, 2);
        assertThat(numbers(inbox.next(2))).containsExactly(0, 1);
        awaitEnd(cancelled.asMono());
        if (comesAgain()) {
            assertThat(inbox.next().attempts()).as("when its lease has lapsed").isEqualTo(2);
        }

        assertThat(countsAtTheEnd(listener).timedOut()).isEqualTo(1);
    }

    @Test
    void eventsOfOneKeyAreHandledInOrderAndOneAtATime() {
        EventChannel events = open();
        Set<Integer> atWork = ConcurrentHashMap.newKeySet();
        Map<Integer, List<Integer>> handled = new ConcurrentHashMap<>();
        AtomicInteger overlaps = new AtomicInteger();
        AtomicInteger mostAtOnce = new AtomicInteger();
        EventHandler handler = message -> Mono.defer(() -> {
            int number = message.payloadAs(Integer.class);
            int key = number % 3;
            if (!atWork.add(key)) {
                overlaps.incrementAndGet();
            }
            mostAtOnce.accumulateAndGet(atWork.size(), Math::max);
            handled.computeIfAbsent(key, name -> new CopyOnWriteArrayList<>()).add(number);
            return Mono.delay(Duration.ofMillis(1)).then(Mono.fromRunnable(() -> {
                atWork.remove(key);
                inbox.hookOnNext(message);
            }));
        });
        ListenOptions keyed = ONE.withConcurrency(6)
                .withKeyedConcurrency(message -> String.valueOf(message.payloadAs(Integer.class) % 3));
        listen(events, handler, keyed);
        publish(events, 300);
        inbox.next(300);

        assertThat(overlaps).hasValue(0);
        assertThat(mostAtOnce).as("keys that were worked on at once").hasValue(3);
        for (int key = 0; key < 3; key++) {
            int first = key;
            assertThat(handled.get(key))
                    .isEqualTo(
                            IntStream.range(0, 100).mapToObj(i -> first + 3 * i).toList());
        }
    }

    // == Settling ==

    @Test
    void anEventIsAcknowledgedWhenItsHandlerCompletes() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING);
        EventListener listener = listen(events, noting(Mono.empty()));
        publish(events, 3);
        inbox.next(3);
        assertThat(countsAtTheEnd(listener).acked()).isEqualTo(3);
        Inbox other = subscribe(open());
        awaitLapse(SHORT_LEASE);

        other.assertEmpty();
    }

    @Test
    void withoutAutoAckTheHandlerSettles() {
        requires(Capability.RETRY);
        EventChannel events = open(RENEWING);
        EventListener listener = listen(events, noting(Mono.empty()), ONE.withAutoAck(false));
        publish(events, 2);
        List<EventMessage> kept = inbox.next(2);
        Inbox other = subscribe(open()); // only now: before, the second could have been its own
        awaitLapse(RENEWED_LEASE);
        other.assertEmpty();

        assertThat(await(kept.get(0).ack())).isTrue();
        assertThat(await(kept.get(1).reject("by hand"))).isTrue();
        EventListener.Counts counts = countsAtTheEnd(listener);
        assertThat(counts.acked()).isEqualTo(1);
        assertThat(counts.deadLettered()).isEqualTo(1);
    }

    @Test
    void theLeaseLastsAsLongAsTheHandlerIsAtWork() {
        requires(Capability.RETRY);
        EventChannel events = open(RENEWING);
        Sinks.Empty<Void> gate = Sinks.empty();
        EventListener listener = listen(events, noting(gate.asMono()));
        publish(events, 1);
        EventMessage message = inbox.next();
        Inbox other = subscribe(open());
        awaitLapse(RENEWED_LEASE);
        other.assertEmpty();
        assertThat(message.isLeaseLost()).isFalse();
        gate.tryEmitEmpty();

        assertThat(countsAtTheEnd(listener).acked()).isEqualTo(1);
    }

    // == Stopping ==

    @Test
    void stopWaitsForTheHandlersAtWork() {
        EventChannel events = open();
        Sinks.Empty<Void> gate = Sinks.empty();
        EventListener listener = listen(events, noting(gate.asMono()));
        publish(events, 2);
        inbox.next();
        StepVerifier.create(listener.stop(AWAIT))
                .then(() -> assertThat(listener.state()).isEqualTo(State.STOPPING))
                .then(gate::tryEmitEmpty)
                .expectComplete()
                .verify(AWAIT);

        assertThat(listener.counts().handled()).isEqualTo(1);
        inbox.assertEmpty();
    }

    @Test
    void whatIsLeftWhenTheTimeoutIsOverIsGivenBackAtOnce() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Sinks.Empty<Void> cancelled = Sinks.empty();
        EventListener listener = listen(events, noting(Mono.<Void>never().doOnCancel(cancelled::tryEmitEmpty)));
        publish(events, 5);
        inbox.next();
        awaitEnd(listener.stop(Duration.ZERO));
        awaitEnd(cancelled.asMono());
        Inbox other = subscribe(events);
        List<EventMessage> all =
                IntStream.range(0, 5).mapToObj(i -> other.next(AT_ONCE)).toList();

        assertThat(numbers(all)).containsExactlyInAnyOrderElementsOf(numbers(0, 5));
        assertThat(all)
                .filteredOn(message -> message.payloadAs(Integer.class) == 0)
                .allSatisfy(message -> assertThat(message.attempts()).isEqualTo(2));
        assertThat(all)
                .filteredOn(message -> message.payloadAs(Integer.class) > 0)
                .allSatisfy(message -> assertThat(message.attempts()).isEqualTo(1));
    }

    @Test
    void aListenerIsStoppedByItsIdAndTheOthersGoOn() {
        EventChannel events = open();
        EventListener stopped = listen(events, message -> Mono.empty());
        EventListener other = listen(events, noting(Mono.empty()));
        assertThat(other.id()).isNotEqualTo(stopped.id());
        assertThat(await(events.stopListener(stopped.id()))).isTrue();
        assertThat(await(events.stopListener(stopped.id()))).isFalse();
        assertThat(stopped.state()).isEqualTo(State.STOPPED);
        publish(events, 3);

        // a claim made for both may still be on its way, and then gives back the event of the one that is gone
        assertThat(numbers(inbox.next(3))).containsExactlyInAnyOrder(0, 1, 2);
    }

    @Test
    void theShutdownWaitsForHandlersAndStopsTheListener() {
        EventChannel events = open(OPTIONS.withShutdownTimeout(AWAIT));
        Sinks.Empty<Void> gate = Sinks.empty();
        EventListener listener = listen(events, noting(gate.asMono()));
        publish(events, 2);
        inbox.next();
        Mono<Void> shutdown = events.shutdown();
        shutdown.subscribe();
        gate.tryEmitEmpty();
        StepVerifier.create(shutdown).expectComplete().verify(AWAIT);

        assertThat(listener.state()).isEqualTo(State.STOPPED);
        assertThat(listener.counts().handled()).isEqualTo(1);
        assertThatExceptionOfType(EventException.Closed.class)
                .isThrownBy(() -> events.listen(channel, message -> Mono.empty()));
    }

    @Test
    void theShutdownCancelsHandlersAtItsBoundAndGivesTheirEventsBackAtOnce() {
        EventChannel events = open();
        Sinks.Empty<Void> cancelled = Sinks.empty();
        EventListener listener = listen(events, noting(Mono.<Void>never().doOnCancel(cancelled::tryEmitEmpty)));
        publish(events, 1);
        inbox.next();
        awaitEnd(events.shutdown());
        awaitEnd(cancelled.asMono());
        assertThat(listener.state()).isEqualTo(State.STOPPED);
        if (comesAgain()) {
            assertThat(subscribe(open()).next(AT_ONCE).attempts()).isEqualTo(2);
        }
    }

    // == Bad input ==

    @Test
    void badInputIsRefused() {
        EventChannel events = open();
        EventHandler handler = message -> Mono.empty();
        for (Runnable bad : List.<Runnable>of(
                () -> events.listen("no name", handler),
                () -> events.listen(BadInputContract.nothing(), handler),
                () -> events.listen(channel, BadInputContract.nothing()),
                () -> events.listen(channel, handler, BadInputContract.nothing()),
                () -> events.listen(channel, handler, ONE.withConcurrency(2).withPrefetch(1)))) {
            assertThatExceptionOfType(EventException.Invalid.class).isThrownBy(bad::run);
        }
        BadInputContract.assertRefused(events.stopListener(BadInputContract.nothing()));
        BadInputContract.assertRefused(listen(events, handler).stop(BadInputContract.NEGATIVE));
    }

    @Test
    void whereNothingComesAgainAttemptsAndPoliciesAreRefusedWithTheRemedy() {
        requiresNot(Capability.RETRY);
        EventChannel events = open();
        for (ListenOptions unsupported : Set.of(ONE.withMaxAttempts(3), ONE.withRetry(RetryPolicy.none()))) {
            assertThatExceptionOfType(EventException.Unsupported.class)
                    .isThrownBy(() -> events.listen(channel, message -> Mono.empty(), unsupported))
                    .withMessageContaining("durable");
        }
    }
}
