package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settled;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** Acknowledgements that take the next events of their keys along. */
class SuccessionsTest extends VirtualTimeEngine {

    private static final Duration LEASE = ChannelOptions.defaults().lease();
    private static final int PREFETCH = 100;
    private static final Claimed NOTHING = claimed("orders");
    private static final EventException AWAY = new EventException.Unavailable("away", null);

    private final List<Claimed> waiting = new ArrayList<>();

    @BeforeEach
    void takeWhatWaits() {
        backend.onClaim = claim -> Mono.just(claim.requests().stream()
                .map(request ->
                        request.limit() == 0 || waiting.isEmpty() ? claimed(request.channel()) : waiting.remove(0))
                .toList());
    }

    /** Payloads whose first letter is their key. */
    private static Claimed claimed(String channel, String... payloads) {
        return new Claimed(
                channel,
                Stream.of(payloads)
                        .map(payload ->
                                ScriptedBackend.event(TimeOrderedIds.next(), channel, payload.substring(0, 1), payload))
                        .toList(),
                List.of(),
                null,
                false,
                false);
    }

    private TestSubscriber<EventMessage> holding(String... payloads) {
        waiting.add(claimed("orders", payloads));
        return subscribe("orders", SubscribeOptions.defaults().withPrefetch(PREFETCH), Long.MAX_VALUE);
    }

    private void take(Claimed next) {
        backend.onSettleAndTake = (batch, claim) -> Mono.just(settled(batch, next));
    }

    private static Settled settled(List<Settlement> batch, Claimed next) {
        return new Settled(
                batch.stream().map(settlement -> SettleResult.APPLIED).toList(), next);
    }

    private Sinks.One<Settled> answerLater() {
        Sinks.One<Settled> answer = Sinks.one();
        backend.onSettleAndTake = (batch, claim) -> answer.asMono();
        return answer;
    }

    private static List<String> texts(TestSubscriber<EventMessage> subscriber) {
        return subscriber.getReceivedOnNext().stream()
                .map(EventMessage::payloadText)
                .toList();
    }

    private static EventMessage message(TestSubscriber<EventMessage> subscriber, String payload) {
        return subscriber.getReceivedOnNext().stream()
                .filter(message -> message.payloadText().equals(payload))
                .findFirst()
                .orElseThrow();
    }

    private void wake() {
        channel.publish("orders", "woken").subscribe();
    }

    /** How much room a claim asks for that is made now. */
    private int room() {
        int before = backend.claims.size();
        wake();
        assertThat(backend.claims).hasSize(before + 1);
        return backend.claims.get(before).requests().get(0).limit();
    }

    // == Taking ==

    @Test
    void anAcknowledgementTakesTheNextEventOfItsKeyAlong() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0");
        take(claimed("orders", "a1"));
        int claims = backend.claims.size();
        List<Boolean> acked = new ArrayList<>();
        message(subscriber, "a0").ack().subscribe(acked::add);

        assertThat(acked).containsExactly(true);
        assertThat(texts(subscriber)).containsExactly("a0", "b0", "a1");
        assertThat(backend.claims).hasSize(claims);
        Claim along = backend.along.get(0);
        assertThat(along.requests()).containsExactly(new Claim.Request("orders", 1, 10));
        assertThat(along.suspects()).isFalse();
        assertThat(along.lease()).isEqualTo(backend.claims.get(0).lease());
        assertThat(along.leaseToken()).isNotEqualTo(backend.claims.get(0).leaseToken());

