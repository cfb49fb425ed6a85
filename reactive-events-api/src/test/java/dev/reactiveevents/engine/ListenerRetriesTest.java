package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;

/** What becomes of an event whose handler failed. */
class ListenerRetriesTest extends VirtualTimeEngine {

    private static final ListenOptions SOON =
            ListenOptions.defaults().withRetry(RetryPolicy.fixed(Duration.ofSeconds(7)));

    private EventListener listen(ListenOptions options, EventHandler handler) {
        return channel.listen("orders", handler, options);
    }

    private Settlement settledAfter(ListenOptions options, Throwable failure) {
        backend.store(1);
        listen(options, message -> Mono.error(failure));
        assertThat(backend.settlements).hasSize(1);
        return backend.settlements.get(0);
    }

    /** The next event is in its nth delivery. */
    private void storeAtAttempt(int attempt, String payload) {
        ClaimedEvent of = ScriptedBackend.event(TimeOrderedIds.next(), "orders", payload);
        ClaimedEvent event = new ClaimedEvent(
                of.eventId(),
                "orders",
                null,
                null,
                payload,
                null,
                attempt,
                Instant.EPOCH,
                Instant.EPOCH,
                Instant.EPOCH);
        backend.onClaim = claim -> {
            backend.onClaim = later -> Mono.just(backend.take(later));
            return Mono.just(List.of(new Claimed("orders", List.of(event), List.of(), null, false, false)));
        };
    }

    @SuppressWarnings("NullAway")
    static Stream<EventHandler> failing() {
        return Stream.of(
                message -> Mono.error(new IllegalStateException("broken")),
                message -> {
                    throw new IllegalStateException("broken");
                },
                message -> {
                    throw new StackOverflowError("broken");
                },
                message -> {
                    throw new NoClassDefFoundError("broken");
                },
                message -> null,
                message -> Mono.defer(() -> {
                    throw new IllegalStateException("broken");
                }),
                message -> Mono.error(new OutOfMemoryError("broken")));
    }

    @ParameterizedTest
    @MethodSource("failing")
    void aFailureHarmsOnlyItsEvent(EventHandler failing) {
        backend.store(3);
        int[] calls = {0};
        EventListener listener = listen(SOON, message -> calls[0]++ == 1 ? failing.handle(message) : Mono.empty());

        assertThat(backend.settlements)
                .extracting(Settlement::outcome)
                .containsExactly(Outcome.ACK, Outcome.RETRY, Outcome.ACK);
        assertThat(backend.settlements.get(1).after()).isEqualTo(Duration.ofSeconds(7));
        assertThat(backend.settlements.get(1).reason()).isNotBlank();
        assertThat(listener.counts()).isEqualTo(new EventListener.Counts(0, 2, 1, 0, 2, 1, 0, 0));
    }

    @Test
    void theReasonNamesTheErrorAndItsCause() {
        Settlement settlement = settledAfter(
                SOON, new IllegalStateException("no stock", new IllegalArgumentException("negative\0amount")));

        assertThat(settlement.reason())
                .isEqualTo("java.lang.IllegalStateException: no stock; caused by"
                        + " java.lang.IllegalArgumentException: negative\uFFFDamount");
    }

    @Test
    void aVeryLongReasonIsCut() {
        assertThat(settledAfter(SOON, new IllegalStateException("x".repeat(100_000)))
                        .reason())
                .hasSize(4_000);
    }

    @Test
    void aPlainNackOfTheHandlerFollowsTheListenersPolicy() {
        backend.store(1);
        listen(SOON, message -> message.nack().then());

        assertThat(backend.settlements).singleElement().satisfies(settlement -> {
            assertThat(settlement.outcome()).isEqualTo(Outcome.RETRY);
            assertThat(settlement.after()).isEqualTo(Duration.ofSeconds(7));
        });
    }

    @Test
    void afterTheListenersLastAttemptAFailureMakesADeadLetter() {
        storeAtAttempt(3, "1");
        EventListener listener =
                listen(SOON.withMaxAttempts(3), message -> Mono.error(new IllegalStateException("broken")));

        assertThat(backend.settlements).singleElement().satisfies(settlement -> {
            assertThat(settlement.outcome()).isEqualTo(Outcome.DEAD);
            assertThat(settlement.reason()).contains("broken");
        });
        assertThat(listener.counts().deadLettered()).isEqualTo(1);
    }

