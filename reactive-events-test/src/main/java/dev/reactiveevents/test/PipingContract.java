package dev.reactiveevents.test;

import static dev.reactiveevents.pipeline.Pipelines.settled;
import static dev.reactiveevents.pipeline.Pipelines.settling;
import static dev.reactiveevents.pipeline.Pipelines.working;
import static dev.reactiveevents.pipeline.Pipelines.workingByKey;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

/** Pipelines that begin with a subscription. */
abstract class PipingContract extends ContractGroup {

    private static final SubscribeOptions AT_ONCE_AGAIN =
            SubscribeOptions.defaults().withRetry(RetryPolicy.fixed(Duration.ZERO));

    PipingContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsComeAgain() {
        requires(Capability.RETRY);
    }

    private static int number(EventMessage message) {
        return message.payloadAs(Integer.class);
    }

    private static <T> List<T> await(Flux<T> flux) {
        return Objects.requireNonNull(flux.collectList().block(AWAIT));
    }

    @Test
    void whatIsWorkedIsAcknowledgedAndPassedOnWithItsEvent() {
        EventChannel events = open();
        List<String> ids = publish(events, 20);
        List<Correlated<Integer>> done = await(events.subscribe(channel)
                .transform(settling(4, message -> Mono.just(number(message) * 2)))
                .take(20));
        assertThat(done).allSatisfy(result -> assertThat(result.value()).isEqualTo(number(result.message()) * 2));
        assertThat(done.stream().map(result -> result.message().eventId())).containsExactlyInAnyOrderElementsOf(ids);
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void whatFailsThrowsOrAnswersNullComesAgainAndHarmsNoOther() {
        EventChannel events = open();
        publish(events, 6);
        Function<EventMessage, Mono<Integer>> work = message -> {
            if (message.attempts() == 1 && number(message) == 1) {
                return Mono.error(new IllegalStateException("failed"));
            } else if (message.attempts() == 1 && number(message) == 2) {
                throw new IllegalStateException("thrown");
            } else if (message.attempts() == 1 && number(message) == 3) {
                return null;
            }
            return Mono.just(number(message));
        };
        List<Correlated<Integer>> done = await(events.subscribe(channel, AT_ONCE_AGAIN)
                .transform(settling(3, work))
                .take(9));
        assertThat(done.stream().filter(Correlated::isFailed)).hasSize(3);
        assertThat(done.stream().filter(result -> !result.isFailed()).map(Correlated::value))
                .containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5);
    }

    @Test
    void workThatGivesNothingIsAcknowledgedToo() {
        EventChannel events = open();
        publish(events, 1);
        Correlated<Object> done = ContractGroup.await(events.subscribe(channel)
                .transform(settling(1, message -> Mono.empty()))
                .next());
        assertThat(done.value()).isNull();
        assertThat(done.isFailed()).isFalse();
        assertNothingElse(events, subscribe(events));
    }

    @Test
    void whatCannotBeReadBecomesADeadLetter() {
        requires(Capability.UPKEEP);
        EventChannel events = open();
        ContractGroup.await(events.publish(channel, "text"));
        Correlated<Integer> failed = ContractGroup.await(events.subscribe(channel)
                .transform(settling(1, message -> Mono.just(number(message))))
                .next());
        assertThat(failed.failure()).isInstanceOf(EventException.Undecodable.class);
        assertThat(ContractGroup.await(events.deadLetters(channel).count())).isEqualTo(1);
    }

    /** Each step keeps the event, and failures pass by those that follow. */
    @Test
    void aResultKeepsItsEventThroughTheSteps() {
        EventChannel events = open();
        publish(events, 10);
        List<Correlated<String>> done = await(events.subscribe(channel)
                .transform(working(4, message -> Mono.just(number(message))))
                .map(result -> result.map(number -> 12 / (number - 5)))
                .flatMap(result -> result.then(quotient -> Mono.just("=" + quotient)), 4, 1)
                .transform(settled(4))
                .take(10));
        assertThat(done).allSatisfy(result -> {
            int divisor = number(result.message()) - 5;
            if (divisor == 0) {
                assertThat(result.failure()).isInstanceOf(ArithmeticException.class);
            } else {
                assertThat(result.value()).isEqualTo("=" + 12 / divisor);
            }
        });
    }

