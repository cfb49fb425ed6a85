package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.test.subscriber.TestSubscriber;

/** What the engine asks of a backend, and when: in virtual time, so that every wait is exact. */
class EngineTest extends VirtualTimeEngine {

    // == Room ==

    @Test
    void withoutDemandNothingIsTakenButTheDatabaseIsAskedOnce() {
        backend.store(1);
        List<String> ready = new ArrayList<>();
        subscribe("orders", SubscribeOptions.defaults().withOnReady(() -> ready.add("ready")), 0);
        advance(Duration.ofSeconds(10));

        assertThat(backend.asked()).containsExactly(0);
        assertThat(ready).containsExactly("ready");
    }

    @Test
    void demandOfOneWithoutPaceClaimsOne() {
        backend.store(100);
        subscribe(1);
        advance(Duration.ofSeconds(10));

        assertThat(backend.asked()).containsExactly(1);
    }

    @Test
    void theReadAheadFollowsThePace() {
        backend.store(1_000);
        TestSubscriber<EventMessage> subscriber = subscribe(20);
        subscriber.getReceivedOnNext().forEach(message -> message.ack().subscribe());
        subscriber.request(6);

        assertThat(backend.stored).hasSize(1_000 - 20 - 20 - 6);
    }

    @Test
    void whatIsReadAheadIsMadeUpOnceHalfOfItIsUsed() {
        backend.store(1_000);
        TestSubscriber<EventMessage> subscriber = subscribe(100);
        subscriber.getReceivedOnNext().forEach(message -> message.ack().subscribe());
        int claims = backend.asked().size();
        for (int i = 100; i < 140; i++) {
            subscriber.request(1);
            subscriber.getReceivedOnNext().get(i).ack().subscribe();
        }

        assertThat(subscriber.getReceivedOnNext()).hasSize(140);
        assertThat(backend.asked()).hasSizeBetween(claims + 1, claims + 2);
    }

    @Test
    void neverMoreThanThePrefetchIsUnsettled() {
        backend.store(1_000);
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPrefetch(7), Long.MAX_VALUE);

