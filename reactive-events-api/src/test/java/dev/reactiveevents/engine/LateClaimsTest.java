package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** Claims that are answered after their time limit, by a database that has leased the events meanwhile. */
class LateClaimsTest extends VirtualTimeEngine {

    private static final Duration LIMIT = ChannelOptions.defaults().publishTimeout();
    private static final SubscribeOptions FIVE = SubscribeOptions.defaults().withPrefetch(5);

    private final Sinks.One<List<Claimed>> answer = Sinks.one();

    /** The first claim is not answered, the others find nothing. */
    private TestSubscriber<EventMessage> subscriberWhoseClaimIsLate() {
        backend.onClaim = claim -> backend.claims.size() == 1 ? answer.asMono() : Mono.just(backend.take(claim));
        TestSubscriber<EventMessage> subscriber = subscribe("orders", FIVE, Long.MAX_VALUE);
        advance(LIMIT.plusSeconds(1));
        return subscriber;
    }

    private void answer(ClaimedEvent... events) {
        answer.tryEmitValue(List.of(new Claimed("orders", List.of(events), List.of(), null, false, false)));
    }

    private static ClaimedEvent event(UUID id, String key) {
        return ScriptedBackend.event(id, "orders", key, "1");
    }

    @Test
    void whatTheyHaveLeasedIsGivenBack() {
        subscriberWhoseClaimIsLate();
        UUID first = TimeOrderedIds.next();
        UUID second = TimeOrderedIds.next();
        answer(event(first, "a"), event(second, "b"));

        UUID token = backend.claims.get(0).leaseToken();
        assertThat(backend.settlements)
                .containsExactly(
                        new Settlement(Outcome.RELEASE, "orders", first, "a", token, Duration.ZERO, null),
                        new Settlement(Outcome.RELEASE, "orders", second, "b", token, Duration.ZERO, null));
    }

    @Test
    void whatIsGivenBackIsLookedForAtOnceAndFindsTheRoomAsItWas() {
        TestSubscriber<EventMessage> subscriber = subscriberWhoseClaimIsLate();
        backend.onSettle = batch -> {
            batch.forEach(settlement -> backend.stored.add(settlement.eventId()));
            return ScriptedBackend.applyAll(batch);
        };
        UUID id = TimeOrderedIds.next();
        answer(event(id, "a"));
        assertThat(subscriber.getReceivedOnNext())
                .extracting(EventMessage::eventId)
                .containsExactly(id.toString());
        backend.store(10);
        advance(Duration.ofSeconds(2));

        assertThat(subscriber.getReceivedOnNext()).hasSize(5);
    }

    @Test
    void theDeadLettersTheyHaveMadeAreTold() {
        subscriberWhoseClaimIsLate();
        answer.tryEmitValue(
                List.of(new Claimed("orders", List.of(), List.of(TimeOrderedIds.next()), null, false, false)));

        assertThat(channel.totals().deadLettered()).isEqualTo(1);
    }

    @Test
    void aShutdownWaitsForThemAndForWhatIsGivenBack() {
        subscriberWhoseClaimIsLate();
        List<Outcome> settledBefore = new ArrayList<>();
        backend.onShutdown = () -> backend.settlements.forEach(settlement -> settledBefore.add(settlement.outcome()));
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));
        assertThat(ends).isEmpty();
        answer(event(TimeOrderedIds.next(), "a"));

        assertThat(settledBefore).containsExactly(Outcome.RELEASE);
        assertThat(ends).containsExactly("done");
    }

    @Test
    void aShutdownDoesNotWaitForThoseThatFail() {
        subscriberWhoseClaimIsLate();
        answer.tryEmitError(new EventException.OutcomeUnknown("the connection is lost", null));
        List<String> ends = new ArrayList<>();
        channel.shutdown().subscribe(null, null, () -> ends.add("done"));

        assertThat(ends).containsExactly("done");
    }

    /** Each may wait for a connection. */
    @Test
    void notEverMoreOfThemAreHeard() {
        AtomicInteger heard = new AtomicInteger();
        backend.onClaim = claim -> Mono.<List<Claimed>>never()
                .doOnSubscribe(asked -> heard.incrementAndGet())
                .doOnCancel(heard::decrementAndGet);
        subscribe("orders", FIVE, 1);
        advance(Duration.ofHours(1));

        assertThat(backend.claims).hasSizeGreaterThan(100);
        assertThat(heard).hasValueBetween(30, 40);
    }

    @Test
    void oneThatThrowsWhenItIsCancelledIsFollowedByOthers() {
        backend.onClaim = claim -> Mono.create(sink -> sink.onCancel(() -> {
            throw new IllegalStateException("not to be cancelled");
        }));
        subscribe("orders", FIVE, 1);
        advance(Duration.ofHours(1));

        assertThat(backend.claims).hasSizeGreaterThan(100);
    }
}
