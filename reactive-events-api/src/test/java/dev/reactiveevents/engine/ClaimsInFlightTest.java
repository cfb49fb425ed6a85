package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

class ClaimsInFlightTest extends VirtualTimeEngine {

    private final List<Sinks.One<List<Claimed>>> answers = new ArrayList<>();

    @BeforeEach
    void claimTwoAtOnce() {
        channel = channel(ChannelOptions.defaults().withClaimBatch(2));
        backend.onClaim = claim -> {
            answers.add(Sinks.one());
            return answers.get(answers.size() - 1).asMono();
        };
    }

    private void answer(int claim, String... payloads) {
        List<ClaimedEvent> events = new ArrayList<>();
        for (String payload : payloads) {
            events.add(ScriptedBackend.event(TimeOrderedIds.next(), "orders", payload));
        }
        answers.get(claim).tryEmitValue(List.of(new Claimed("orders", events, List.of(), null, false, false)));
    }

    private static List<String> texts(TestSubscriber<EventMessage> subscriber) {
        return subscriber.getReceivedOnNext().stream()
                .map(EventMessage::payloadText)
                .toList();
    }

    @Test
    void whereThereWasPlentyTheNextClaimStartsWhenTheOneBeforeHasTakenItsEvents() {
        subscribe(Long.MAX_VALUE);
        answer(0, "1", "2");
        assertThat(answers).hasSize(2);
        backend.taken.get(1).run();

        assertThat(answers).hasSize(3);
    }

    @Test
    void whereThereWasLittleItAwaitsTheAnswer() {
        subscribe(Long.MAX_VALUE);
        backend.taken.get(0).run();

        assertThat(answers).hasSize(1);
    }

    @Test
    void whoeverHasWhatItWaitedForIsServedByNoOtherClaim() {
        TestSubscriber<EventMessage> subscriber = subscribe(1);
        assertThat(backend.claims).hasSize(1);
        assertThat(backend.claims.get(0).requests().get(0).limit()).isEqualTo(1);
        answer(0, "1");

        assertThat(texts(subscriber)).containsExactly("1");
        assertThat(backend.claims).hasSize(1);
    }

    @Test
    void eventsKeepTheOrderOfTheirClaimsWhicheverIsAnsweredFirst() {
        TestSubscriber<EventMessage> subscriber = subscribe(Long.MAX_VALUE);
        answer(0, "1", "2");
        backend.taken.get(1).run();
        answer(2, "5", "6");
        assertThat(texts(subscriber)).containsExactly("1", "2");
        answer(1, "3", "4");

        assertThat(texts(subscriber)).containsExactly("1", "2", "3", "4", "5", "6");
    }

    @Test
    void aClaimThatFailsDoesNotHoldUpTheNext() {
        TestSubscriber<EventMessage> subscriber = subscribe(Long.MAX_VALUE);
        answer(0, "1", "2");
        backend.taken.get(1).run();
        answer(2, "5", "6");
        answers.get(1).tryEmitError(new EventException.Unavailable("away", null));

        assertThat(texts(subscriber)).containsExactly("1", "2", "5", "6");
    }

    @Test
    void channelsWithPlentyAreClaimedInTurnByGoodPortionsAndTheOthersTogether() {
        channel = channel(ChannelOptions.defaults().withClaimBatch(100));
        List<String> names = IntStream.range(0, 6).mapToObj(i -> "c" + i).toList();
        Set<String> rich = Set.of("c0", "c1", "c2", "c3");
        backend.onClaim = claim -> {
            answers.add(Sinks.one());
            return backend.claims.size() > 12 ? answers.get(0).asMono() : Mono.just(full(claim, rich));
        };
        channel.subscribe(names, SubscribeOptions.defaults().withPrefetch(100_000))
                .subscribe(message -> {});

        List<Claim> later = backend.claims.subList(2, 10);
        assertThat(later).allSatisfy(claim -> {
            assertThat(claim.requests()).hasSizeLessThanOrEqualTo(2);
            assertThat(claim.requests()).allMatch(request -> request.limit() >= 50);
        });
        Set<String> served = new LinkedHashSet<>();
        later.forEach(claim -> claim.requests().forEach(request -> served.add(request.channel())));
        assertThat(served).isEqualTo(rich);
    }

    private static List<Claimed> full(Claim claim, Set<String> rich) {
        return claim.requests().stream()
                .map(request -> new Claimed(
                        request.channel(),
                        rich.contains(request.channel())
                                ? IntStream.range(0, request.limit())
                                        .mapToObj(i -> ScriptedBackend.event(TimeOrderedIds.next(), request.channel()))
                                        .toList()
                                : List.of(),
                        List.of(),
                        null,
                        false,
                        false))
                .toList();
    }
}
