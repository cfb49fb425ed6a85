package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** Events of one key wait for each other, in this process. The payload's first letter is the key. */
class KeyedListenerTest extends VirtualTimeEngine {

    private static final ListenOptions KEYED = ListenOptions.defaults()
            .withConcurrency(2)
            .withKeyedConcurrency(message -> message.payloadAs(String.class).substring(0, 1));

    private final ManualHandler handler = new ManualHandler();
    private final Deque<String> payloads = new ArrayDeque<>();
    private final Sinks.Empty<Void> released = Sinks.empty();

    @BeforeEach
    void claimPayloads() {
        backend.onClaim = claim -> Mono.just(List.of(claimed(claim.requests().get(0))));
    }

    private Claimed claimed(Claim.Request request) {
        List<ClaimedEvent> events = new ArrayList<>();
        while (events.size() < request.limit() && !payloads.isEmpty()) {
            events.add(ScriptedBackend.event(TimeOrderedIds.next(), "orders", '"' + payloads.poll() + '"'));
        }
        return new Claimed("orders", events, List.of(), null, false, false);
    }

    private EventListener listen(ListenOptions options, String... events) {
        payloads.addAll(List.of(events));
        return channel.listen("orders", handler, options);
    }

    private List<String> started() {
        return texts(handler.started);
    }

    private static List<String> texts(List<EventMessage> messages) {
        return messages.stream().map(message -> message.payloadAs(String.class)).toList();
    }

    private List<Outcome> outcomes() {
        return backend.settlements.stream().map(Settlement::outcome).toList();
    }

    @Test
    void eventsOfOneKeyAreHandledOneAfterTheOtherAndOthersBesideThem() {
        listen(KEYED, "a1", "a2", "b1", "a3");
        assertThat(started()).containsExactly("a1", "b1");
        handler.complete(1);
        assertThat(started()).containsExactly("a1", "b1");
        handler.complete(0);
        assertThat(started()).containsExactly("a1", "b1", "a2");
        handler.complete(2);

        assertThat(started()).containsExactly("a1", "b1", "a2", "a3");
    }

    @Test
    void aFailedEventLetsTheNextOfItsKeyThrough() {
        listen(KEYED, "a1", "a2");
        handler.fail(0, new IllegalStateException("broken"));

        assertThat(started()).containsExactly("a1", "a2");
        assertThat(outcomes()).containsExactly(Outcome.RETRY);
    }

    @Test
    void eventsWithoutAKeyWaitForNothing() {
        listen(KEYED.withKeyedConcurrency(), "a1", "a2");

        assertThat(started()).containsExactly("a1", "a2");
    }

    @Test
    void aKeyThatCannotBeToldFailsItsEventAlone() {
        listen(
                KEYED.withKeyedConcurrency(message -> {
                    if (message.payloadAs(String.class).equals("a1")) {
                        throw new IllegalStateException("no key");
                    }
                    return "all";
                }),
                "a1",
                "a2");

        assertThat(started()).containsExactly("a2");
        assertThat(outcomes()).containsExactly(Outcome.RETRY);
        assertThat(backend.settlements.get(0).reason()).contains("no key");
    }

    @Test
    void neverMoreWaitThanThePrefetchAllowsAndAllComeInTheEnd() {
        String[] hot = new String[40];
        for (int i = 0; i < hot.length; i++) {
            hot[i] = "a" + i;
        }
        listen(KEYED.withPrefetch(10), hot);
        assertThat(payloads).hasSize(30);
        for (int i = 0; i < hot.length; i++) {
            handler.complete(i);
        }

        assertThat(started()).containsExactly(hot);
        assertThat(outcomes()).hasSize(40).containsOnly(Outcome.ACK);
    }

    @Test
    void aLongLineOfOneKeyThatIsHandledAtOnceDoesNotPileUp() {
        int line = 4_000;
        List<String> handled = new ArrayList<>();
        for (int i = 0; i < line; i++) {
            payloads.add("a" + i);
        }
        channel.listen(
                "orders",
                message -> {
                    handled.add(message.payloadAs(String.class));
                    return handled.size() == 1 ? handler.handle(message) : Mono.empty();
                },
                KEYED);
        assertThat(handled).hasSize(1);
        handler.complete(0);

        assertThat(handled).hasSize(line);
    }

    @Test
    void whatWaitsIsRenewedAndItsOwnProcessingTimeBeginsWithItsHandler() {
        listen(KEYED.withMaxProcessingTime(Duration.ofMinutes(1)), "a1", "a2", "a3");
        advance(Duration.ofSeconds(60));
        assertThat(texts(handler.cancelled)).containsExactly("a1");
        advance(Duration.ofSeconds(59));
        assertThat(texts(handler.cancelled)).containsExactly("a1");
        assertThat(handler.started.get(1).isLeaseLost()).isFalse();
        handler.complete(1);
        handler.complete(2);

        assertThat(started()).containsExactly("a1", "a2", "a3");
        assertThat(outcomes().stream().filter(outcome -> outcome == Outcome.ACK))
                .hasSize(2);
    }

    @Test
    void whatWaitsIsGivenBackWhenTheListenerStopsAndItsAttemptDoesNotCount() {
        EventListener listener = listen(KEYED, "a1", "a2", "a3");
        listener.stop(Duration.ofMinutes(1)).subscribe();
        assertThat(outcomes()).containsExactly(Outcome.RELEASE, Outcome.RELEASE);
        handler.complete(0);

        assertThat(outcomes()).containsExactly(Outcome.RELEASE, Outcome.RELEASE, Outcome.ACK);
        assertThat(listener.state()).isEqualTo(EventListener.State.STOPPED);
        assertThat(started()).containsExactly("a1");
    }

    @Test
    void aStopWaitsUntilItIsStoredThatWhatWaitsForItsKeyIsGivenBack() {
        TestSubscriber<Void> stopped = stoppedWithOneWaiting();
        assertThat(outcomes()).containsExactly(Outcome.RELEASE, Outcome.ACK);
        assertThat(stopped.isTerminated()).isFalse();
        released.tryEmitEmpty();

        assertThat(stopped.isTerminated()).isTrue();
    }

    @Test
    void butNotForLong() {
        TestSubscriber<Void> stopped = stoppedWithOneWaiting();
        advance(Duration.ofSeconds(1).plus(Shutdown.GRACE));

        assertThat(stopped.isTerminated()).isTrue();
    }

    private TestSubscriber<Void> stoppedWithOneWaiting() {
        EventListener listener = listen(KEYED, "a1", "a2");
        backend.onSettle = batch -> batch.get(0).outcome() == Outcome.RELEASE
                ? released.asMono().then(ScriptedBackend.applyAll(batch))
                : ScriptedBackend.applyAll(batch);
        TestSubscriber<Void> stopped = TestSubscriber.create();
        listener.stop(Duration.ofSeconds(1)).subscribe(stopped);
        handler.complete(0);
        return stopped;
    }
}