    @Test
    void aListenerMayAllowMoreAttemptsThanItsChannel() {
        channel = channel(ChannelOptions.defaults().withMaxAttempts(2));
        storeAtAttempt(3, "1");
        listen(SOON.withMaxAttempts(4), message -> Mono.error(new IllegalStateException("broken")));

        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.RETRY);
    }

    @Test
    void aFinalFailureMakesADeadLetterAtOnce() {
        ListenOptions options = SOON.withRetry(RetryPolicy.defaults().notOn(IllegalArgumentException.class));

        assertThat(settledAfter(options, new NumberFormatException("not a number")))
                .satisfies(settlement -> {
                    assertThat(settlement.outcome()).isEqualTo(Outcome.DEAD);
                    assertThat(settlement.reason()).isEqualTo("java.lang.NumberFormatException: not a number");
                });
    }

    @Test
    void aFailureIsRecognisedInWhatReactorWrapsItIn() {
        ListenOptions options = SOON.withRetry(RetryPolicy.defaults().notOn(java.io.IOException.class));

        assertThat(settledAfter(options, Exceptions.propagate(new java.io.IOException("no file")))
                        .outcome())
                .isEqualTo(Outcome.DEAD);
    }

    @Test
    void aPayloadThatCannotBeReadMakesADeadLetterAtOnce() {
        storeAtAttempt(1, "\"text\"");
        listen(SOON, message -> Mono.just(message.payloadAs(Integer.class)).then());

        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.DEAD);
    }

    @Test
    void aPolicyThatThrowsHarmsOnlyItsEvent() {
        backend.store(2);
        RetryPolicy broken = RetryPolicy.custom(failures -> {
            throw new IllegalStateException("policy");
        });
        int[] calls = {0};
        EventListener listener = listen(
                SOON.withRetry(broken),
                message -> calls[0]++ == 0 ? Mono.error(new IllegalStateException("broken")) : Mono.empty());
        advance(Duration.ofMinutes(5));

        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.ACK);
        assertThat(listener.counts().handled()).isEqualTo(1);
    }

    @Test
    void theGreatestNumberOfAttemptsIsWhatAClaimIsToldAsLongAsItsListenerRuns() {
        EventListener stubborn = listen(SOON.withMaxAttempts(20), message -> Mono.empty());
        subscribe("orders", SubscribeOptions.defaults().withMaxAttempts(3), 1);
        advance(Duration.ofSeconds(2));
        assertThat(lastMaxAttempts()).isEqualTo(20);
        stubborn.stop(Duration.ZERO).subscribe();
        advance(Duration.ofSeconds(2));

        assertThat(lastMaxAttempts()).isEqualTo(3);
    }

    private int lastMaxAttempts() {
        return backend.claims.get(backend.claims.size() - 1).requests().get(0).maxAttempts();
    }

    @Test
    void aFutureThatFailsIsAFailureToo() {
        assertThat(settledAfter(SOON, failureOf(CompletableFuture.failedFuture(new IllegalStateException("later"))))
                        .reason())
                .contains("later");
    }

    private static Throwable failureOf(CompletableFuture<Map<String, String>> future) {
        try {
            throw new AssertionError(future.join());
        } catch (CompletionException failure) {
            return failure;
        }
    }

    @Test
    void aSubscriptionsOwnPolicyIsForItsPlainNacks() {
        backend.store(1);
        subscribe("orders", SubscribeOptions.defaults().withRetry(RetryPolicy.none()), 1)
                .getReceivedOnNext()
                .get(0)
                .nack()
                .subscribe();

        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.DEAD);
    }

    @Test
    void withoutAutoAckAFailureIsRetriedUnlessTheHandlerHasSettled() {
        backend.store(1);
        listen(SOON.withAutoAck(false), message -> Mono.error(new EventException.Closed("elsewhere")));

        assertThat(backend.settlements).extracting(Settlement::outcome).containsExactly(Outcome.RETRY);
    }
}