        assertThat(subscriber.getReceivedOnNext()).hasSize(7);
        subscriber.getReceivedOnNext().get(3).ack().subscribe();
        assertThat(subscriber.getReceivedOnNext()).hasSize(8);
    }

    @Test
    void settlesThatAreOnTheirWayButNotSentStillTakeRoom() {
        backend.store(1_000);
        backend.onSettle = batch -> Mono.never();
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPrefetch(7), Long.MAX_VALUE);
        subscriber.getReceivedOnNext().forEach(message -> message.ack().subscribe());

        assertThat(subscriber.getReceivedOnNext())
                .as("one more for each of two lanes")
                .hasSize(9);
    }

    @Test
    void twoBatchesArePublishedAtOnceAndWhatComesMeanwhileIsTheNext() {
        Sinks.Empty<Void> stored = Sinks.empty();
        backend.onPublish = stored.asMono();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            channel.publish("orders", i).subscribe(ids::add);
        }
        assertThat(backend.published).extracting(List::size).containsExactly(1, 1);
        assertThat(ids).isEmpty();

        stored.tryEmitEmpty();
        assertThat(backend.published).extracting(List::size).containsExactly(1, 1, 3);
        assertThat(ids).hasSize(5).doesNotHaveDuplicates();
    }

    @Test
    void acksThatAreSaidTogetherGoInOneStatement() {
        backend.store(100);
        List<Integer> batches = new ArrayList<>();
        backend.onSettle = batch -> {
            batches.add(batch.size());
            return ScriptedBackend.applyAll(batch);
        };
        TestSubscriber<EventMessage> subscriber = subscribe(100);
        List<List<Boolean>> answers = new ArrayList<>();
        channel.ackAll(subscriber.getReceivedOnNext()).subscribe(answers::add);

        assertThat(batches).containsExactly(100);
        assertThat(answers)
                .singleElement()
                .satisfies(each -> assertThat(each).hasSize(100).containsOnly(true));
    }

    @Test
    void settlementsWithLongReasonsGoInSeveralStatements() {
        backend.store(100);
        List<Integer> characters = new ArrayList<>();
        Sinks.Empty<Void> first = Sinks.empty();
        backend.onSettle = batch -> {
            characters.add(batch.stream()
                    .mapToInt(settlement -> settlement.reason().length())
                    .sum());
            return first.asMono().then(ScriptedBackend.applyAll(batch));
        };
        List<Boolean> answers = new ArrayList<>();
        subscribe(100)
                .getReceivedOnNext()
                .forEach(message -> message.reject("x".repeat(4_000)).subscribe(answers::add));
        first.tryEmitEmpty();

        assertThat(answers).hasSize(100).containsOnly(true);
        assertThat(characters.stream().mapToInt(Integer::intValue).sum()).isEqualTo(400_000);
        assertThat(characters).allSatisfy(each -> assertThat(each).isLessThanOrEqualTo(262_144));
    }

    @Test
    void theRoomOfLapsedMessagesComesBack() {
        backend.store(1_000);
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPrefetch(7), Long.MAX_VALUE);
        advance(Duration.ofSeconds(48));

        assertThat(subscriber.getReceivedOnNext()).hasSize(14);
    }

    // == When ==

    @Test
    void aWakeUpDuringAClaimIsNotLost() {
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofHours(1)), 10);
        backend.store(1);
        channel.publish("orders", 1).subscribe();
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        answer.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, false)));

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    @Test
    void sleepsExactlyUntilTheNextEventIsDue() {
        backend.onClaim = claim ->
                Mono.just(List.of(new Claimed("orders", List.of(), List.of(), Duration.ofMillis(400), false, false)));
        subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofHours(1)), 1);
        advance(Duration.ofMillis(399));
        assertThat(backend.claims).hasSize(1);
        advance(Duration.ofMillis(2));

        assertThat(backend.claims).hasSize(2);
    }

    @Test
    void whatOthersHoldIsTriedAgainAfterAPauseThatGrowsToThePollInterval() {
        backend.onClaim = claim -> Mono.just(List.of(new Claimed("orders", List.of(), List.of(), null, true, false)));
        subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofSeconds(1)), 1);
        advance(Duration.ofMillis(900));
        assertThat(backend.claims).hasSizeBetween(4, 10);
        backend.claims.clear();
        advance(Duration.ofSeconds(10));

        assertThat(backend.claims).hasSizeBetween(10, 22);
    }

    @Test
    void fiveHundredIdleSubscriptionsCostOneClaimPerPollInterval() {
        for (int i = 0; i < 500; i++) {
            subscribe("channel-" + i, SubscribeOptions.defaults(), Long.MAX_VALUE);
        }
        backend.claims.clear();
        advance(Duration.ofSeconds(10));

        assertThat(backend.claims)
                .hasSize(10)
                .allMatch(claim -> claim.requests().size() == 500);
    }

    @Test
    void pollsOfDifferentIntervalsThatCoincideAreOneClaim() {
        subscribe("fast", SubscribeOptions.defaults().withPollInterval(Duration.ofSeconds(1)), 1);
        advance(Duration.ofMillis(300)); // whenever they began
        subscribe("slow", SubscribeOptions.defaults().withPollInterval(Duration.ofSeconds(2)), 1);
        backend.claims.clear();
        advance(Duration.ofMillis(9_700));

        assertThat(backend.claims)
                .extracting(claim -> claim.requests().size())
                .containsExactly(1, 2, 1, 2, 1, 2, 1, 2, 1, 2);
    }

    @Test
    void eachChannelIsPolledAtItsOwnIntervalHoweverManyThereAre() {
        for (int i = 1; i <= 50; i++) {
            subscribe("channel-" + i, SubscribeOptions.defaults().withPollInterval(Duration.ofSeconds(i)), 1);
        }
        backend.claims.clear();
        advance(Duration.ofSeconds(100));

        assertThat(backend.claims).hasSize(100);
        for (int i = 1; i <= 50; i++) {
            String name = "channel-" + i;
            assertThat(backend.claims.stream().flatMap(claim -> claim.requests().stream()))
                    .filteredOn(request -> request.channel().equals(name))
                    .hasSize(100 / i);
        }
    }

    @Test
    void theLastSubscriptionThatEndsLeavesNoPoll() {
        TestSubscriber<EventMessage> one = subscribe(1);
        TestSubscriber<EventMessage> other =
                subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofSeconds(3)), 1);
        one.cancel();
        backend.claims.clear();
        advance(Duration.ofSeconds(6));
        assertThat(backend.claims).hasSize(2);
        other.cancel();
        advance(Duration.ofSeconds(60));

        assertThat(backend.claims).hasSize(2);
    }

    @Test
    void aChannelIsClaimedOnceForAllItsSubscriptions() {
        Sinks.One<List<Claimed>> busy = Sinks.one();
        backend.onClaim = claim -> busy.asMono();
        subscribe("other", SubscribeOptions.defaults(), 1);
        subscribe("another", SubscribeOptions.defaults(), 1);
        List<TestSubscriber<EventMessage>> competing = List.of(subscribe(5), subscribe(5));
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(10);
        busy.tryEmitValue(List.of(new Claimed("other", List.of(), List.of(), null, false, false)));

        assertThat(backend.claims.get(2).requests())
                .singleElement()
                .satisfies(request -> assertThat(request.limit()).isEqualTo(10));
        assertThat(competing)
                .allSatisfy(
                        subscriber -> assertThat(subscriber.getReceivedOnNext()).hasSize(5));
    }

    @Test
    void eachNewSubscriptionBesideAGreedyOneIsServedByItsFirstClaim() {
        SubscribeOptions patient = SubscribeOptions.defaults().withPollInterval(Duration.ofDays(1));
        subscribe("orders", patient, Long.MAX_VALUE);
        List<Integer> ready = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            int number = i;
            subscribe("orders", patient.withOnReady(() -> ready.add(number)), 1);
            assertThat(ready).hasSize(i + 1).endsWith(i);
        }
    }

    @Test
    void receiveWithZeroBesideAGreedySubscriptionEndsWithItsFirstClaim() {
        channel = channel(ChannelOptions.defaults().withPollInterval(Duration.ofDays(1)));
        subscribe(Long.MAX_VALUE);
        List<String> ends = new ArrayList<>();
        channel.receive("orders", Duration.ZERO).subscribe(null, null, () -> ends.add("empty"));

        assertThat(ends).containsExactly("empty");
    }

    @Test
    void moreNewSubscriptionsThanAClaimHasRoomForAreAllServedByIt() {
        channel = channel(ChannelOptions.defaults().withClaimBatch(1).withPollInterval(Duration.ofDays(1)));
        Sinks.One<List<Claimed>> first = Sinks.one();
        backend.onClaim = claim -> first.asMono();
        List<String> ready = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            subscribe("orders", SubscribeOptions.defaults().withOnReady(() -> ready.add("ready")), 10);
        }
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        first.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, false)));

        assertThat(ready).hasSize(5);
    }

    @Test
    void whatOneSubscriptionDoesNotNeedGoesToTheOthers() {
        Sinks.One<List<Claimed>> first = Sinks.one();
        backend.onClaim = claim -> first.asMono();
        List<TestSubscriber<EventMessage>> competing =
                List.of(subscribe(1), subscribe(20), subscribe(Long.MAX_VALUE), subscribe(Long.MAX_VALUE));
        backend.onClaim = claim -> backend.claims.size() > 2 ? Mono.never() : Mono.just(backend.take(claim));
        backend.store(2_000);
        first.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, false)));

        List<Integer> received = competing.stream()
                .map(subscriber -> subscriber.getReceivedOnNext().size())
                .toList();
        assertThat(backend.asked()).startsWith(1, 1_000);
        assertThat(received.subList(0, 2)).containsExactly(1, 20);
        assertThat(received.subList(2, 4)).allMatch(count -> count >= 75);
    }

    // == The database is away ==

    @Test
    void aPassingFaultIsTriedAgainWithGrowingPauses() {
        backend.onClaim = claim -> Mono.error(new EventException.Unavailable("away", null));
        TestSubscriber<EventMessage> subscriber = subscribe(1);
        advance(Duration.ofMinutes(1));
        assertThat(backend.claims).hasSizeBetween(12, 40);
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(1);
        advance(Duration.ofSeconds(6));

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    @Test
    void whatTryingAgainCannotMendEndsTheFirstSubscribe() {
        backend.onClaim = claim -> Mono.error(new EventException.Misconfigured("no table", null));

        assertThat(subscribe(1).expectTerminalError()).isInstanceOf(EventException.Misconfigured.class);
    }

    @Test
    void onceRunningItKeepsTryingWhateverHappens() {
        TestSubscriber<EventMessage> subscriber = subscribe(1);
        backend.onClaim = claim -> Mono.error(new EventException.Misconfigured("no table", null));
        advance(Duration.ofMinutes(1));
        assertThat(subscriber.isTerminated()).isFalse();
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        backend.store(1);
        advance(Duration.ofSeconds(6));

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    // == Streams ==

    @Test
    void whatCameBeforeTheSourceFailedIsStillWritten() {
        Sinks.Empty<Void> first = Sinks.empty();
        backend.onPublish = first.asMono();
        Flux<Event> source = Flux.range(0, 10)
                .map(i -> Event.of("orders", i))
                .concatWith(Mono.error(new IllegalStateException("the source broke")));
        List<Object> signals = new ArrayList<>();
        channel.publishAll(source).subscribe(signals::add, signals::add);
        backend.onPublish = Mono.empty();
        first.tryEmitEmpty();

        assertThat(signals).hasSize(11).last().isInstanceOf(IllegalStateException.class);
        assertThat(backend.published).extracting(List::size).containsExactly(1, 9);
    }

    @Test
    void aFailedBatchEndsTheStreamAlsoWhileItsSourceIsSilent() {
        backend.onPublish = Mono.error(new EventException.Unavailable("Away.", null));
        List<Throwable> errors = new ArrayList<>();
        channel.publishAll(Flux.just(Event.of("orders", 1)).concatWith(Mono.never()))
                .subscribe(null, errors::add);

        assertThat(errors)
                .singleElement()
                .satisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Unavailable.class)
                        .hasMessage("Away. Of this stream 0 events are stored."));
    }

    // == The truth about settles ==

    @Test
    void aSettleInAnOutageIsRetriedForOneLease() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.error(new EventException.OutcomeUnknown("lost", null));
        List<Object> answers = new ArrayList<>();
        message.ack().subscribe(answers::add, answers::add);
        advance(Duration.ofSeconds(29));
        assertThat(answers).isEmpty();
        advance(Duration.ofSeconds(3));

        assertThat(answers).singleElement().isInstanceOf(EventException.OutcomeUnknown.class);
    }

    @Test
    void aSettleThatFailedCanBeTriedAgain() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.error(new EventException.Misconfigured("no", null));
        StepVerifier.create(message.ack()).verifyError(EventException.Misconfigured.class);
        backend.onSettle = ScriptedBackend::applyAll;

        StepVerifier.create(message.ack()).expectNext(true).verifyComplete();
    }

    @Test
    void anAckWhoseRowIsGoneIsTrueWhileTheLeaseLasts() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.just(List.of(SettleResult.GONE));

        StepVerifier.create(message.ack()).expectNext(true).verifyComplete();
    }

    @Test
    void anAckWhoseRowIsGoneAfterTheLeaseIsNotGuessed() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.just(List.of(SettleResult.GONE));
        advance(Duration.ofSeconds(46));

        StepVerifier.create(message.ack()).verifyError(EventException.OutcomeUnknown.class);
    }

    @Test
    void aNackWhoseRowIsGoneIsFalse() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.just(List.of(SettleResult.GONE));

        StepVerifier.create(message.nack()).expectNext(false).verifyComplete();
    }

    @Test
    void onlyTheFirstOutcomeIsSent() {
        EventMessage message = delivered();
        StepVerifier.create(Mono.zip(message.ack(), message.ack(), message.nack()))
                .assertNext(answers -> assertThat(answers).containsExactly(true, true, false))
                .verifyComplete();

        assertThat(backend.settlements).hasSize(1);
    }

    @Test
    void anOutcomeIsSentAlsoIfTheSubscriberCancels() {
        EventMessage message = delivered();
        Sinks.One<List<SettleResult>> answer = Sinks.one();
        backend.onSettle = batch -> answer.asMono();
        message.ack().subscribe().dispose();
        answer.tryEmitValue(List.of(SettleResult.APPLIED));

        StepVerifier.create(message.ack()).expectNext(true).verifyComplete();
        assertThat(backend.settlements).hasSize(1);
    }

    // == Leases ==

    @Test
    void whatWaitsIsRenewedForAsLongAsItWaits() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(SubscribeOptions.defaults());
        advance(Duration.ofMinutes(10));
        assertThat(backend.settlements)
                .hasSizeBetween(60, 80)
                .allMatch(settlement -> settlement.outcome() == Outcome.EXTEND)
                .allMatch(settlement -> settlement.after().equals(Duration.ofSeconds(45)));
        subscriber.request(1);

        assertThat(subscriber.getReceivedOnNext()).hasSize(2);
    }

    @Test
    void aStaleEventIsNotHandedOverBeforeItsLeaseIsRenewed() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(SubscribeOptions.defaults());
        Sinks.One<List<SettleResult>> renewal = Sinks.one();
        backend.onSettle = batch -> renewal.asMono();
        advance(Duration.ofSeconds(20));
        subscriber.request(1);
        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
        renewal.tryEmitValue(List.of(SettleResult.APPLIED));

        assertThat(subscriber.getReceivedOnNext()).hasSize(2);
    }

    @Test
    void anEventLostWhileItWaitedIsDropped() {
        TestSubscriber<EventMessage> subscriber = withOneWaiting(SubscribeOptions.defaults());
        backend.onSettle =
                batch -> Mono.just(batch.stream().map(one -> SettleResult.LOST).toList());
        advance(Duration.ofSeconds(20));
        subscriber.request(1);

        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    @Test
    void messagesInHandAreRenewedOnlyWhenAskedForAndUpToTheMaximum() {
        backend.store(1);
        subscribe(
                "orders",
                SubscribeOptions.defaults().withRenewLeases(true).withMaxProcessingTime(Duration.ofMinutes(2)),
                1);
        advance(Duration.ofMinutes(2));
        int renewals = backend.settlements.size();
        assertThat(renewals).isGreaterThan(6);
        advance(Duration.ofMinutes(5));

        assertThat(backend.settlements).hasSizeBetween(renewals, renewals + 1);
    }

    // == Giving back ==

    @Test
    void cancellingReleasesWhatWaitsAndWhatAClaimInFlightBrings() {
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        TestSubscriber<EventMessage> subscriber = subscribe(3);
        subscriber.cancel();
        backend.store(3);
        answer.tryEmitValue(backend.take(backend.claims.get(0)));

        assertThat(backend.settlements).hasSize(3).allMatch(settlement -> settlement.outcome() == Outcome.RELEASE);
        assertThat(subscriber.getReceivedOnNext()).isEmpty();
    }

    @Test
    void anEventThatArrivesWhenReceiveHasTimedOutIsReleased() {
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        List<String> ends = new ArrayList<>();
        channel.receive("orders", Duration.ofSeconds(1)).subscribe(null, null, () -> ends.add("empty"));
        advance(Duration.ofSeconds(1));
        assertThat(ends).containsExactly("empty");
        backend.store(1);
        answer.tryEmitValue(backend.take(backend.claims.get(0)));

        assertThat(backend.settlements)
                .singleElement()
                .satisfies(settlement -> assertThat(settlement.outcome()).isEqualTo(Outcome.RELEASE));
    }

    @Test
    void anEventThatIsFoundAndNotAskedForBeforeTheCancelIsReleased() {
        backend.store(1);
        TestSubscriber<EventMessage> receiver =
                TestSubscriber.builder().initialRequest(0).build();
        channel.receive("orders", Duration.ofSeconds(1)).subscribe(receiver);
        receiver.cancel();

        assertThat(backend.settlements)
                .singleElement()
                .satisfies(settlement -> assertThat(settlement.outcome()).isEqualTo(Outcome.RELEASE));
    }

    // == What is refused or only described asks the backend for nothing ==

    @Test
    void badRequestsOfAMessageAreRefusedBeforeTheBackendIsAsked() {
        EventMessage message = delivered();
        for (Mono<Boolean> refused : List.of(
                message.nack(Duration.ofMillis(-1)),
                message.nack(Duration.ofDays(36_500)),
                message.extend(Duration.ZERO),
                message.extend(Duration.ofDays(36_500)))) {
            StepVerifier.create(refused).verifyError(EventException.Invalid.class);
        }

        assertThat(backend.settlements).isEmpty();
    }

    @Test
    void aStreamIsPublishedAsOftenAsItIsSubscribedTo() {
        AtomicInteger subscribed = new AtomicInteger();
        Flux<Event> source =
                Flux.just(Event.of("orders", 1)).doOnSubscribe(subscription -> subscribed.incrementAndGet());
        Flux<String> stream = channel.publishAll(source);
        advance(Duration.ofSeconds(10));
        assertThat(subscribed).hasValue(0);
        assertThat(backend.published).isEmpty();
        stream.subscribe();
        stream.subscribe();

        assertThat(subscribed).hasValue(2);
        assertThat(backend.published).hasSize(2);
    }

    @Test
    void nothingIsTakenBeforeSomebodySubscribesAndEachIsASubscriptionOfItsOwn() {
        backend.store(3);
        List<EventMessage> received = new ArrayList<>();
        Flux<EventMessage> messages =
                channel.subscribe("orders", SubscribeOptions.defaults().withPrefetch(1));
        advance(Duration.ofSeconds(10));
        assertThat(backend.claims).isEmpty();
        messages.subscribe(received::add);
        messages.subscribe(received::add);

        assertThat(received).hasSize(2);
    }

    @Test
    void receiveTakesAnEventForEachThatSubscribesAndNoneBefore() {
        backend.store(3);
        List<EventMessage> received = new ArrayList<>();
        Mono<EventMessage> one = channel.receive("orders", Duration.ofSeconds(1));
        advance(Duration.ofSeconds(10)); // its time does not run either
        assertThat(backend.claims).isEmpty();
        one.subscribe(received::add);
        one.subscribe(received::add);

        assertThat(received).hasSize(2).doesNotHaveDuplicates();
    }

    // == What the backend cannot do ==

    @Test
    void whatTheBackendCannotDoIsRefusedBeforeItIsAsked() {
        backend.capabilities.clear();
        Event event = Event.of("orders", 1);
        for (Event unsupported : List.of(
                event.withDelay(Duration.ofSeconds(1)),
                event.withDeliverAt(Instant.EPOCH),
                event.withKey("key"),
                event.withDeduplicationKey("name"))) {
            StepVerifier.create(channel.publish(unsupported))
                    .verifyErrorSatisfies(error -> assertThat(error)
                            .isInstanceOf(EventException.Unsupported.class)
                            .hasMessageContainingAll("scripted backend", "leave it out"));
            StepVerifier.create(channel.publishAll(List.of(event, unsupported)))
                    .verifyError(EventException.Unsupported.class);
            StepVerifier.create(channel.publishAll(Flux.just(unsupported)))
                    .verifyError(EventException.Unsupported.class);
        }

        assertThat(backend.published).isEmpty();
    }

    // == Ending ==

    @Test
    void atTheBoundOfAShutdownMessagesInHandAreGivenBack() {
        delivered();
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        advance(Duration.ofSeconds(29));
        assertThat(ends).isEmpty();
        advance(Duration.ofSeconds(2));

        assertThat(backend.settlements)
                .singleElement()
                .satisfies(settlement -> assertThat(settlement.outcome()).isEqualTo(Outcome.RETRY));
        assertThat(ends).containsExactly("done");
    }

    /** The backend would be ended before the answer, and nobody would give back what it leases. */
    @Test
    void aShutdownWaitsBeyondItsBoundForAClaimInFlight() {
        channel = channel(ChannelOptions.defaults().withShutdownTimeout(Duration.ofMillis(100)));
        Sinks.Empty<Void> answer = Sinks.empty();
        backend.store(1);
        backend.onClaim = claim -> answer.asMono().then(Mono.fromSupplier(() -> backend.take(claim)));
        List<Outcome> settledBefore = new ArrayList<>();
        backend.onShutdown = () -> backend.settlements.forEach(settlement -> settledBefore.add(settlement.outcome()));
        List<String> ends = new ArrayList<>();
        subscribe(1);
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        advance(Duration.ofMillis(100));
        assertThat(ends).isEmpty();
        answer.tryEmitEmpty();

        assertThat(settledBefore).containsExactly(Outcome.RELEASE);
        assertThat(ends).containsExactly("done");
    }

    @Test
    void atTheBoundOfAShutdownMessagesInHandAreGivenBackAlthoughAClaimIsInFlight() {
        delivered();
        backend.onClaim = claim -> Mono.never();
        subscribe(1);
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        advance(ChannelOptions.defaults().shutdownTimeout());
        assertThat(backend.settlements)
                .singleElement()
                .satisfies(settlement -> assertThat(settlement.outcome()).isEqualTo(Outcome.RETRY));
        advance(Shutdown.GRACE);

        assertThat(ends).containsExactly("done");
    }

    @Test
    void aDatabaseThatDoesNotAnswerDoesNotHoldUpAShutdown() {
        EventMessage message = delivered();
        backend.onSettle = batch -> Mono.never();
        backend.onPublish = Mono.never();
        List<Object> answers = new ArrayList<>();
        message.ack().subscribe(answers::add, answers::add);
        channel.publish("orders", 1).subscribe(answers::add, answers::add);
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        advance(Duration.ofSeconds(33));

        assertThat(ends).containsExactly("done");
        assertThat(answers).hasSize(2).allMatch(EventException.OutcomeUnknown.class::isInstance);
    }
}
