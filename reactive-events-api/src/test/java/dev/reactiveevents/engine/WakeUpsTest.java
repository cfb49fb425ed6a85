package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.WakeUp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.publisher.TestPublisher;
import reactor.test.subscriber.TestSubscriber;

/** What the engine makes of what other processes tell. */
class WakeUpsTest extends VirtualTimeEngine {

    private final TestPublisher<WakeUp> others = TestPublisher.create();
    private final List<String> ready = new ArrayList<>();

    @BeforeEach
    void othersTell() {
        backend.wakeUps = others.flux();
    }

    private TestSubscriber<EventMessage> subscribe(String channel) {
        SubscribeOptions options = SubscribeOptions.defaults()
                .withPollInterval(Duration.ofHours(1))
                .withOnReady(() -> ready.add(channel));
        return subscribe(channel, options, Long.MAX_VALUE);
    }

    @Test
    void aWakeUpIsAClaimOfItsChannelAlone() {
        subscribe("orders");
        subscribe("bills");
        others.next(WakeUp.everywhere());
        backend.claims.clear();
        others.next(new WakeUp(Set.of("bills", "unknown")));

        assertThat(backend.claims)
                .singleElement()
                .satisfies(
                        claim -> assertThat(claim.requests().get(0).channel()).isEqualTo("bills"));
    }

    @Test
    void aWakeUpEverywhereIsAClaimOfAll() {
        subscribe("orders");
        subscribe("bills");
        backend.claims.clear();
        others.next(WakeUp.everywhere());

        assertThat(backend.claims)
                .flatExtracting(claim -> claim.requests())
                .extracting(request -> request.channel())
                .containsExactlyInAnyOrder("orders", "bills");
    }

    @Test
    void aSubscriptionIsReadyOnceOthersAreHeardAndTakesWhatIsThereBefore() {
        backend.store(1);
        TestSubscriber<EventMessage> subscriber = subscribe("orders");
        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
        assertThat(ready).isEmpty();

        others.next(WakeUp.everywhere());
        assertThat(ready).containsExactly("orders");
        subscribe("bills");
        assertThat(ready).containsExactly("orders", "bills");
    }

    /** Otherwise a claim that looks for what was missed could take what is published after onReady, and outlive who asked. */
    @Test
    void aSubscriptionIsReadyOnceItHasLookedForWhatItWasNotTold() {
        subscribe("orders");
        Sinks.One<List<Claimed>> answer = Sinks.one();
        backend.onClaim = claim -> answer.asMono();
        others.next(WakeUp.everywhere());
        assertThat(ready).isEmpty();

        answer.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, false)));
        assertThat(ready).containsExactly("orders");
    }

    @Test
    void aSubscriptionIsReadyWhenNothingWillBeTold() {
        subscribe("orders");
        others.complete();

        assertThat(ready).containsExactly("orders");
    }

    @Test
    void aSubscriptionThatAsksForNothingLooksForTheDatabaseOnceAndAgainWhenItIsTold() {
        backend.onClaim = claim -> backend.claims.size() > 100 ? Mono.never() : Mono.just(backend.take(claim));
        backend.store(1);
        SubscribeOptions options = SubscribeOptions.defaults()
                .withPollInterval(Duration.ofHours(1))
                .withOnReady(() -> ready.add("told"));
        TestSubscriber<EventMessage> subscriber = subscribe("orders", options, 0);
        assertThat(backend.asked()).containsExactly(0);
        assertThat(ready).isEmpty();

        others.next(WakeUp.everywhere());
        assertThat(backend.asked()).containsExactly(0, 0);
        assertThat(ready).containsExactly("told");
        subscriber.request(1);
        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
    }

    @Test
    void theEngineListensWhileThereAreSubscriptions() {
        AtomicInteger listening = new AtomicInteger();
        Sinks.Many<WakeUp> wakeUps = Sinks.many().multicast().directBestEffort();
        backend.wakeUps = Flux.defer(wakeUps::asFlux)
                .doOnSubscribe(begin -> listening.incrementAndGet())
                .doOnCancel(listening::decrementAndGet);
        TestSubscriber<EventMessage> first = subscribe("orders");
        TestSubscriber<EventMessage> second = subscribe("bills");
        assertThat(listening).hasValue(1);
        first.cancel();
        assertThat(listening).hasValue(1);
        second.cancel();
        assertThat(listening).hasValue(0);
        subscribe("orders");
        assertThat(listening).hasValue(1);
        channel.shutdown().block();
        assertThat(listening).hasValue(0);
    }
}