        backend.settlements.clear();
        message(subscriber, "a1").ack().subscribe();
        assertThat(backend.settlements.get(0).leaseToken()).isEqualTo(along.leaseToken());
    }

    @Test
    void whatIsTakenIsLeasedFromBeforeItWasSent() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        Sinks.One<Settled> answer = answerLater();
        message(subscriber, "a0").ack().subscribe();
        advance(Duration.ofSeconds(5));
        answer.tryEmitValue(new Settled(List.of(SettleResult.APPLIED), claimed("orders", "a1")));
        backend.onSettle = batch -> Mono.error(AWAY);
        EventMessage next = message(subscriber, "a1");
        advance(LeaseKeeper.granted(LEASE).minusSeconds(6));
        assertThat(next.isLeaseLost()).isFalse();
        advance(Duration.ofSeconds(1));

        assertThat(next.isLeaseLost()).isTrue();
    }

    @Test
    void whatBecameOfItIsToldBeforeTheNextIsHandedOver() {
        List<String> told = new ArrayList<>();
        waiting.add(claimed("orders", "a0"));
        take(claimed("orders", "a1"));
        channel.subscribe("orders").subscribe(message -> {
            told.add(message.payloadText());
            if (message.payloadText().equals("a0")) {
                message.ack().subscribe(held -> told.add("acknowledged"));
            }
        });

        assertThat(told).containsExactly("a0", "acknowledged", "a1");
    }

    @Test
    void whatIsTakenTooLateIsGivenBack() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        Sinks.One<Settled> answer = answerLater();
        message(subscriber, "a0").ack().subscribe(null, error -> {});
        backend.onSettleAndTake = null;
        advance(LEASE.multipliedBy(2).plusSeconds(2));
        backend.settlements.clear();
        Claimed late = claimed("orders", "a1");
        answer.tryEmitValue(new Settled(List.of(SettleResult.APPLIED), late));

        assertThat(texts(subscriber)).containsExactly("a0");
        assertThat(backend.settlements)
                .containsExactly(new Settlement(
                        Outcome.RELEASE,
                        "orders",
                        late.events().get(0).eventId(),
                        "a",
                        backend.along.get(0).leaseToken(),
                        Duration.ZERO,
                        null));
        assertThat(room()).isEqualTo(PREFETCH);
    }

    /** It may have been published meanwhile, and others have seen that the key was held. */
    @Test
    void aKeyOfWhichNothingWasTakenAlongIsLookedAtAgain() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0");
        take(NOTHING);
        waiting.add(claimed("orders", "a1"));
        message(subscriber, "a0").ack().subscribe();

        assertThat(backend.along).hasSize(1);
        assertThat(texts(subscriber)).containsExactly("a0", "b0", "a1");
        assertThat(room()).isEqualTo(PREFETCH - 2);
    }

    /** That look sees until when the events are leased. */
    @Test
    void aLookFollowsWhereTheBackendHasNoneInMind() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        backend.onSettleAndTake = (batch, claim) -> {
            backend.onSettleAndTake = null;
            return Mono.just(settled(batch, claimed("orders", "a1")));
        };
        int claims = backend.claims.size();
        message(subscriber, "a0").ack().subscribe();

        assertThat(texts(subscriber)).containsExactly("a0", "a1");
        assertThat(backend.claims).hasSize(claims + 1);
    }

    @Test
    void theChannelWithMostAcknowledgementsCounts() {
        backend.onClaim = claim -> Mono.just(claim.requests().stream()
                .map(request -> claimed(
                        request.channel(),
                        backend.claims.size() > 1
                                ? new String[0]
                                : request.channel().equals("bills") ? new String[] {"c0"} : new String[] {"a0", "b0"}))
                .toList());
        TestSubscriber<EventMessage> subscriber = TestSubscriber.create();
        channel.subscribe(List.of("bills", "orders"), SubscribeOptions.defaults())
                .subscribe(subscriber);
        take(NOTHING);
        channel.ackAll(List.of(message(subscriber, "c0"), message(subscriber, "a0"), message(subscriber, "b0")))
                .subscribe();

        assertThat(backend.along.get(0).requests()).containsExactly(new Claim.Request("orders", 2, 10));
    }

    @Test
    void aBackendThatThrowsKeepsNobodyWaiting() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        backend.onSettleAndTake = (batch, claim) -> {
            throw new IllegalStateException("thrown");
        };
        List<Throwable> failures = new ArrayList<>();
        message(subscriber, "a0").ack().subscribe(null, failures::add);
        assertThat(failures).hasSize(1);
        assertThat(room()).isEqualTo(PREFETCH);
        backend.onSettleAndTake = null;
        message(subscriber, "a0").ack().subscribe();
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));

        assertThat(ends).containsExactly("done");
    }

    @Test
    void whatWasNotLookedForIsClaimed() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0");
        backend.onSettleAndTake = (batch, claim) -> Mono.just(new Settled(List.of(SettleResult.APPLIED), null));
        waiting.add(claimed("orders", "a1"));
        message(subscriber, "a0").ack().subscribe();

        assertThat(texts(subscriber)).containsExactly("a0", "b0", "a1");
        assertThat(room()).isEqualTo(PREFETCH - 2);
    }

    @Test
    void whatOtherOutcomesInTheSameBatchFreeIsClaimed() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0", "c0", "d0");
        Sinks.One<Settled> first = answerLater();
        Sinks.One<Settled> second = Sinks.one();
        message(subscriber, "a0").ack().subscribe();
        backend.onSettleAndTake = (batch, claim) -> second.asMono();
        message(subscriber, "b0").ack().subscribe(); // both lanes are busy
        message(subscriber, "c0").ack().subscribe();
        message(subscriber, "d0").nack().subscribe();
        take(claimed("orders", "c1"));
        int claims = backend.claims.size();
        first.tryEmitValue(new Settled(List.of(SettleResult.APPLIED), claimed("orders", "a1")));

        assertThat(backend.along.get(2).requests().get(0).limit()).isOne();
        assertThat(texts(subscriber)).containsExactly("a0", "b0", "c0", "d0", "c1", "a1");
        assertThat(backend.claims).hasSize(claims + 1);
    }

    @Test
    void whereItTakesEventsAlongTheLanesShareWhatWaits() {
        waiting.add(claimed(
                "orders",
                IntStream.range(0, 151).mapToObj(i -> (char) ('a' + i) + "0").toArray(String[]::new)));
        TestSubscriber<EventMessage> subscriber = subscribe(Long.MAX_VALUE);
        List<EventMessage> messages = List.copyOf(subscriber.getReceivedOnNext());
        take(NOTHING);
        messages.get(0).ack().subscribe();
        answerLater();
        channel.ackAll(messages.subList(1, 151)).subscribe();

        assertThat(backend.along)
                .extracting(claim -> claim.requests().get(0).limit())
                .containsExactly(1, 75, 75);
    }

    // == Taking nothing along ==

    private void assertTakesNothing() {
        assertThat(backend.settlements).isNotEmpty();
        assertThat(backend.along).isEmpty();
    }

    @Test
    void nothingIsTakenWhereTheBackendHadRatherNot() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        waiting.add(claimed("orders", "a1"));
        message(subscriber, "a0").ack().subscribe();

        assertTakesNothing();
        assertThat(texts(subscriber)).containsExactly("a0", "a1");
    }

    @Test
    void whatIsNotAcknowledgedTakesNothing() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        take(NOTHING);
        message(subscriber, "a0").nack().subscribe();

        assertTakesNothing();
    }

    @Test
    void anEventWithoutAKeyTakesNothing() {
        backend.onClaim = claim -> Mono.just(backend.take(claim));
        take(NOTHING);
        delivered().ack().subscribe();

        assertTakesNothing();
    }

    /** A claim that is due has got the room of the first of the two. */
    @Test
    void withoutRoomForAllNothingIsTaken() {
        waiting.add(claimed("orders", "a0", "b0"));
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPrefetch(2), Long.MAX_VALUE);
        take(NOTHING);
        wake();
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        int claims = backend.claims.size();
        channel.ackAll(subscriber.getReceivedOnNext()).subscribe();

        assertTakesNothing();
        assertThat(backend.claims).hasSize(claims + 1);
        takeWhatWaits();
        answer.tryEmitValue(List.of(NOTHING));
        assertThat(room()).isEqualTo(2);
    }

    @Test
    void noMoreIsTakenThanAClaimMayTake() {
        channel = channel(ChannelOptions.defaults().withClaimBatch(2));
        waiting.add(claimed("orders", "a0", "b0"));
        waiting.add(claimed("orders", "c0", "d0"));
        waiting.add(claimed("orders", "e0"));
        TestSubscriber<EventMessage> subscriber = subscribe(Long.MAX_VALUE);
        assertThat(texts(subscriber)).hasSize(5);
        Sinks.One<Settled> first = answerLater();
        message(subscriber, "a0").ack().subscribe();
        message(subscriber, "b0").ack().subscribe();
        Stream.of("c0", "d0", "e0")
                .forEach(payload -> message(subscriber, payload).ack().subscribe());
        assertThat(backend.along).hasSize(2);
        first.tryEmitValue(new Settled(List.of(SettleResult.APPLIED), NOTHING));

        assertThat(backend.along).hasSize(2);
        assertThat(backend.settlements).hasSize(5);
    }

    @Test
    void aClaimThatIsDueGoesBefore() {
        waiting.add(claimed("orders", "a0"));
        TestSubscriber<EventMessage> subscriber =
                subscribe("orders", SubscribeOptions.defaults().withPrefetch(1), Long.MAX_VALUE);
        take(claimed("orders", "a1"));
        int claims = backend.claims.size();
        wake();
        assertThat(backend.claims).as("without room").hasSize(claims);
        waiting.add(claimed("orders", "b0"));
        message(subscriber, "a0").ack().subscribe();

        assertTakesNothing();
        assertThat(texts(subscriber)).containsExactly("a0", "b0");
    }

    @Test
    void nothingIsTakenInAnOutage() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        take(NOTHING);
        backend.onClaim = claim -> Mono.error(AWAY);
        wake();
        message(subscriber, "a0").ack().subscribe();

        assertTakesNothing();
    }

    @Test
    void nothingIsTakenOnceItIsBeingShutDown() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        take(NOTHING);
        channel.shutdown().subscribe();
        message(subscriber, "a0").ack().subscribe();

        assertTakesNothing();
    }

    @Test
    void nothingIsTakenForASubscriptionThatIsOver() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        take(NOTHING);
        EventMessage message = message(subscriber, "a0");
        subscriber.cancel();
        message.ack().subscribe();

        assertTakesNothing();
    }

    // == Failures ==

    @Test
    void whatFailsIsTriedAgainAloneAndGivesItsRoomBack() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0");
        backend.onSettleAndTake = (batch, claim) -> Mono.error(AWAY);
        waiting.add(claimed("orders", "a1"));
        List<Boolean> acked = new ArrayList<>();
        message(subscriber, "a0").ack().subscribe(acked::add);

        assertThat(acked).containsExactly(true);
        assertThat(backend.along).hasSize(1);
        assertThat(backend.settlements).hasSize(2);
        assertThat(texts(subscriber)).containsExactly("a0", "b0", "a1");
        assertThat(room()).isEqualTo(PREFETCH - 2);
    }

    @Test
    void whatFailsForGoodGivesItsRoomBack() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0");
        backend.onSettleAndTake = (batch, claim) -> Mono.error(new EventException.Misconfigured("no table", null));
        List<Throwable> failures = new ArrayList<>();
        message(subscriber, "a0").ack().subscribe(null, failures::add);

        assertThat(failures).singleElement().isInstanceOf(EventException.Misconfigured.class);
        assertThat(backend.settlements).hasSize(1);
        assertThat(room()).isEqualTo(PREFETCH - 1);
    }

    @Test
    void whatIsNeverAnsweredGivesItsRoomBack() {
        TestSubscriber<EventMessage> subscriber = holding("a0", "b0");
        answerLater();
        List<Throwable> failures = new ArrayList<>();
        message(subscriber, "a0").ack().subscribe(null, failures::add);
        assertThat(room()).isEqualTo(PREFETCH - 2);
        advance(LEASE.multipliedBy(2).plusSeconds(2));

        assertThat(failures).singleElement().isInstanceOf(EventException.OutcomeUnknown.class);
        assertThat(room()).as("all leases have lapsed").isEqualTo(PREFETCH);
    }

    @Test
    void moreThanWasAskedForIsRefused() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        take(claimed("orders", "a1", "a2"));
        List<Throwable> failures = new ArrayList<>();
        message(subscriber, "a0").ack().subscribe(null, failures::add);

        assertThat(failures).singleElement().isInstanceOf(IllegalStateException.class);
        assertThat(texts(subscriber)).containsExactly("a0");
    }

    // == Who waits for it ==

    @Test
    void aShutdownWaitsForItAndGivesBackWhatItBrings() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        Sinks.One<Settled> answer = answerLater();
        message(subscriber, "a0").ack().subscribe();
        List<String> ends = new ArrayList<>();
        backend.onShutdown = () -> ends.add("after " + backend.settlements.size() + " settlements");
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        assertThat(ends).isEmpty();
        backend.settlements.clear();
        answer.tryEmitValue(new Settled(List.of(SettleResult.APPLIED), claimed("orders", "a1")));

        assertThat(ends).containsExactly("after 1 settlements", "done");
        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.RELEASE);
        assertThat(backend.settlements.get(0).leaseToken())
                .isEqualTo(backend.along.get(0).leaseToken());
    }

    @Test
    void suspectsWaitUntilWhatItBringsIsSettled() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        Sinks.One<Settled> answer = answerLater();
        message(subscriber, "a0").ack().subscribe();
        waiting.add(new Claimed("orders", List.of(), List.of(), null, false, true));
        wake();
        assertThat(backend.claims).noneMatch(Claim::suspects);
        answer.tryEmitValue(new Settled(List.of(SettleResult.APPLIED), claimed("orders", "a1")));
        assertThat(backend.claims).noneMatch(Claim::suspects);
        take(claimed("orders", "a2"));
        message(subscriber, "a1").ack().subscribe();

        assertThat(backend.claims).anyMatch(Claim::suspects);
        assertThat(backend.along).as("nothing is taken while a suspect waits").hasSize(1);
        assertThat(texts(subscriber)).containsExactly("a0", "a1");
    }

    @Test
    void suspectsThatItSawAreClaimedAlone() {
        TestSubscriber<EventMessage> subscriber = holding("a0");
        take(new Claimed("orders", List.of(), List.of(), null, false, true));
        message(subscriber, "a0").ack().subscribe();

        assertThat(backend.claims).anyMatch(Claim::suspects);
    }
}
