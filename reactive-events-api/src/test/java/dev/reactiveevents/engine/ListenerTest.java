package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.test.subscriber.TestSubscriber;

/** Slots, states and ends of a listener, in virtual time. */
class ListenerTest extends VirtualTimeEngine {

    private static final ListenOptions OPTIONS = ListenOptions.defaults();

    private final ManualHandler handler = new ManualHandler();

    private EventListener listen(ListenOptions options) {
        return channel.listen("orders", handler, options);
    }

    private EventListener listen(EventHandler with) {
        return channel.listen("orders", with, OPTIONS);
    }

    private List<Outcome> outcomes() {
        return backend.settlements.stream().map(Settlement::outcome).toList();
    }

    // == Slots ==

    @Test
    void anEventIsAcknowledgedWhenItsHandlerCompletes() {
        backend.store(1);
        EventListener listener = listen(OPTIONS);
        assertThat(outcomes()).isEmpty();
        handler.complete(0);

        assertThat(outcomes()).containsExactly(Outcome.ACK);
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 1, 0, 0, 1, 0, 0, 0));
    }

    @Test
    void asManyHandlersAreAtWorkAsTheConcurrencySaysAndNothingElseIsTaken() {
        backend.store(10);
        EventListener listener = listen(OPTIONS.withConcurrency(3));

        assertThat(handler.started).hasSize(3);
        assertThat(listener.counts().handling()).isEqualTo(3);
        assertThat(backend.stored).hasSize(7);
        handler.complete(1);
        assertThat(handler.started).hasSize(4);
    }

    @Test
    void aSlotIsFreeAlthoughTheAckIsStillOnItsWay() {
        backend.store(3);
        backend.onSettle = batch -> Mono.never();
        listen(OPTIONS);
        handler.complete(0);

        assertThat(handler.started).hasSize(2);
    }

    @Test
    void theAckIsSaidBeforeTheNextHandlerBegins() {
        backend.store(2);
        List<Integer> settledBefore = new ArrayList<>();
        Sinks.Empty<Void> first = Sinks.empty();
        listen(message -> {
            settledBefore.add(backend.settlements.size());
            return first.asMono();
        });
        first.tryEmitEmpty();

        assertThat(settledBefore).containsExactly(0, 1);
    }

    @Test
    void acksOnTheirWayStayWithinThePrefetch() {
        backend.store(100);
        backend.onSettle = batch -> Mono.never();
        AtomicInteger handled = new AtomicInteger();
        channel.listen(
                "orders",
                message -> Mono.fromRunnable(handled::incrementAndGet),
                OPTIONS.withConcurrency(2).withPrefetch(5));

        assertThat(handled).as("one more for each of two lanes").hasValueLessThanOrEqualTo(7);
        assertThat(handled).hasValueGreaterThanOrEqualTo(5);
    }

    @Test
    void handlersThatCompleteAtOnceDoNotPileUp() {
        backend.store(5_000);
        AtomicInteger handled = new AtomicInteger();
        EventListener listener = listen(message -> Mono.fromRunnable(handled::incrementAndGet));
        advance(Duration.ofSeconds(10));

        assertThat(handled).hasValue(5_000);
        assertThat(listener.counts().acked()).isEqualTo(5_000);
        assertThat(outcomes()).hasSize(5_000).containsOnly(Outcome.ACK);
    }

    @Test
    void aListenerAsksForNoMoreThanItCanHandle() {
        assertThatThrownBy(() -> listen(OPTIONS.withConcurrency(8).withPrefetch(7)))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("8")
                .hasMessageContaining("7");
    }

    // == Settling oneself ==

    /** The database was away for longer than a lease, and nobody says the outcome again. */
    @Test
    void whatAHandlerSaidInVainIsNotRenewedAfterItsEnd() {
        backend.store(1);
        backend.onSettle = batch -> Mono.error(new EventException.Unavailable("away", null));
        listen(message -> {
            message.reject("broken").subscribe(null, error -> {});
            return Mono.empty();
        });
        advance(ChannelOptions.defaults().lease().plusSeconds(2));
        backend.onSettle = ScriptedBackend::applyAll;
        backend.settlements.clear();
        advance(Duration.ofMinutes(2));

        assertThat(outcomes()).isEmpty();
    }

    /** So that events are read ahead for it. */
    @Test
    void whatAHandlerSaysItselfCountsForItsPace() {
        Sinks.One<List<SettleResult>> first = Sinks.one();
        backend.store(3);
        backend.onSettle = batch -> first.asMono();
        channel.listen("orders", message -> Mono.fromRunnable(message.ack()::subscribe), OPTIONS.withConcurrency(3));
        backend.onSettle = ScriptedBackend::applyAll;
        assertThat(outcomes()).as("the third waits for a free lane").hasSize(2);
        first.tryEmitValue(List.of(SettleResult.APPLIED));
        channel.publish("orders", 1).subscribe();

        assertThat(backend.asked()).last().isEqualTo(3 + 3);
    }

    @Test
    void withoutAutoAckTheHandlerSettles() {
        backend.store(1);
        listen(OPTIONS.withAutoAck(false));
        handler.complete(0);
        advance(Duration.ofMinutes(2));
        assertThat(outcomes()).as("renewed until somebody settles").containsOnly(Outcome.EXTEND);
        backend.settlements.clear();
        handler.started.get(0).ack().subscribe();

        assertThat(outcomes()).containsExactly(Outcome.ACK);
    }

    @Test
    void anOutcomeThatTheHandlerSaidCounts() {
        backend.store(1);
        EventListener listener = listen(message -> message.reject("poison").then());

        assertThat(outcomes()).containsExactly(Outcome.DEAD);
        assertThat(listener.counts().deadLettered()).isEqualTo(1);
        assertThat(listener.counts().lost()).isZero();
    }

    @Test
    void anOutcomeThatTheHandlerSaidCountsAlsoIfItFailsAfterIt() {
        backend.store(1);
        listen(message -> message.ack().then(Mono.error(new IllegalStateException("afterwards"))));

        assertThat(outcomes()).containsExactly(Outcome.ACK);
    }

    // == Leases ==

    @Test
    void theLeaseIsRenewedWhileTheHandlerIsAtWork() {
        backend.store(1);
        listen(OPTIONS);
        advance(Duration.ofMinutes(9));

        assertThat(outcomes()).hasSizeGreaterThan(20).containsOnly(Outcome.EXTEND);
        assertThat(handler.started.get(0).isLeaseLost()).isFalse();
    }

    @Test
    void aHandlerThatTakesTooLongIsCancelledItsSlotIsFreeAndItsLeaseLapses() {
        backend.store(2);
        EventListener listener = listen(OPTIONS.withMaxProcessingTime(Duration.ofMinutes(1)));
        advance(Duration.ofSeconds(59));
        assertThat(handler.cancelled).isEmpty();
        advance(Duration.ofSeconds(1));

        assertThat(handler.cancelled).containsExactly(handler.started.get(0));
        assertThat(handler.started).hasSize(2);
        assertThat(listener.counts().timedOut()).isEqualTo(1);
        backend.settlements.clear();
        handler.complete(1);
        advance(Duration.ofSeconds(46));
        assertThat(outcomes()).as("no renewal of the first").containsExactly(Outcome.ACK);
        assertThat(handler.started.get(0).isLeaseLost()).isTrue();
    }

    @Test
    void whatTookTooLongIsRetriedNoSoonerThanItsLeaseIsOverAndItsPolicySays() {
        backend.store(2);
        RetryPolicy soonThenLate =
                RetryPolicy.custom(failures -> backend.settlements.isEmpty() ? Duration.ZERO : Duration.ofMinutes(7));
        ListenOptions options =
                OPTIONS.withMaxProcessingTime(Duration.ofSeconds(5)).withRetry(soonThenLate);
        EventListener listener = listen(options);
        advance(Duration.ofSeconds(5));
        advance(Duration.ofSeconds(5));

        assertThat(backend.settlements).hasSize(2).allSatisfy(settlement -> {
            assertThat(settlement.outcome()).isEqualTo(Outcome.RETRY);
            assertThat(settlement.reason()).contains("took longer than PT5S");
        });
        assertThat(backend.settlements)
                .extracting(Settlement::after)
                .as("the rest of a lease that was granted for 45 s")
                .containsExactly(Duration.ofSeconds(40), Duration.ofMinutes(7));
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 0, 0, 2, 0, 2, 0, 0));
    }

    @Test
    void whatTookTooLongAfterItsLeaseWasLostIsCountedAsLost() {
        backend.store(1);
        backend.onSettle = batch ->
                Mono.just(batch.stream().map(settlement -> SettleResult.LOST).toList());
        EventListener listener = listen(
                OPTIONS.withMaxProcessingTime(Duration.ofMinutes(1)).withRetry(RetryPolicy.fixed(Duration.ZERO)));
        advance(Duration.ofMinutes(1));

        assertThat(outcomes()).last().isEqualTo(Outcome.RETRY);
        assertThat(backend.settlements.get(backend.settlements.size() - 1).after())
                .isEqualTo(Duration.ZERO);
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 0, 0, 1, 0, 0, 0, 1));
    }

    @Test
    void whatTakesTooLongAtItsLastAttemptOrFinallyIsADeadLetterWithTheReason() {
        backend.store(2);
        ListenOptions options = OPTIONS.withConcurrency(2).withMaxProcessingTime(Duration.ofMinutes(1));
        EventListener last = channel.listen("orders", handler, options.withMaxAttempts(1));
        advance(Duration.ofMinutes(1));
        last.stop(Duration.ZERO).subscribe();
        List<Settlement> dead = new ArrayList<>(settled(Outcome.DEAD));
        backend.store(1);
        listen(options.withRetry(RetryPolicy.defaults().notOn(TimeoutException.class)));
        advance(Duration.ofMinutes(1));

        dead.addAll(settled(Outcome.DEAD).subList(2, 3));
        assertThat(dead)
                .hasSize(3)
                .allSatisfy(settlement -> assertThat(settlement.reason()).contains("took longer than PT1M"));
        assertThat(last.counts()).isEqualTo(new EventListener.Counts(0, 0, 0, 2, 0, 0, 2, 0));
    }

    private List<Settlement> settled(Outcome outcome) {
        return backend.settlements.stream()
                .filter(settlement -> settlement.outcome() == outcome)
                .toList();
    }

    @Test
    void whatTookTooLongIsLeftToItsLeaseWhereNobodyCanSayWhenItComesAgain() {
        backend.capabilities.remove(Capability.RESCHEDULING);
        backend.store(1);
        EventListener listener = listen(OPTIONS.withMaxProcessingTime(Duration.ofMinutes(1)));
        advance(Duration.ofMinutes(1));
        backend.settlements.clear();
        advance(Duration.ofMinutes(5));

        assertThat(outcomes()).isEmpty();
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 0, 0, 1, 0, 0, 0, 0));
    }

    @Test
    void whatTookTooLongAndCouldNotBeSettledLapses() {
        backend.store(1);
        EventListener listener = listen(OPTIONS.withMaxProcessingTime(Duration.ofMinutes(1)));
        backend.onSettle = batch -> batch.get(0).outcome() == Outcome.RETRY
                ? Mono.error(new EventException.Misconfigured("The table is gone.", null))
                : ScriptedBackend.applyAll(batch);
        advance(Duration.ofMinutes(1));
        backend.settlements.clear();
        advance(Duration.ofMinutes(5));

        assertThat(outcomes()).as("neither renewed nor settled").isEmpty();
        assertThat(handler.started.get(0).isLeaseLost()).isTrue();
        assertThat(listener.counts().lost()).isEqualTo(1);
    }

    @Test
    void eachHandlerHasItsOwnTime() {
        backend.store(1);
        listen(OPTIONS.withConcurrency(2).withMaxProcessingTime(Duration.ofSeconds(10)));
        advance(Duration.ofSeconds(6));
        backend.store(1);
        channel.publish("orders", 1).subscribe();
        assertThat(handler.started).hasSize(2);
        advance(Duration.ofSeconds(4));
        assertThat(handler.cancelled).containsExactly(handler.started.get(0));
        advance(Duration.ofSeconds(5));
        assertThat(handler.cancelled).hasSize(1);
        advance(Duration.ofSeconds(1));

        assertThat(handler.cancelled).hasSize(2);
    }

    @Test
    void aHandlerSeesThatItsLeaseIsLostAndItsAckIsCountedAsLost() {
        backend.store(1);
        backend.onSettle = batch ->
                Mono.just(batch.stream().map(settlement -> SettleResult.LOST).toList());
        EventListener listener = listen(OPTIONS);
        EventMessage message = handler.started.get(0);
        assertThat(message.isLeaseLost()).isFalse();
        advance(Duration.ofSeconds(10));
        assertThat(message.isLeaseLost()).isTrue();
        assertThat(handler.cancelled).isEmpty();
        handler.complete(0);

        assertThat(message.ack().block()).isFalse();
        assertThat(listener.counts().lost()).isEqualTo(1);
        assertThat(listener.counts().acked()).isZero();
        assertThat(message.isLeaseLost()).isTrue();
    }

    @Test
    void aSettledEventHasNotLostItsLease() {
        backend.store(1);
        listen(OPTIONS);
        handler.complete(0);
        advance(Duration.ofHours(1));

        assertThat(handler.started.get(0).isLeaseLost()).isFalse();
    }

    @Test
    void anEventWhoseAckFailsIsNotKeptByRenewals() {
        backend.store(1);
        listen(OPTIONS);
        backend.onSettle = batch -> batch.get(0).outcome() == Outcome.ACK
                ? Mono.error(new EventException.Misconfigured("The table is gone.", null))
                : ScriptedBackend.applyAll(batch);
        handler.complete(0);
        backend.settlements.clear();
        advance(Duration.ofMinutes(5));

        assertThat(outcomes()).isEmpty();
    }

    /** On a thread of a driver, where what is settled while events are handed over is sent together. */
    @Test
    void aHandlerThatDoesNotReturnHoldsBackNoOutcomesOfOthers() {
        EventMessage other = delivered();
        List<Integer> settled = new ArrayList<>();
        EventHandler slow = message -> {
            other.ack().subscribe();
            settled.add(backend.settlements.size());
            advance(Duration.ofMillis(5));
            settled.add(backend.settlements.size());
            return Mono.never();
        };
        backend.store(1);
        Mono.fromRunnable(() -> channel.listen("others", slow, OPTIONS))
                .subscribeOn(Schedulers.parallel())
                .block();

        assertThat(settled).as("at once, and a few milliseconds later").containsExactly(0, 1);
    }

    // == States ==

    @Test
    void itIsReadyOnceTheDatabaseHasAnswered() {
        Sinks.Empty<Void> answer = Sinks.empty();
        backend.onClaim = claim -> answer.asMono().then(Mono.fromSupplier(() -> backend.take(claim)));
        EventListener listener = listen(OPTIONS);
        StepVerifier.create(listener.ready())
                .then(() -> assertThat(listener.state()).isEqualTo(State.STARTING))
                .then(answer::tryEmitEmpty)
                .verifyComplete();

        assertThat(listener.state()).isEqualTo(State.RUNNING);
        assertThat(listener.failure()).isNull();
    }

    @Test
    void itSaysThatTheDatabaseIsAwayAndGoesOnWhenItIsBack() {
        EventListener listener = listen(OPTIONS);
        EventException away = new EventException.Unavailable("The database is away.", null);
        backend.onClaim = claim -> Mono.error(away);
        advance(Duration.ofSeconds(2));
        assertThat(listener.state()).isEqualTo(State.CUT_OFF);
        assertThat(listener.failure()).isSameAs(away);
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(1);
        advance(Duration.ofSeconds(10));

        assertThat(listener.state()).isEqualTo(State.RUNNING);
        assertThat(listener.failure()).isNull();
        assertThat(handler.started).hasSize(1);
    }

    @Test
    void aDatabaseThatIsAwayAtFirstIsWaitedFor() {
        backend.onClaim = claim -> Mono.error(new EventException.Unavailable("The database is away.", null));
        EventListener listener = listen(OPTIONS);
        assertThat(listener.state()).isEqualTo(State.CUT_OFF);
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        advance(Duration.ofSeconds(10));

        StepVerifier.create(listener.ready()).verifyComplete();
        assertThat(listener.state()).isEqualTo(State.RUNNING);
    }

    @Test
    void whatTryingAgainCannotMendEndsIt() {
        EventException missing = new EventException.Misconfigured("There is no table; migrate.", null);
        backend.onClaim = claim -> Mono.error(missing);
        EventListener listener = listen(OPTIONS);

        StepVerifier.create(listener.ready())
                .verifyErrorSatisfies(error -> assertThat(error).isSameAs(missing));
        assertThat(listener.state()).isEqualTo(State.FAILED);
        assertThat(listener.failure()).isSameAs(missing);
        StepVerifier.create(listener.stop(Duration.ofMinutes(1))).verifyComplete();
        StepVerifier.create(channel.stopListener(listener.id()))
                .expectNext(false)
                .verifyComplete();
    }

    // == Stopping ==

    @Test
    void stopTakesNothingNewAndWaitsForHandlersAndTheirAcks() {
        backend.store(2);
        Sinks.Empty<Void> answer = Sinks.empty();
        EventListener listener = listen(OPTIONS);
        backend.onSettle = batch -> answer.asMono().then(ScriptedBackend.applyAll(batch));
        TestSubscriber<Void> stopped = TestSubscriber.create();
        listener.stop(Duration.ofSeconds(30)).subscribe(stopped);
        assertThat(listener.state()).isEqualTo(State.STOPPING);
        handler.complete(0);
        assertThat(handler.started).hasSize(1);
        assertThat(stopped.isTerminated()).isFalse();
        answer.tryEmitEmpty();

        assertThat(stopped.isTerminatedComplete()).isTrue();
        assertThat(listener.state()).isEqualTo(State.STOPPED);
        assertThat(outcomes()).containsExactly(Outcome.ACK);
    }

    @Test
    void stopWaitsUntilItIsStoredThatWhatWasReadAheadIsGivenBack() {
        backend.store(3);
        Sinks.Empty<Void> released = Sinks.empty();
        EventListener listener = listen(OPTIONS);
        handler.complete(0);
        assertThat(handler.started).hasSize(2);
        assertThat(backend.stored).isEmpty();
        backend.onSettle = batch -> batch.get(0).outcome() == Outcome.RELEASE
                ? released.asMono().then(ScriptedBackend.applyAll(batch))
                : ScriptedBackend.applyAll(batch);
        TestSubscriber<Void> stopped = TestSubscriber.create();
        listener.stop(Duration.ofSeconds(1)).subscribe(stopped);
        handler.complete(1);
        assertThat(outcomes()).containsExactly(Outcome.ACK, Outcome.RELEASE, Outcome.ACK);
        assertThat(stopped.isTerminated()).isFalse();
        released.tryEmitEmpty();

        assertThat(stopped.isTerminatedComplete()).isTrue();
    }

    @Test
    void whenTheTimeoutIsOverHandlersAreCancelledAndTheirEventsGivenBackAtOnce() {
        backend.store(1);
        EventListener listener = listen(OPTIONS);
        TestSubscriber<Void> stopped = TestSubscriber.create();
        listener.stop(Duration.ofSeconds(5)).subscribe(stopped);
        advance(Duration.ofMillis(4_999));
        assertThat(handler.cancelled).isEmpty();
        advance(Duration.ofMillis(1));

        assertThat(handler.cancelled).hasSize(1);
        assertThat(backend.settlements).singleElement().satisfies(settlement -> {
            assertThat(settlement.outcome()).isEqualTo(Outcome.RETRY);
            assertThat(settlement.after()).isZero();
        });
        assertThat(stopped.isTerminatedComplete()).isTrue();
    }

    @Test
    void whatIsStoppedBeforeItsHandlerWasCalledIsGivenBackAsIfItHadNeverBeenTaken() {
        Duration unlikeOthers = Duration.ofMinutes(7);
        List<EventListener> listening = new ArrayList<>();
        EngineTime time = new EngineTime(
                new InterruptedScheduler(
                        clock,
                        unlikeOthers,
                        () -> listening.get(0).stop(Duration.ZERO).subscribe()),
                () -> clock.now(TimeUnit.NANOSECONDS));
        channel = new BackendChannel(backend, ChannelOptions.defaults(), time);
        EventListener listener = listen(OPTIONS.withMaxProcessingTime(unlikeOthers));
        listening.add(listener);
        backend.store(1);
        channel.publish("orders", 1).subscribe();

        assertThat(listener.state()).isEqualTo(State.STOPPED);
        assertThat(handler.started).isEmpty();
        assertThat(outcomes()).containsExactly(Outcome.RELEASE);
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 0, 0, 0, 0, 0, 0, 0));
    }

    @Test
    void whatIsStoppedWhileItsHandlerIsCalledIsNotBegun() {
        List<EventListener> listening = new ArrayList<>();
        AtomicInteger begun = new AtomicInteger();
        listening.add(listen(message -> {
            listening.get(0).stop(Duration.ZERO).subscribe();
            return Mono.defer(() -> Mono.just(begun.incrementAndGet()).then());
        }));
        backend.store(1);
        channel.publish("orders", 1).subscribe();

        assertThat(listening.get(0).state()).isEqualTo(State.STOPPED);
        assertThat(outcomes()).containsExactly(Outcome.RETRY);
        assertThat(begun).as("work of what was given back").hasValue(0);
    }

    /** Something happens where a task of one certain delay is planned. */
    private record InterruptedScheduler(Scheduler clock, Duration delay, Runnable interruption) implements Scheduler {

        @Override
        public Disposable schedule(Runnable task, long after, TimeUnit unit) {
            if (unit.toNanos(after) == delay.toNanos()) {
                interruption.run();
            }
            return clock.schedule(task, after, unit);
        }

        @Override
        public Disposable schedule(Runnable task) {
            return clock.schedule(task);
        }

        @Override
        public Worker createWorker() {
            return clock.createWorker();
        }

        @Override
        public void dispose() {
            clock.dispose();
        }
    }

    @Test
    void whatIsStoppedAtItsLastAttemptComesAgainAllTheSame() {
        backend.store(1);
        EventListener listener = listen(OPTIONS.withMaxAttempts(1));
        listener.stop(Duration.ZERO).subscribe();

        assertThat(handler.cancelled).hasSize(1);
        assertThat(outcomes()).containsExactly(Outcome.RELEASE);
        assertThat(listener.counts().deadLettered()).isZero();
    }

    @Test
    void whatTheShutdownTakesBackAtItsLastAttemptComesAgainAllTheSame() {
        channel = channel(ChannelOptions.defaults().withMaxAttempts(1).withShutdownTimeout(Duration.ofSeconds(1)));
        backend.store(1);
        assertThat(subscribe(1).getReceivedOnNext()).hasSize(1);
        channel.shutdown().subscribe();
        advance(Duration.ofSeconds(1));

        assertThat(outcomes()).containsExactly(Outcome.RELEASE);
    }

    @Test
    void stopWithinZeroCancelsAtOnce() {
        backend.store(1);
        EventListener listener = listen(OPTIONS);

        StepVerifier.create(listener.stop(Duration.ZERO)).verifyComplete();
        assertThat(handler.cancelled).hasSize(1);
        assertThat(outcomes()).containsExactly(Outcome.RETRY);
    }

    @Test
    void theShortestTimeoutCountsAndCancellingDoesNotStopTheStopping() {
        backend.store(1);
        EventListener listener = listen(OPTIONS);
        TestSubscriber<Void> patient = TestSubscriber.create();
        listener.stop(Duration.ofHours(1)).subscribe(patient);
        listener.stop(Duration.ofSeconds(1)).subscribe().dispose();
        advance(Duration.ofSeconds(1));

        assertThat(patient.isTerminatedComplete()).isTrue();
        assertThat(handler.cancelled).hasSize(1);
    }

    @Test
    void stopDoesNothingBeforeItIsSubscribedTo() {
        EventListener listener = listen(OPTIONS);
        Mono<Void> unused = listener.stop(Duration.ZERO);

        assertThat(unused).isNotNull();
        assertThat(listener.state()).isEqualTo(State.RUNNING);
    }

    @Test
    void stopRefusesABadTimeout() {
        EventListener listener = listen(OPTIONS);

        StepVerifier.create(listener.stop(Duration.ofMillis(-1))).verifyError(EventException.Invalid.class);
        assertThat(listener.state()).isEqualTo(State.RUNNING);
    }

    @Test
    void aDatabaseThatDoesNotAnswerDoesNotKeepItFromStopping() {
        backend.store(1);
        EventListener listener = listen(OPTIONS);
        backend.onSettle = batch -> Mono.never();
        TestSubscriber<Void> stopped = TestSubscriber.create();
        listener.stop(Duration.ofSeconds(1)).subscribe(stopped);
        advance(Duration.ofSeconds(1).plus(Shutdown.GRACE));

        assertThat(stopped.isTerminatedComplete()).isTrue();
    }

    @Test
    void aListenerThatIsStoppedBeforeItIsReadyWillNotBe() {
        backend.onClaim = claim -> Mono.never();
        EventListener listener = listen(OPTIONS);
        listener.stop(Duration.ZERO).subscribe();

        StepVerifier.create(listener.ready()).verifyError(EventException.Closed.class);
    }

    @Test
    void aListenerIsStoppedByItsId() {
        EventListener listener = listen(OPTIONS);

        StepVerifier.create(channel.stopListener(listener.id()))
                .expectNext(true)
                .verifyComplete();
        assertThat(listener.state()).isEqualTo(State.STOPPED);
        StepVerifier.create(channel.stopListener(listener.id()))
                .expectNext(false)
                .verifyComplete();
        StepVerifier.create(channel.stopListener("no such listener"))
                .expectNext(false)
                .verifyComplete();
    }

    @Test
    void whoIsStoppedByItsIdHasTheChannelsShutdownTimeout() {
        channel = channel(ChannelOptions.defaults().withShutdownTimeout(Duration.ofSeconds(20)));
        backend.store(1);
        EventListener listener = listen(OPTIONS);
        TestSubscriber<Boolean> stopped = TestSubscriber.create();
        channel.stopListener(listener.id()).subscribe(stopped);
        advance(Duration.ofMillis(19_999));
        assertThat(handler.cancelled).isEmpty();
        assertThat(stopped.isTerminated()).isFalse();
        advance(Duration.ofMillis(1));

        assertThat(handler.cancelled).hasSize(1);
        assertThat(stopped.getReceivedOnNext()).containsExactly(true);
        assertThat(stopped.isTerminatedComplete()).isTrue();
    }

    @Test
    void theShutdownWaitsForHandlersAndCancelsThemAtItsBound() {
        channel = channel(ChannelOptions.defaults().withShutdownTimeout(Duration.ofSeconds(20)));
        backend.store(2);
        EventListener listener = listen(OPTIONS.withConcurrency(2));
        TestSubscriber<Void> ended = TestSubscriber.create();
        channel.shutdown().subscribe(ended);
        handler.complete(0);
        advance(Duration.ofMillis(19_999));
        assertThat(ended.isTerminated()).isFalse();
        assertThat(listener.state()).isEqualTo(State.STOPPING);
        advance(Duration.ofMillis(1));

        assertThat(ended.isTerminatedComplete()).isTrue();
        assertThat(handler.cancelled).containsExactly(handler.started.get(1));
        assertThat(outcomes()).startsWith(Outcome.ACK).endsWith(Outcome.RETRY);
        assertThat(listener.state()).isEqualTo(State.STOPPED);
        assertThatThrownBy(() -> listen(OPTIONS)).isInstanceOf(EventException.Closed.class);
    }

    @Test
    void theShutdownWaitsForAHandlerThatHasSettledItsEvent() {
        backend.store(1);
        Sinks.Empty<Void> rest = Sinks.empty();
        listen(message -> message.ack().then(rest.asMono()));
        TestSubscriber<Void> ended = TestSubscriber.create();
        channel.shutdown().subscribe(ended);
        assertThat(outcomes()).containsExactly(Outcome.ACK);
        assertThat(ended.isTerminated()).isFalse();
        rest.tryEmitEmpty();

        assertThat(ended.isTerminatedComplete()).isTrue();
    }

    // == What it is not to be asked ==

    @Test
    void attemptsAndPoliciesAreRefusedWhereNothingComesAgain() {
        backend.capabilities.remove(Capability.RETRY);

        assertThatThrownBy(() -> listen(OPTIONS.withMaxAttempts(3)))
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("scripted backend");
        listen(OPTIONS);
    }
}
