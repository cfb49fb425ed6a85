package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.scheduler.VirtualTimeScheduler;

class BatcherTest {

    /** A batch in flight, which the test answers. */
    private record Writing(List<String> items, Sinks.One<List<String>> answer) {
        void succeed() {
            answer.tryEmitValue(items.stream().map(item -> item + "!").toList());
        }

        void fail(Throwable error) {
            answer.tryEmitError(error);
        }
    }

    private static final class ThrowsWhenAnswered implements CoreSubscriber<String> {
        @Override
        public void onSubscribe(Subscription subscription) {
            subscription.request(1);
        }

        @Override
        public void onNext(String answer) {
            throw new IllegalStateException("thrown when told of " + answer);
        }

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onComplete() {}
    }

    private final VirtualTimeScheduler clock = VirtualTimeScheduler.create();
    private final List<Writing> writes = new ArrayList<>();

    private Batcher<String, String> batcher(int lanes) {
        return batcher(new Batcher.Limits("Testing", lanes, 4, 100, 50, Duration.ofSeconds(10)));
    }

    private Batcher<String, String> batcher(Batcher.Limits limits) {
        EngineTime time = new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS));
        return new Batcher<>(limits, String::length, this::write, time);
    }

    private Mono<List<String>> write(List<String> items) {
        Writing writing = new Writing(List.copyOf(items), Sinks.one());
        writes.add(writing);
        return writing.answer().asMono();
    }

    private final List<String> answers = new ArrayList<>();
    private final List<Throwable> errors = new ArrayList<>();

    private Disposable submit(Batcher<String, String> batcher, String item) {
        return batcher.submit(item).subscribe(answers::add, errors::add);
    }

    private void submitAll(Batcher<String, String> batcher, String... items) {
        for (String item : items) {
            submit(batcher, item);
        }
    }

    private List<List<String>> written() {
        return writes.stream().map(Writing::items).toList();
    }

    @AfterEach
    void disposeClock() {
        clock.dispose();
    }

    @Test
    void whatComesAloneGoesAtOnce() {
        submit(batcher(1), "a");

        assertThat(written()).containsExactly(List.of("a"));
    }

    @Test
    void nothingIsDoneBeforeSomebodySubscribes() {
        Mono<String> cold = batcher(1).submit("a");

        assertThat(cold).isNotNull();
        assertThat(written()).isEmpty();
    }

    @Test
    void whatArrivesDuringAWriteIsTheNextBatch() {
        submitAll(batcher(1), "a", "b", "c");
        writes.get(0).succeed();
        writes.get(1).succeed();

        assertThat(written()).containsExactly(List.of("a"), List.of("b", "c"));
        assertThat(answers).containsExactly("a!", "b!", "c!");
    }

    @Test
    void eachLaneHasOneWriteInFlight() {
        submitAll(batcher(2), "a", "b", "c", "d");

        assertThat(written()).containsExactly(List.of("a"), List.of("b"));
    }

    @Test
    void aBatchIsCappedInRows() {
        submitAll(batcher(1), "0", "1", "2", "3", "4", "5");
        writes.get(0).succeed();

        assertThat(writes.get(1).items()).containsExactly("1", "2", "3", "4");
    }

    @Test
    void aBatchIsCappedInWeightButTakesOneOfAnyWeight() {
        submitAll(batcher(1), "0", "x".repeat(90), "y".repeat(20), "z".repeat(200));
        writes.get(0).succeed();
        writes.get(1).succeed();
        writes.get(2).succeed();

        assertThat(writes)
                .extracting(writing -> writing.items().get(0).charAt(0))
                .containsExactly('0', 'x', 'y', 'z');
    }

    @Test
    void cancellingBeforeTheWriteWithdraws() {
        Batcher<String, String> batcher = batcher(1);
        submit(batcher, "a");
        Disposable b = submit(batcher, "b");
        submit(batcher, "c");
        b.dispose();
        writes.get(0).succeed();

        assertThat(writes.get(1).items()).containsExactly("c");
    }

    @Test
    void cancellingDuringTheWriteLeavesTheOthersAlone() {
        Batcher<String, String> batcher = batcher(1);
        submit(batcher, "a");
        Disposable b = submit(batcher, "b");
        submit(batcher, "c");
        writes.get(0).succeed();
        b.dispose();
        writes.get(1).succeed();

        assertThat(answers).containsExactly("a!", "c!");
        assertThat(errors).isEmpty();
    }

    @Test
    void anInvalidItemFailsAlone() {
        Batcher<String, String> batcher = batcher(1);
        submitAll(batcher, "first", "a", "b", "bad", "c");
        writes.get(0).succeed();
        for (int i = 1; i < writes.size(); i++) {
            Writing writing = writes.get(i);
            if (writing.items().contains("bad")) {
                writing.fail(new EventException.Invalid("bad"));
            } else {
                writing.succeed();
            }
        }

        assertThat(answers).containsExactlyInAnyOrder("first!", "a!", "b!", "c!");
        assertThat(errors).singleElement().isInstanceOf(EventException.Invalid.class);
    }

    @Test
    void aLostConnectionFailsTheWholeBatchAndNothingElse() {
        submitAll(batcher(1), "a", "b", "c");
        writes.get(0).fail(new EventException.OutcomeUnknown("lost", null));
        writes.get(1).succeed();

        assertThat(errors).hasSize(1);
        assertThat(answers).containsExactly("b!", "c!");
    }

    @Test
    void aWriteThatIsNotAnsweredIsOfUnknownOutcome() {
        submit(batcher(1), "a");
        clock.advanceTimeBy(Duration.ofSeconds(11));

        assertThat(errors).singleElement().isInstanceOf(EventException.OutcomeUnknown.class);
    }

    @Test
    void whoWaitedTooLongForATurnIsToldThatNothingWasChanged() {
        submitAll(batcher(1), "0", "1", "2", "3", "4", "late");
        clock.advanceTimeBy(Duration.ofSeconds(9));
        writes.get(0).succeed();
        clock.advanceTimeBy(Duration.ofSeconds(9));
        writes.get(1).succeed();

        assertThat(answers).containsExactly("0!", "1!", "2!", "3!", "4!");
        assertThat(errors).singleElement().isInstanceOf(EventException.Unavailable.class);
        assertThat(writes).hasSize(2);
    }

    @Test
    void theNumberOfWaitingItemsIsBounded() {
        Batcher<String, String> batcher = batcher(new Batcher.Limits("Testing", 1, 4, 100, 2, Duration.ofSeconds(10)));
        submitAll(batcher, "a", "b", "c", "d");

        assertThat(errors)
                .singleElement()
                .isInstanceOf(EventException.Unavailable.class)
                .extracting(Throwable::getMessage)
                .asString()
                .contains("2 are waiting already");
    }

    @Test
    void drainedCompletesOnceNothingWaitsOrIsInFlight() {
        Batcher<String, String> batcher = batcher(1);
        submitAll(batcher, "a", "b");
        List<String> done = new ArrayList<>();
        batcher.drained().subscribe(null, null, () -> done.add("done"));
        assertThat(done).isEmpty();
        writes.get(0).succeed();
        assertThat(done).isEmpty();
        writes.get(1).succeed();

        assertThat(done).containsExactly("done");
    }

    @Test
    void abortFailsWhatWaitsWhatIsInFlightAndWhatComesLater() {
        Batcher<String, String> batcher = batcher(1);
        submitAll(batcher, "in flight", "waiting");
        batcher.abort(new EventException.OutcomeUnknown("over", null));
        submit(batcher, "later");

        assertThat(errors).hasSize(3).allMatch(error -> error.getMessage().equals("over"));
        assertThat(written()).containsExactly(List.of("in flight"));
    }

    @Test
    void aThousandSynchronousAnswersDoNotOverflowTheStack() {
        Batcher<String, String> batcher = new Batcher<>(
                new Batcher.Limits("Testing", 1, 1, 100, 200_000, Duration.ofSeconds(10)),
                String::length,
                Mono::just,
                new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        for (int i = 0; i < 100_000; i++) {
            submit(batcher, "x");
        }

        assertThat(answers).hasSize(100_000);
    }

    @Test
    void aWriterThatThrowsFailsTheBatch() {
        Batcher<String, String> batcher = new Batcher<>(
                new Batcher.Limits("Testing", 1, 1, 100, 10, Duration.ofSeconds(10)),
                String::length,
                items -> {
                    throw new IllegalStateException("no");
                },
                new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));

        assertThatThrownBy(() -> batcher.submit("a").toFuture().join()).hasRootCauseMessage("no");
    }

    @Test
    void aWriterThatAnswersNothingFailsTheBatchAndFreesTheLane() {
        Batcher<String, String> batcher = new Batcher<>(
                new Batcher.Limits("Testing", 1, 1, 100, 10, Duration.ofSeconds(10)),
                String::length,
                items -> items.contains("unanswered") ? Mono.empty() : Mono.just(items),
                new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        submitAll(batcher, "unanswered", "b");

        assertThat(errors).singleElement().isInstanceOf(IllegalStateException.class);
        assertThat(answers).containsExactly("b");
        assertThat(batcher.open()).isZero();
    }

    /** Against the rules of Reactive Streams, and no harm to those whose items are in the same batch. */
    @Test
    void whoThrowsWhenItIsToldHarmsNobodyElse() {
        Batcher<String, String> batcher = batcher(1);
        batcher.hold();
        batcher.submit("thrower").subscribe(answers::add, error -> {
            throw new IllegalStateException("thrown when told of a failure");
        });
        submit(batcher, "other");
        batcher.letGo();
        writes.get(0).fail(new EventException.Unavailable("gone", null));
        assertThat(errors).extracting(Throwable::getMessage).containsExactly("gone");

        batcher.hold();
        batcher.submit("thrower").subscribe(new ThrowsWhenAnswered());
        submit(batcher, "next");
        batcher.letGo();
        writes.get(1).succeed();

        assertThat(answers).containsExactly("next!");
        assertThat(batcher.open()).isZero();
    }

    @Test
    void aBatchOfWhichEachIsRefusedIsSplitWithoutNesting() {
        Batcher<String, String> batcher = new Batcher<>(
                new Batcher.Limits("Testing", 1, 100_000, 1_000_000, 100_000, Duration.ofSeconds(10)),
                String::length,
                items -> Mono.error(new EventException.Invalid(items.get(0))),
                new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        batcher.hold();
        List<String> items =
                IntStream.range(0, 10_000).mapToObj(Integer::toString).toList();
        items.forEach(item -> submit(batcher, item));
        batcher.letGo();

        assertThat(errors).extracting(Throwable::getMessage).isEqualTo(items);
        assertThat(batcher.open()).isZero();
    }

    @Test
    void halvesComeBeforeWhatCameLaterAndAreFailedByAnAbort() {
        Batcher<String, String> batcher = batcher(1);
        batcher.hold();
        submitAll(batcher, "a", "b", "c", "d");
        submit(batcher, "e");
        batcher.letGo();
        writes.get(0).fail(new EventException.Invalid("one of them"));
        assertThat(written()).containsExactly(List.of("a", "b", "c", "d"), List.of("a", "b"));
        writes.get(1).succeed();
        assertThat(written()).last().isEqualTo(List.of("c", "d"));
        assertThat(batcher.open()).isEqualTo(2);

        batcher.abort(new EventException.OutcomeUnknown("over", null));

        assertThat(answers).hasSize(2);
        assertThat(errors).hasSize(3).allMatch(error -> error.getMessage().equals("over"));
        assertThat(batcher.open()).isZero();
    }

    @Test
    void whatIsHandedInWhileItIsHeldIsOneBatch() {
        Batcher<String, String> batcher = batcher(1);
        batcher.hold();
        submitAll(batcher, "a", "b");
        assertThat(writes).isEmpty();
        batcher.letGo();

        assertThat(writes).hasSize(1);
        assertThat(writes.get(0).items()).containsExactly("a", "b");
    }

    @Test
    void aFullBatchIsNotHeld() {
        Batcher<String, String> batcher = batcher(1);
        batcher.hold();
        submitAll(batcher, "a", "b", "c", "d");

        assertThat(writes).hasSize(1);
    }

    @Test
    void whoDoesNotLetGoHoldsBackNobodyForLong() {
        Batcher<String, String> batcher = batcher(1);
        batcher.hold();
        submit(batcher, "a");
        clock.advanceTimeBy(Duration.ofMillis(5));
        assertThat(written()).containsExactly(List.of("a"));

        submit(batcher, "b");
        writes.get(0).succeed();
        assertThat(written()).as("by the lane that is free").hasSize(2);
        writes.get(1).succeed();
        submit(batcher, "c");
        assertThat(written()).as("at once").hasSize(3);
    }

    @Test
    void whatIsHandedInAfterAHoldTakesAlongWhatWaits() {
        Batcher<String, String> batcher = batcher(1);
        batcher.hold();
        submit(batcher, "a");
        clock.advanceTimeBy(Duration.ofMillis(1));
        submit(batcher, "b");

        assertThat(written()).containsExactly(List.of("a", "b"));
    }

    @Test
    void aHoldStartsWhatAnotherDidNotLetGo() {
        Batcher<String, String> batcher = batcher(2);
        batcher.hold();
        submit(batcher, "a");
        clock.advanceTimeBy(Duration.ofMillis(1));
        batcher.hold();
        assertThat(written()).containsExactly(List.of("a"));
        submitAll(batcher, "b", "c");
        assertThat(written()).hasSize(1);
        batcher.letGo();
        clock.advanceTimeBy(Duration.ofMillis(5));

        assertThat(written()).containsExactly(List.of("a"), List.of("b", "c"));
    }

    @Test
    void aHoldLastsAMillisecondFromItsOwnBeginning() {
        Batcher<String, String> batcher = batcher(2);
        batcher.hold();
        batcher.letGo();
        clock.advanceTimeBy(Duration.ofNanos(900_000));
        batcher.hold();
        submit(batcher, "a");
        clock.advanceTimeBy(Duration.ofNanos(200_000));
        submit(batcher, "b");
        assertThat(writes).isEmpty();
        batcher.letGo();

        assertThat(written()).containsExactly(List.of("a", "b"));
    }

    @Test
    void whatIsGatheredIsOneBatchHoweverLongItTakes() {
        Batcher<String, String> batcher = batcher(2);
        batcher.gather();
        for (String item : List.of("a", "b", "c")) {
            submit(batcher, item);
            clock.advanceTimeBy(Duration.ofMillis(10));
        }
        assertThat(writes).isEmpty();
        batcher.gathered();

        assertThat(written()).containsExactly(List.of("a", "b", "c"));
    }

    @Test
    void whoGathersForLongHoldsBackNobody() {
        Batcher<String, String> batcher = batcher(2);
        batcher.gather();
        submitAll(batcher, "a", "b");
        clock.advanceTimeBy(Duration.ofMillis(200));

        assertThat(written()).containsExactly(List.of("a", "b"));
    }

    @Test
    void whatIsLetGoInTimeNeedsNoTimerOfItsOwn() {
        Batcher<String, String> batcher = batcher(1);
        for (int i = 0; i < 100; i++) {
            batcher.hold();
            submit(batcher, "x");
            batcher.letGo();
            writes.get(i).succeed();
        }

        assertThat(clock.getScheduledTaskCount())
                .as("one for holds, one for the time of batches")
                .isLessThanOrEqualTo(2);
    }

    @Test
    void eachBatchHasItsOwnTime() {
        Batcher<String, String> batcher = batcher(2);
        submit(batcher, "a");
        clock.advanceTimeBy(Duration.ofSeconds(6));
        submit(batcher, "b");
        clock.advanceTimeBy(Duration.ofSeconds(5));
        assertThat(errors).hasSize(1);
        clock.advanceTimeBy(Duration.ofSeconds(4));
        assertThat(errors).hasSize(1);
        clock.advanceTimeBy(Duration.ofSeconds(2));
        assertThat(errors).hasSize(2);
    }

    // == Shares ==

    private Batcher<String, String> sharing(int lanes, int share) {
        Batcher.Limits limits = new Batcher.Limits("Testing", lanes, 8, 1_000, 50, Duration.ofSeconds(10));
        EngineTime time = new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS));
        return new Batcher<>(limits, () -> share, String::length, this::write, time);
    }

    private List<Integer> sizes(int from) {
        return writes.subList(from, writes.size()).stream()
                .map(writing -> writing.items().size())
                .toList();
    }

    private static String[] items(int count) {
        return IntStream.range(0, count).mapToObj(i -> "item " + i).toArray(String[]::new);
    }

    @Test
    void whatWaitsIsSharedByTheLanesThatAreFree() {
        Batcher<String, String> batcher = sharing(3, 2);
        batcher.hold();
        submitAll(batcher, items(7));
        batcher.letGo();

        assertThat(sizes(0)).containsExactly(3, 2, 2);
    }

    @Test
    void theOnlyLaneThatIsFreeTakesAll() {
        Batcher<String, String> batcher = sharing(2, 2);
        submit(batcher, "first");
        batcher.hold();
        submitAll(batcher, items(7));
        batcher.letGo();

        assertThat(sizes(0)).containsExactly(1, 7);
    }

    @Test
    void littleIsNotShared() {
        Batcher<String, String> batcher = sharing(2, 4);
        batcher.hold();
        submitAll(batcher, items(4));
        batcher.letGo();
        assertThat(sizes(0)).containsExactly(4);
        writes.get(0).succeed();
        batcher.hold();
        submitAll(batcher, items(6));
        batcher.letGo();

        assertThat(sizes(1)).containsExactly(4, 2);
    }

    @Test
    void aShareIsNoMoreThanABatchMayBe() {
        Batcher<String, String> batcher = sharing(2, 2);
        submitAll(batcher, "first", "second");
        submitAll(batcher, items(19));
        writes.get(0).succeed();

        assertThat(sizes(0)).containsExactly(1, 1, 8);
    }

    @Test
    void withoutAShareALaneTakesAllThatItCan() {
        Batcher<String, String> batcher = batcher(2);
        batcher.hold();
        submitAll(batcher, "a", "b", "c");
        batcher.letGo();

        assertThat(sizes(0)).containsExactly(3);
    }
}