    @Test
    void ofAKeyOneAfterTheOtherAndOthersBesideIt() {
        EventChannel events = open();
        int count = 60;
        List<Event> all = new ArrayList<>(numbered(count));
        ContractGroup.await(events.publishAll(all));
        AtomicInteger atOnce = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        List<List<Integer>> orders = List.of(synchronizedList(), synchronizedList(), synchronizedList());
        AtomicInteger[] working = {new AtomicInteger(), new AtomicInteger(), new AtomicInteger()};
        List<Correlated<Boolean>> done = await(events.subscribe(channel)
                .transform(workingByKey(6, message -> "key-" + number(message) % 3, message -> {
                    int key = number(message) % 3;
                    boolean alone = working[key].incrementAndGet() == 1;
                    most.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
                    return Mono.delay(Duration.ofMillis(1)).map(later -> {
                        orders.get(key).add(number(message));
                        atOnce.decrementAndGet();
                        working[key].decrementAndGet();
                        return alone;
                    });
                }))
                .transform(settled(6))
                .take(count));
        assertThat(done).allMatch(result -> Boolean.TRUE.equals(result.value()));
        assertThat(most.get()).isBetween(2, 3);
        assertThat(orders).allSatisfy(order -> assertThat(order).isSorted().hasSize(count / 3));
    }

    private static List<Integer> synchronizedList() {
        return Collections.synchronizedList(new ArrayList<>());
    }

    /** If each turn were begun within the one before, this would overflow the stack. */
    @Test
    void manyThatWaitForOneKeyAreWorkedOneAfterTheOther() {
        EventChannel events = open(OPTIONS.withPrefetch(5_000));
        int count = 3_000;
        publish(events, count);
        Sinks.Empty<Void> begin = Sinks.empty();
        AtomicInteger taken = new AtomicInteger();
        Flux<Correlated<Integer>> work = events.subscribe(channel)
                .doOnNext(message -> {
                    if (taken.incrementAndGet() == count) {
                        begin.tryEmitEmpty();
                    }
                })
                .transform(workingByKey(
                        count,
                        message -> "one",
                        message -> number(message) == 0 ? begin.asMono().thenReturn(0) : Mono.just(number(message))))
                .transform(settled(256))
                .take(count);
        assertThat(await(work)).hasSize(count);
    }

    @Test
    void aKeyThatCannotBeToldFailsItsEventOnly() {
        EventChannel events = open();
        publish(events, 3);
        List<Correlated<Integer>> done = await(events.subscribe(channel, AT_ONCE_AGAIN)
                .transform(workingByKey(
                        2,
                        message -> {
                            if (number(message) == 1 && message.attempts() == 1) {
                                throw new IllegalStateException("no key");
                            }
                            return null;
                        },
                        message -> Mono.just(number(message))))
                .transform(settled(2))
                .take(4));
        assertThat(done.stream().filter(Correlated::isFailed)).hasSize(1);
        assertThat(done.stream().filter(result -> !result.isFailed()).map(Correlated::value))
                .containsExactlyInAnyOrder(0, 1, 2);
    }

    /** As many as the concurrency, and one more whenever a result was taken. */
    @Test
    void noMoreIsTakenThanTheConcurrency() {
        EventChannel events = open();
        publish(events, 20);
        AtomicLong requested = new AtomicLong();
        Flux<EventMessage> source = events.subscribe(channel).doOnRequest(requested::addAndGet);
        StepVerifier.create(source.transform(working(3, message -> Mono.just(number(message)))), 0)
                .thenAwait()
                .then(() -> awaitUntil(() -> requested.get() == 3))
                .thenRequest(2)
                .expectNextCount(2)
                .then(() -> awaitUntil(() -> requested.get() >= 5))
                .thenRequest(4)
                .expectNextCount(4)
                .then(() -> awaitUntil(() -> requested.get() >= 9))
                .thenCancel()
                .verify(AWAIT);
        assertThat(requested.get()).isEqualTo(9);
    }

    @Test
    @SuppressWarnings("NullAway") // what a caller without it can do
    void badInputIsRefused() {
        assertThatThrownBy(() -> working(0, message -> Mono.empty())).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> settled(0)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> settling(1, null)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> workingByKey(1, null, message -> Mono.empty()))
                .isInstanceOf(EventException.Invalid.class);
    }
}
