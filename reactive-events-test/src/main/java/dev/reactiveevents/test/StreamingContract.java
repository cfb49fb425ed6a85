package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

abstract class StreamingContract extends ContractGroup {

    private static final int MOST_AHEAD = 5_000;

    StreamingContract(EventChannelContract contract) {
        super(contract);
    }

    private Flux<Event> stream(int count) {
        return Flux.range(0, count).map(i -> Event.of(channel, i));
    }

    @Test
    void answersTheIdsInInputOrderAndDeliversInIt() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Flux<Event> elsewhere = stream(1_000).publishOn(Schedulers.parallel());
        List<String> ids = await(events.publishAll(elsewhere).collectList());
        List<EventMessage> messages = inbox.next(1_000);
        assertThat(ids(messages)).containsExactlyElementsOf(ids);
        assertThat(numbers(messages)).isEqualTo(numbers(0, 1_000));
    }

    @Test
    void anEmptyStreamCompletes() {
        StepVerifier.create(open().publishAll(Flux.<Event>empty())).verifyComplete();
    }

    @Test
    void aHundredThousandGoThroughWithABoundedReadAhead() {
        AtomicLong requested = new AtomicLong();
        AtomicLong confirmed = new AtomicLong();
        AtomicLong furthest = new AtomicLong();
        Flux<Event> source = stream(100_000).doOnRequest(n -> {
            long ahead = requested.addAndGet(Math.min(n, 1_000_000)) - confirmed.get();
            furthest.accumulateAndGet(ahead, Math::max);
        });
        Long count = open().publishAll(source)
                .doOnNext(id -> confirmed.incrementAndGet())
                .count()
                .block(Duration.ofMinutes(2));
        assertThat(count).isEqualTo(100_000);
        assertThat(furthest.get()).isLessThanOrEqualTo(MOST_AHEAD);
    }

    @Test
    void readsABoundedNumberAheadOfASlowDownstream() {
        AtomicLong emitted = new AtomicLong();
        Flux<Event> source = stream(100_000).doOnNext(event -> emitted.incrementAndGet());
        StepVerifier.create(open().publishAll(source), 0)
                .thenRequest(10)
                .expectNextCount(10)
                .then(() -> assertThat(emitted.get()).isBetween(10L, (long) MOST_AHEAD))
                .thenCancel()
                .verify(AWAIT);
    }

    @Test
    void aStreamThatErrorsStoresWhatCameBefore() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Flux<Event> source = stream(10).concatWith(Flux.error(new IllegalStateException("the source broke")));
        StepVerifier.create(events.publishAll(source))
                .expectNextCount(10)
                .verifyErrorSatisfies(error -> assertThat(error).hasStackTraceContaining("the source broke"));
        assertThat(numbers(inbox.next(10))).isEqualTo(numbers(0, 10));
        assertNothingElse(events, inbox);
    }

    @Test
    void aBadEventEndsTheStreamAndSaysHowManyAreStored() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Flux<Event> source = Flux.concat(stream(37), Flux.just(Event.of(channel, new Unwritable())), stream(5));
        StepVerifier.create(events.publishAll(source))
                .expectNextCount(37)
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Invalid.class)
                        .hasMessageContaining("37"));
        assertThat(numbers(inbox.next(37))).isEqualTo(numbers(0, 37));
        assertNothingElse(events, inbox);
    }

    @Test
    void cancellingTheStreamCancelsItsSource() {
        AtomicLong cancelled = new AtomicLong();
        EventChannel events = open();
        Flux<Event> endless = stream(10).concatWith(Flux.never()).doOnCancel(cancelled::incrementAndGet);
        StepVerifier.create(events.publishAll(endless))
                .expectNextCount(10)
                .thenCancel()
                .verify(AWAIT);
        assertThat(cancelled.get()).isEqualTo(1);
        assertThat(await(events.publish(channel, "afterwards"))).isNotEmpty();
    }
}
