package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.test.subscriber.TestSubscriber;

/** What a suspect does to the other claims of its channel object, and for how long. Virtual time. */
class IsolationTest extends VirtualTimeEngine {

    private static final Duration LEASE = ChannelOptions.defaults().lease();
    private static final Duration GRANTED = LeaseKeeper.granted(LEASE);

    /** So many claims end a test that would not end otherwise. */
    private static final int SPINNING = 50_000;

    private final Map<String, Queue<UUID>> waiting = new HashMap<>();
    private final Queue<UUID> suspects = new ArrayDeque<>();
    private boolean suspectsAreLocked;

    @BeforeEach
    void suspectsAreOfChannelBad() {
        backend.onClaim = claim -> backend.claims.size() > SPINNING ? Mono.never() : Mono.just(answer(claim));
    }

    private List<Claimed> answer(Claim claim) {
        return claim.requests().stream()
                .map(request -> claim.suspects() ? ofSuspects(request) : ofOthers(request))
                .toList();
    }

    private Claimed ofOthers(Claim.Request request) {
        Queue<UUID> queue = waiting.getOrDefault(request.channel(), new ArrayDeque<>());
        boolean seesSuspects = request.channel().equals("bad") && !suspects.isEmpty();
        return new Claimed(request.channel(), taken(queue, request), List.of(), null, false, seesSuspects);
    }

    private Claimed ofSuspects(Claim.Request request) {
        List<ClaimedEvent> taken = suspectsAreLocked ? List.of() : taken(suspects, request);
        return new Claimed(request.channel(), taken, List.of(), null, suspectsAreLocked, false);
    }

    private static List<ClaimedEvent> taken(Queue<UUID> queue, Claim.Request request) {
        return Stream.generate(queue::poll)
                .limit(Math.min(queue.size(), request.limit()))
                .map(id -> ScriptedBackend.event(id, request.channel()))
                .toList();
    }

    private TestSubscriber<EventMessage> subscribe(String name) {
        return subscribe(name, SubscribeOptions.defaults(), Long.MAX_VALUE);
    }

    private void publish(String name) {
        waiting.computeIfAbsent(name, any -> new ArrayDeque<>()).add(TimeOrderedIds.next());
        channel.publish(name, 1).subscribe();
    }

    private void aSuspectAppears() {
        suspects.add(TimeOrderedIds.next());
        channel.publish("bad", 1).subscribe(); // wakes its channel
    }

    /** A message of another channel, in the hands of a consumer that will not settle it for a long time. */
    private EventMessage heldForTwoHours() {
        publish("slow");
        EventMessage held = subscribe("slow").getReceivedOnNext().get(0);
        held.extend(Duration.ofHours(2)).subscribe();
        return held;
    }

    private static int received(TestSubscriber<EventMessage> subscriber) {
        return subscriber.getReceivedOnNext().size();
    }

    @Test
    void othersWaitForAMessageInHandForOneGrantedLeaseAtMost() {
        TestSubscriber<EventMessage> good = subscribe("good");
        TestSubscriber<EventMessage> bad = subscribe("bad");
        heldForTwoHours();
        aSuspectAppears();
        publish("good");
        advance(GRANTED.minusSeconds(1));
        assertThat(received(good)).isZero();
        advance(Duration.ofSeconds(1));

        assertThat(received(good)).isOne();
        assertThat(received(bad)).isZero();
    }

    @Test
    void theTimeInWhichOthersWaitIsASmallShare() {
        TestSubscriber<EventMessage> good = subscribe("good");
        subscribe("bad");
        heldForTwoHours();
        aSuspectAppears();
        int atOnce = 0;
        for (int second = 0; second < 3_600; second++) {
            int before = received(good);
            publish("good");
            atOnce += received(good) > before ? 1 : 0;
            good.getReceivedOnNext()
                    .subList(before, received(good))
                    .forEach(message -> message.ack().subscribe());
            advance(Duration.ofSeconds(1));
        }

        assertThat(atOnce).isBetween(3_600 * 3 / 4, 3_600 - 2 * (int) GRANTED.toSeconds());
    }

    @Test
    void theSuspectFollowsWhenTheMessageInHandIsSettledAtLast() {
        subscribe("good");
        TestSubscriber<EventMessage> bad = subscribe("bad");
        EventMessage held = heldForTwoHours();
        aSuspectAppears();
        advance(Duration.ofMinutes(10));
        assertThat(received(bad)).isZero();
        held.ack().subscribe();
        advance(Duration.ofMinutes(12));

        assertThat(received(bad)).isOne();
    }

    @Test
    void aSuspectThatAnotherProcessTookMeanwhileIsNotWaitedForAgain() {
        TestSubscriber<EventMessage> good = subscribe("good");
        subscribe("bad");
        heldForTwoHours();
        aSuspectAppears();
        suspects.clear();
        publish("good");
        advance(GRANTED);
        assertThat(received(good)).isOne();
        for (int second = 1; second <= 1_000; second++) {
            publish("good");
            assertThat(received(good)).as("after %s more seconds", second).isEqualTo(1 + second);
            advance(Duration.ofSeconds(1));
        }
    }

