package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** What the engine makes of a backend, a subscriber or a database that does not do as it should. Virtual time. */
class EngineFaultsTest extends VirtualTimeEngine {

    private static final SubscribeOptions NO_POLL = SubscribeOptions.defaults().withPollInterval(Duration.ofDays(1));

    private static Claimed nothing(Claim.Request request) {
        return new Claimed(request.channel(), List.of(), List.of(), null, false, false);
    }

    // 1
    @Test
    void aDroppedEventIsNotRenewedForEverByARenewalThatWasUnderWay() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(SubscribeOptions.defaults());
        backend.onSettle = batch -> Mono.error(new EventException.Unavailable("away", null));
        advance(Duration.ofSeconds(50)); // the lease of what waits has lapsed, its renewal is still tried
        subscriber.request(1); // so it is dropped
        backend.onSettle = ScriptedBackend::applyAll; // and the database comes back
        advance(Duration.ofMinutes(3));
        backend.settlements.clear();
        advance(Duration.ofHours(1));

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
        assertThat(backend.settlements)
                .as("renewals of an event that nobody will ever be handed")
                .isEmpty();
    }

    // 2
    @Test
    void anEventWhoseReleaseFailedIsNotRenewedForEver() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(SubscribeOptions.defaults());
        backend.onSettle = batch -> Mono.error(new EventException.Unavailable("away", null));
        subscriber.cancel();
        advance(Duration.ofSeconds(35)); // longer than one lease: the release fails
        backend.onSettle = ScriptedBackend::applyAll;
        advance(Duration.ofMinutes(3));
        backend.settlements.clear();
        advance(Duration.ofHours(1));

        assertThat(backend.settlements)
                .as("renewals of an event that nobody will ever be handed")
                .isEmpty();
    }

    // 4
    @Test
    void anEventForTheFarFutureHarmsNobody() {
        Duration far = Duration.between(Instant.parse("2026-01-01T00:00:00Z"), Instant.parse("2400-01-01T00:00:00Z"));
        backend.onClaim = claim -> Mono.just(List.of(new Claimed("orders", List.of(), List.of(), far, false, false)));
        List<String> ready = new ArrayList<>();
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withOnReady(() -> ready.add("ready")), 1);

        assertThat(subscriber.isTerminated()).isFalse();
        assertThat(ready).hasSize(1);
    }

    @Test
    void anEventForTheFarFutureDoesNotWidenThePrefetch() {
        SubscribeOptions five = SubscribeOptions.defaults().withPrefetch(5);
        TestSubscriber<EventMessage> subscriber = subscribe("orders", five, 1_000);
        anEventIsDueInTheFarFutureForAWhile();

        assertThat(subscriber.getReceivedOnNext()).hasSize(5);
    }

    @Test
    void anEventForTheFarFutureDoesNotStopASubscriptionWithUnboundedDemand() {
        SubscribeOptions five = SubscribeOptions.defaults().withPrefetch(5);
        TestSubscriber<EventMessage> subscriber = subscribe("orders", five, Long.MAX_VALUE);
        anEventIsDueInTheFarFutureForAWhile();

        assertThat(subscriber.getReceivedOnNext()).hasSize(5);
    }

    private void anEventIsDueInTheFarFutureForAWhile() {
        Duration far = Duration.ofDays(365 * 400);
        backend.onClaim = claim -> Mono.just(List.of(new Claimed("orders", List.of(), List.of(), far, false, false)));
        advance(Duration.ofSeconds(10));
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(1_000);
        advance(Duration.ofSeconds(10));
    }

    // 5
    @Test
    void anOnReadyThatThrowsDoesNotWidenThePrefetch() {
        backend.store(1_000);
        SubscribeOptions five = SubscribeOptions.defaults().withPrefetch(5).withOnReady(() -> {
            throw new IllegalStateException("onReady");
        });
        TestSubscriber<EventMessage> subscriber = subscribe("orders", five, 1_000);
        advance(Duration.ofSeconds(10));

        assertThat(subscriber.getReceivedOnNext()).hasSize(5);
    }

    @Test
    void anOnReadyThatThrowsDoesNotOpenAThirdLane() {
        SubscribeOptions bad = SubscribeOptions.defaults().withOnReady(() -> {
            throw new IllegalStateException("onReady");
        });
        subscribe("orders", bad, 1);
        advance(Duration.ofSeconds(10));
        backend.onClaim = claim -> Mono.never();
        backend.claims.clear();
        for (int i = 0; i < 10; i++) {
            subscribe("channel-" + i, SubscribeOptions.defaults(), 1);
        }
        assertThat(backend.claims).hasSize(2);
    }

    // 6
    private static class Thrower implements CoreSubscriber<EventMessage> {
        Subscription subscription;
        final List<EventMessage> received = new ArrayList<>();
        final Throwable toThrow;

        Thrower(Throwable toThrow) {
            this.toThrow = toThrow;
        }

        @Override
        public void onSubscribe(Subscription s) {
            subscription = s;
            s.request(3);
        }

        @Override
        public void onNext(EventMessage message) {
            received.add(message);
            sneaky(toThrow);
        }

        @SuppressWarnings("unchecked")
        static <T extends Throwable> void sneaky(Throwable t) throws T {
            throw (T) t;
        }

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onComplete() {}
    }

    @Test
    void aLinkageErrorInAHandlerStopsNobodyElse() {
        channel.subscribe("orders", SubscribeOptions.defaults())
                .map(message -> {
                    throw new NoClassDefFoundError("a dependency that is missing");
                })
                .subscribe();
        TestSubscriber<EventMessage> other = subscribe("others", SubscribeOptions.defaults(), 1);
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        advance(Duration.ofMillis(1_001)); // the poll claims both channels together
        Claim both = backend.claims.get(backend.claims.size() - 1);
        assertThat(both.requests()).hasSize(2);
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        List<Claimed> oneForEach = both.requests().stream()
                .map(request -> new Claimed(
                        request.channel(),
                        List.of(ScriptedBackend.event(TimeOrderedIds.next(), request.channel())),
                        List.of(),
                        null,
                        false,
                        false))
                .toList();
        catchThrowable(() -> answer.tryEmitValue(oneForEach)); // as the driver's thread would
        catchThrowable(() -> advance(Duration.ofSeconds(5)));

        assertThat(other.getReceivedOnNext()).hasSize(1);
    }

    @Test
    void whatWaitsBehindAnOnNextThatThrewIsGivenBackOnCancel() {
        backend.store(3);
        Thrower thrower = new Thrower(new NoClassDefFoundError("a dependency that is missing"));
        catchThrowable(
                () -> channel.subscribe("orders", SubscribeOptions.defaults()).subscribe(thrower));
        catchThrowable(() -> advance(Duration.ofSeconds(1)));
        catchThrowable(() -> thrower.subscription.cancel());
        catchThrowable(() -> advance(Duration.ofMinutes(5)));

        assertThat(backend.settlements)
                .filteredOn(settlement -> settlement.outcome() == Outcome.RELEASE)
                .hasSize(3 - thrower.received.size());
    }

    @Test
    void anOnNextThatThrewDoesNotStopTheChannel() {
        backend.store(3);
        Thrower thrower = new Thrower(new NoClassDefFoundError("a dependency that is missing"));
        catchThrowable(
                () -> channel.subscribe("orders", SubscribeOptions.defaults()).subscribe(thrower));
        catchThrowable(() -> thrower.subscription.cancel());
        backend.store(3);
        TestSubscriber<EventMessage> subscriber = subscribe("others", SubscribeOptions.defaults(), 1);
        advance(Duration.ofSeconds(10));

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    // 7
    @Test
    void anAnswerTooFewIsAnErrorThatLeavesTheRoomAsItWas() {
        SubscribeOptions five = SubscribeOptions.defaults().withPrefetch(5);
        TestSubscriber<EventMessage> subscriber = subscribe("orders", five, Long.MAX_VALUE);
        subscribe("others", five, Long.MAX_VALUE);
        backend.onClaim = claim -> Mono.just(claim.requests().stream()
                .limit(1)
                .map(EngineFaultsTest::nothing)
                .toList());
        advance(Duration.ofSeconds(20));
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(1_000);
        advance(Duration.ofSeconds(20));

        assertThat(subscriber.getReceivedOnNext()).hasSize(5);
    }

    @Test
    void noAnswerAtAllIsAnError() {
        backend.onClaim = claim -> Mono.empty();
        subscribe(1);
        advance(Duration.ofSeconds(1));
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(1);
        TestSubscriber<EventMessage> next = subscribe(1);
        advance(Duration.ofSeconds(60));

        assertThat(next.getReceivedOnNext()).hasSize(1);
    }

    @Test
    void aSettleWithoutAnAnswerIsAnError() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.empty();
        List<Object> answers = new ArrayList<>();
        message.ack().subscribe(answers::add, answers::add);
        advance(Duration.ofMinutes(10));

        assertThat(answers).hasSize(1);
    }

    @Test
    @org.junit.jupiter.api.Timeout(value = 5, threadMode = org.junit.jupiter.api.Timeout.ThreadMode.SEPARATE_THREAD)
    void moreEventsThanAskedForDoNotSpin() {
        backend.onClaim = claim -> Mono.just(List.of(new Claimed(
                "orders",
                List.of(
                        ScriptedBackend.event(TimeOrderedIds.next(), "orders"),
                        ScriptedBackend.event(TimeOrderedIds.next(), "orders")),
                List.of(),
                null,
                false,
                false)));
        subscribe("orders", NO_POLL, 1);
    }

    // 8
    @Test
    void aRenewalAnsweredAfterTheAckDoesNotReopenTheDelivery() {
        backend.store(1);
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withRenewLeases(true), 1);
        EventMessage message = subscriber.getReceivedOnNext().get(0);
        Sinks.One<List<SettleResult>> renewal = Sinks.one();
        backend.onSettle =
                batch -> batch.get(0).outcome() == Outcome.EXTEND ? renewal.asMono() : ScriptedBackend.applyAll(batch);
        advance(Duration.ofSeconds(15));
        message.ack().subscribe();
        renewal.tryEmitValue(List.of(SettleResult.APPLIED)); // another connection's answer, a moment later
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));

        assertThat(ends).as("everything is settled").containsExactly("done");
    }

    /** The answer comes whenever the engine looks at its clock, once by once, and at last after all of that. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 100})
    void aRenewalAnsweredWhileItsEventIsFoundLapsedKeepsIt(int look) {
        Duration granted = LeaseKeeper.granted(ChannelOptions.defaults().lease());
        long leaseEnd = clock.now(TimeUnit.NANOSECONDS) + granted.toNanos();
        Sinks.One<List<SettleResult>> renewal = Sinks.one();
        AtomicInteger looks = new AtomicInteger();
        LongSupplier answering = () -> {
            long now = clock.now(TimeUnit.NANOSECONDS);
            if (now >= leaseEnd && looks.incrementAndGet() == look) {
                renewal.tryEmitValue(List.of(SettleResult.APPLIED));
            }
            return now;
        };
        channel = new BackendChannel(backend, ChannelOptions.defaults(), new EngineTime(clock, answering));
        backend.store(1);
        EventMessage message = subscribe("orders", SubscribeOptions.defaults().withRenewLeases(true), 1)
                .getReceivedOnNext()
                .get(0);
        backend.onSettle = batch -> renewal.asMono();
        advance(granted);
        renewal.tryEmitValue(List.of(SettleResult.APPLIED));
        backend.onSettle = ScriptedBackend::applyAll;
        List<Boolean> answers = new ArrayList<>();
        assertThat(message.isLeaseLost()).isFalse();
        channel.ack(message.eventId()).subscribe(answers::add);

        assertThat(answers).as("it is still open").containsExactly(true);
    }

    // 9: to count the last attempt would be one too many for the next delivery, or the end for an event that did
    // nothing wrong
    @Test
    void aShutdownDoesNotGiveMoreAttemptsThanTheMaximum() {
        everyClaimFindsALastAttempt();
        subscribe("orders", SubscribeOptions.defaults().withPrefetch(1), 1);
        channel.shutdown().subscribe();
        advance(Duration.ofSeconds(40));

        assertThat(backend.settlements)
                .singleElement()
                .satisfies(settlement -> assertThat(settlement.outcome()).isEqualTo(Outcome.RELEASE));
    }

    /** As on a driver that does all on the thread that calls: the rollback ends before anybody waits for it. */
    @Test
    void aTransactionThatIsGivenUpDoesNotSayWhatBecomesOfItsEvent() {
        everyClaimFindsALastAttempt();
        Delivery delivery =
                (Delivery) subscribe("orders", SubscribeOptions.defaults().withPrefetch(1), 1)
                        .getReceivedOnNext()
                        .get(0);
        Enlisted enlisted = Objects.requireNonNull(delivery.enlist());
        enlisted.abandoned().subscribe(nothing -> {}, error -> {}, () -> {
            enlisted.rolledBack();
            enlisted.failed(new EventException.Closed("The work was given up.")).subscribe();
        });
        channel.shutdown().subscribe();
        advance(Duration.ofSeconds(40));

        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.RELEASE);
    }

    /** Its connection has come in the very moment in which its handler is cancelled. */
    @Test
    void aTransactionThatBeginsWhileItsEventIsTakenBackGetsNothing() {
        Delivery delivery = (Delivery) delivered();
        List<Enlisted> enlisted = new ArrayList<>();
        List<Boolean> answers = new ArrayList<>();
        Mono<Boolean> retry = Mono.defer(() -> {
            Enlisted mine = delivery.enlist();
            if (mine != null) {
                enlisted.add(mine);
            }
            return delivery.nack(Duration.ofSeconds(7));
        });
        delivery.takeBack(retry).subscribe(answers::add);
        enlisted.forEach(Enlisted::rolledBack);

        assertThat(answers).containsExactly(true);
        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.RETRY);
    }

    private void everyClaimFindsALastAttempt() {
        backend.onClaim = claim -> Mono.just(claim.requests().stream()
                .map(request -> new Claimed(
                        request.channel(),
                        request.limit() == 0 ? List.of() : List.of(lastAttempt()),
                        List.of(),
                        null,
                        false,
                        false))
                .toList());
    }

    private static ClaimedEvent lastAttempt() {
        Instant now = Instant.EPOCH;
        return new ClaimedEvent(
                TimeOrderedIds.next(), "orders", null, null, "1", null, 10, now, now, now.plusSeconds(45));
    }

    // 10
    @Test
    void aWakeUpBeforeAClaimForSuspectsIsNotLost() {
        List<Boolean> phases = new ArrayList<>();
        Sinks.One<List<Claimed>> suspectsAnswer = Sinks.one();
        // the first claim is held back until the wake-up has come
        Sinks.One<List<Claimed>> first = Sinks.one();
        backend.onClaim = claim -> {
            phases.add(claim.suspects());
            return claim.suspects()
                    ? suspectsAnswer.asMono()
                    : phases.size() == 1 ? first.asMono() : Mono.just(backend.take(claim));
        };
        TestSubscriber<EventMessage> subscriber = subscribe("orders", NO_POLL, 5);
        backend.store(1);
        channel.publish("orders", 1).subscribe(); // wakes during the first claim
        first.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, true)));
        assertThat(phases).containsExactly(false, true);
        // another process took the suspect meanwhile
        suspectsAnswer.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, false)));
        advance(Duration.ofMinutes(5));

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    // 11
    @Test
    void theRoomOfAnEventLostWhileItWaitedIsUsedAtOnce() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(NO_POLL);
        backend.onSettle =
                batch -> Mono.just(batch.stream().map(one -> SettleResult.LOST).toList());
        advance(Duration.ofSeconds(20)); // its renewal finds it lost
        backend.onSettle = ScriptedBackend::applyAll;
        advance(Duration.ofMinutes(5)); // all alarms have rung
        backend.store(1);
        channel.publish("orders", 1).subscribe(); // a wake-up while nothing is asked for
        subscriber.request(1);
        advance(Duration.ofMinutes(5));

        assertThat(subscriber.getReceivedOnNext()).hasSize(2);
    }

    // 13
    @Test
    void aRenewalThatFailsForGoodIsNotRepeatedInASpin() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(SubscribeOptions.defaults());
        backend.onSettle = batch -> backend.settlements.size() > 5_000
                ? Mono.never()
                : Mono.error(new EventException.Misconfigured("permission denied", null));
        advance(Duration.ofSeconds(20));
        int before = backend.settlements.size();
        subscriber.request(1);

        assertThat(backend.settlements.size() - before).isLessThan(10);
    }

    // 14
    @Test
    void anAckLetsTheNextEventOfTheKeyFollowAtOnce() {
        Instant now = Instant.EPOCH;
        List<ClaimedEvent> keyed = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            keyed.add(new ClaimedEvent(
                    TimeOrderedIds.next(), "orders", null, "customer-1", "1", null, 1, now, now, now.plusSeconds(45)));
        }
        List<ClaimedEvent> leased = new ArrayList<>();
        backend.onClaim = claim -> {
            Claim.Request request = claim.requests().get(0);
            boolean free = leased.isEmpty() && !keyed.isEmpty() && request.limit() > 0;
            List<ClaimedEvent> taken = free ? List.of(keyed.remove(0)) : List.of();
            leased.addAll(taken);
            return Mono.just(List.of(new Claimed("orders", taken, List.of(), null, !keyed.isEmpty(), false)));
        };
        backend.onSettle = batch -> {
            leased.clear();
            return ScriptedBackend.applyAll(batch);
        };
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofSeconds(5)), 10);
        advance(Duration.ofSeconds(6)); // the handler takes its time
        subscriber.getReceivedOnNext().get(0).ack().subscribe();
        advance(Duration.ofMillis(10));

        assertThat(subscriber.getReceivedOnNext()).hasSize(2);
    }

    // 15
    private String order(List<String> names, int events, boolean requestFirst) {
        backend.onClaim = claim -> Mono.just(claim.requests().stream()
                .map(request -> {
                    List<ClaimedEvent> taken = new ArrayList<>();
                    for (int i = 0; i < request.limit(); i++) {
                        taken.add(ScriptedBackend.event(TimeOrderedIds.next(), request.channel()));
                    }
                    return new Claimed(request.channel(), taken, List.of(), null, false, false);
                })
                .toList());
        TestSubscriber<EventMessage> subscriber =
                TestSubscriber.builder().initialRequest(1).build();
        channel.subscribe(names, SubscribeOptions.defaults()).subscribe(subscriber);
        StringBuilder order = new StringBuilder();
        for (int i = 0; i < events; i++) {
            EventMessage message = subscriber.getReceivedOnNext().get(i);
            order.append(message.channel());
            advance(Duration.ofSeconds(1)); // slow: no pace
            if (requestFirst) {
                subscriber.request(1);
                message.ack().subscribe();
            } else {
                message.ack().subscribe();
                subscriber.request(1);
            }
            advance(Duration.ofMillis(500));
        }
        return order.toString();
    }

    @Test
    void channelsOfOneSubscriptionTakeTurnsAckThenRequest() {
        String order = order(List.of("a", "b"), 40, false);
        assertThat(order.chars().filter(c -> c == 'a').count()).as(order).isBetween(12L, 28L);
    }

    @Test
    void channelsOfOneSubscriptionTakeTurnsRequestThenAck() {
        String order = order(List.of("a", "b"), 40, true);
        assertThat(order.chars().filter(c -> c == 'a').count()).as(order).isBetween(12L, 28L);
    }

    @Test
    void threeChannelsOfOneSubscriptionTakeTurns() {
        String order = order(List.of("a", "b", "c"), 60, false);
        assertThat(order.chars().filter(c -> c == 'a').count()).as(order).isBetween(10L, 30L);
        assertThat(order.chars().filter(c -> c == 'b').count()).as(order).isBetween(10L, 30L);
    }

    // 16
    @Test
    void aBackendThatThrowsDoesNotHoldUpTheShutdown() {
        backend.onPublish = null;
        ThrowingBackend throwing = new ThrowingBackend();
        BackendChannel bad = new BackendChannel(
                throwing, ChannelOptions.defaults(), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        List<Throwable> errors = new ArrayList<>();
        bad.publishAll(List.of(Event.of("orders", 1))).subscribe(null, errors::add);
        assertThat(errors).hasSize(1);
        List<String> ends = new ArrayList<>();
        bad.shutdown().subscribe(null, null, () -> ends.add("done"));

        assertThat(ends).containsExactly("done");
    }

    static final class ThrowingBackend implements dev.reactiveevents.spi.EventBackend {
        @Override
        public String name() {
            return "throwing";
        }

        @Override
        public java.util.Set<dev.reactiveevents.spi.Capability> capabilities() {
            return java.util.Set.of();
        }

        @Override
        public Mono<Void> publish(List<dev.reactiveevents.spi.NewEvent> events) {
            throw new IllegalStateException("publish");
        }

        @Override
        public Mono<List<Claimed>> claim(Claim claim) {
            throw new IllegalStateException("claim");
        }

        @Override
        public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
            throw new IllegalStateException("settle");
        }

        @Override
        public Mono<Void> shutdown() {
            throw new IllegalStateException("shutdown");
        }
    }

    @Test
    void aBackendThatThrowsAtItsShutdownDoesNotKeepItFromEnding() {
        BackendChannel bad = new BackendChannel(
                new ThrowingBackend(),
                ChannelOptions.defaults(),
                new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        List<String> ends = new ArrayList<>();
        bad.shutdown().subscribe(null, null, () -> ends.add("done"));
        assertThat(ends).containsExactly("done");
    }

    @Test
    void anAbandonedShutdownTellsWhoWaitsForATransaction() {
        channel = channel(ChannelOptions.defaults().withShutdownTimeout(Duration.ofSeconds(1)));
        backend.onPublish = Mono.never();
        List<Throwable> errors = new ArrayList<>();
        channel.publishAll(List.of(Event.of("orders", 1))).subscribe(null, errors::add);
        channel.publish("orders", 1).subscribe(null, errors::add);
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        advance(Duration.ofSeconds(4));

        assertThat(ends).containsExactly("done");
        assertThat(errors).hasSize(2).allMatch(EventException.OutcomeUnknown.class::isInstance);
    }

    // 17
    @Test
    void aClaimThatEndsAfterItsSubscriptionLeavesNoAlarm() {
        for (int i = 0; i < 100; i++) {
            Sinks.One<List<Claimed>> answer = Sinks.one();
            backend.onClaim = claim -> answer.asMono();
            TestSubscriber<EventMessage> subscriber = subscribe("orders", NO_POLL, 1);
            subscriber.cancel();
            answer.tryEmitValue(
                    List.of(new Claimed("orders", List.of(), List.of(), Duration.ofMinutes(10), false, false)));
        }
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        subscribe("orders", NO_POLL, 1);
        backend.claims.clear();
        advance(Duration.ofMinutes(11));

        assertThat(backend.claims)
                .as("claims that alarms of ended feeds caused")
                .isEmpty();
    }

    // 18
    @Test
    void receiveCanWaitForEver() {
        List<Object> signals = new ArrayList<>();
        channel.receive("orders", Duration.ofSeconds(Long.MAX_VALUE)).subscribe(signals::add, signals::add);
        backend.store(1);
        advance(Duration.ofSeconds(2));
        assertThat(signals).singleElement().isInstanceOf(EventMessage.class);
    }

    // 19
    @Test
    void onReadyIsNotToldAfterTheEnd() {
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        List<String> ready = new ArrayList<>();
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withOnReady(() -> ready.add("ready")), 1);
        subscriber.cancel();
        answer.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, false)));
        assertThat(ready).isEmpty();
    }

    // 20
    @Test
    void receiveWithZeroLooksWithRoom() {
        backend.store(10_000);
        Sinks.One<List<Claimed>> busy = Sinks.one();
        backend.onClaim = claim -> busy.asMono();
        subscribe("other", SubscribeOptions.defaults(), 1);
        subscribe("another", SubscribeOptions.defaults(), 1); // both lanes are busy
        subscribe(Long.MAX_VALUE); // a greedy subscriber of the same channel
        List<Object> signals = new ArrayList<>();
        channel.receive("orders", Duration.ZERO).subscribe(signals::add, signals::add, () -> signals.add("empty"));
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        busy.tryEmitValue(List.of(new Claimed("other", List.of(), List.of(), null, false, false)));

        assertThat(signals).first().isInstanceOf(EventMessage.class);
    }

    // 23
    @Test
    void aShutdownWaitsForTheBatchOfACancelledStream() {
        Sinks.Empty<Void> write = Sinks.empty();
        backend.onPublish = write.asMono();
        channel.publishAll(Flux.just(Event.of("orders", 1)).concatWith(Mono.never()))
                .subscribe()
                .dispose();
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));

        assertThat(ends).isEmpty();
    }

    // policies
    @Test
    void aRetryPolicyThatThrowsAnswersItsError() {
        channel = channel(ChannelOptions.defaults().withRetryPolicy(dev.reactiveevents.RetryPolicy.custom(n -> {
            throw new IllegalStateException("policy");
        })));
        EventMessage message = delivered();
        List<Object> answers = new ArrayList<>();
        message.nack().subscribe(answers::add, answers::add);
        message.ack().subscribe(answers::add, answers::add);
        assertThat(answers.get(0)).isInstanceOf(IllegalStateException.class);
        assertThat(answers.get(1)).isEqualTo(true);
    }

    @Test
    void withdrawnPublishesLeaveNothingBehind() throws Exception {
        Batcher<byte[], String> batcher = new Batcher<>(
                new Batcher.Limits("Testing", 1, 1000, 1 << 20, 50, Duration.ofSeconds(10)),
                item -> 1,
                items -> Mono.never(),
                new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        for (int i = 0; i < 1_000; i++) {
            batcher.submit(new byte[1]).timeout(Duration.ofMillis(1), clock).subscribe(null, e -> {});
            advance(Duration.ofMillis(2));
        }
        java.lang.reflect.Field queue = Batcher.class.getDeclaredField("queue");
        queue.setAccessible(true);
        assertThat((java.util.Queue<?>) queue.get(batcher)).hasSizeLessThan(100);
    }

    @Test
    void requestOfZeroIsAnError() {
        List<Throwable> errors = new ArrayList<>();
        channel.subscribe("orders").subscribe(new CoreSubscriber<EventMessage>() {
            @Override
            public void onSubscribe(Subscription s) {
                s.request(0);
            }

            @Override
            public void onNext(EventMessage message) {}

            @Override
            public void onError(Throwable t) {
                errors.add(t);
            }

            @Override
            public void onComplete() {}
        });
        assertThat(errors).hasSize(1);
    }
}