    @Test
    void aConsumerThatAcknowledgesNothingDoesNotKeepSuspectsWaiting() {
        TestSubscriber<EventMessage> good = subscribe("good");
        TestSubscriber<EventMessage> bad = subscribe("bad");
        for (int i = 0; i < 20; i++) {
            publish("good");
            if (i == 10) {
                aSuspectAppears();
            }
            advance(Duration.ofSeconds(5));
        }

        assertThat(received(bad)).isOne();
        advance(GRANTED);
        assertThat(received(good)).isEqualTo(20);
    }

    @Test
    void othersWaitForASuspectInHandForOneGrantedLeaseAtMost() {
        TestSubscriber<EventMessage> good = subscribe("good");
        TestSubscriber<EventMessage> bad = subscribe("bad");
        aSuspectAppears();
        bad.getReceivedOnNext().get(0).extend(Duration.ofHours(2)).subscribe();
        publish("good");
        advance(GRANTED.minusSeconds(1));
        assertThat(received(good)).isZero();
        advance(Duration.ofSeconds(1));

        assertThat(received(good)).isOne();
    }

    @Test
    void betweenTwoSuspectsOthersHaveAsMuchTimeAsTheFirstTook() {
        TestSubscriber<EventMessage> good = subscribe("good");
        TestSubscriber<EventMessage> bad = subscribe("bad");
        aSuspectAppears();
        aSuspectAppears();
        advance(Duration.ofSeconds(10));
        bad.getReceivedOnNext().get(0).ack().subscribe();
        advance(Duration.ofSeconds(9));
        publish("good");
        assertThat(received(good)).isOne();
        good.getReceivedOnNext().get(0).ack().subscribe();
        assertThat(received(bad)).isOne();
        advance(Duration.ofSeconds(2));

        assertThat(received(bad)).isEqualTo(2);
    }

    @Test
    void aSuspectThatIsLockedIsTriedAgainWithGrowingPauses() {
        suspectsAreLocked = true;
        TestSubscriber<EventMessage> bad = subscribe("bad");
        aSuspectAppears();
        backend.claims.clear();
        advance(Duration.ofSeconds(10));
        assertThat(backend.claims).hasSizeLessThanOrEqualTo(25);
        assertThat(backend.claims).filteredOn(Claim::suspects).hasSizeBetween(4, 10);
        suspectsAreLocked = false;
        advance(Duration.ofSeconds(10));

        assertThat(received(bad)).isOne();
    }

    @Test
    void aSuspectWhoseRowIsLockedByAnotherTransactionDoesNotHoldUpTheOthers() {
        suspectsAreLocked = true;
        TestSubscriber<EventMessage> good = subscribe("good");
        subscribe("bad");
        aSuspectAppears();
        publish("good");

        assertThat(received(good)).isOne();
    }

    @Test
    void aClaimForSuspectsThatFailsIsTriedAgain() {
        TestSubscriber<EventMessage> bad = subscribe("bad");
        var sound = backend.onClaim;
        backend.onClaim =
                claim -> claim.suspects() ? Mono.error(new IllegalStateException("away")) : sound.apply(claim);
        aSuspectAppears();
        advance(Duration.ofSeconds(10));
        backend.onClaim = sound;
        advance(Duration.ofSeconds(10));

        assertThat(received(bad)).isOne();
    }

    /** The first look tells of the suspect only, and a second one is made for it. */
    @ParameterizedTest
    @ValueSource(ints = {0, 10})
    void aSuspectIsReceivedByWhoDoesNotWait(int millisOfAClaim) {
        claimsTake(Duration.ofMillis(millisOfAClaim));
        suspects.add(TimeOrderedIds.next());
        List<EventMessage> received = new ArrayList<>();
        for (int attempt = 0; attempt < 5 && received.isEmpty(); attempt++) {
            channel.receive("bad", Duration.ZERO).subscribe(received::add);
            advance(Duration.ofSeconds(1));
        }

        assertThat(received).hasSize(1);
        assertThat(backend.settlements).isEmpty();
    }

    @Test
    void whileASuspectMustWaitWhoDoesNotWaitIsToldAtOnceThatThereIsNothing() {
        heldForTwoHours();
        suspects.add(TimeOrderedIds.next());
        List<String> ends = new ArrayList<>();
        channel.receive("bad", Duration.ZERO).subscribe(null, null, () -> ends.add("nothing"));

        assertThat(ends).containsExactly("nothing");
    }

    private void claimsTake(Duration duration) {
        if (!duration.isZero()) {
            var sound = backend.onClaim;
            backend.onClaim = claim -> Mono.delay(duration, clock).then(sound.apply(claim));
        }
    }
}
