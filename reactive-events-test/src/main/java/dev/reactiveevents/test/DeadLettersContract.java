package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

abstract class DeadLettersContract extends ContractGroup {

    private static final DeadLetterQuery ALL = DeadLetterQuery.oldest(Long.MAX_VALUE);

    DeadLettersContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void deadLettersAreKept() {
        requires(Capability.DEAD_LETTERS);
    }

    /** Rejects each, one after the other, so that they die in this order. */
    private void reject(EventChannel events, List<Event> published) {
        Inbox inbox = subscribe(events);
        await(events.publishAll(published));
        inbox.next(published.size()).forEach(message -> {
            assertThat(await(message.reject("no " + message.payloadText()))).isTrue();
        });
        inbox.cancel();
    }

    private DeadLetters reject(EventChannel events, int count) {
        reject(events, numbered(count));
        return events.deadLetters(channel);
    }

    private static List<DeadLetter> browse(DeadLetters dead, DeadLetterQuery query) {
        return await(dead.browse(query).collectList());
    }

    private static List<Integer> payloads(List<DeadLetter> dead) {
        return dead.stream().map(one -> one.payloadAs(Integer.class)).toList();
    }

    @Test
    void aDeadLetterKeepsWhatWasPublishedAndWhyAndWhenItDied() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        String id = await(events.publish(
                Event.of(channel, List.of("a", "b")).withType("order.placed").withMetadata("source", "checkout")));
        EventMessage message = inbox.next();
        await(message.reject("no such customer"));

        DeadLetter dead = await(events.deadLetters(channel).browse(ALL).single());
        assertThat(dead.eventId()).isEqualTo(id);
        assertThat(dead.channel()).isEqualTo(channel);
        assertThat(dead.type()).isEqualTo("order.placed");
        assertThat(dead.key()).isNull();
        assertThat(dead.payload()).isEqualTo(message.payload());
        assertThat(dead.payloadAs(String[].class)).containsExactly("a", "b");
        assertThat(dead.metadata()).containsEntry("source", "checkout");
        assertThat(dead.attempts()).isEqualTo(1);
        assertThat(dead.reason()).isEqualTo("no such customer");
        assertThat(dead.publishedAt()).isEqualTo(message.publishedAt());
        assertThat(dead.diedAt()).isAfterOrEqualTo(dead.publishedAt());
    }

    @Test
    void whatRanOutOfAttemptsSaysSo() {
        ChannelOptions twoAttempts = OPTIONS.withMaxAttempts(2).withRetryPolicy(RetryPolicy.fixed(Duration.ZERO));
        EventChannel events = open(twoAttempts);
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        await(inbox.next().nack());
        await(inbox.next().nack());

        DeadLetter dead = await(events.deadLetters(channel).browse(ALL).single());
        assertThat(dead.attempts()).isEqualTo(2);
        assertThat(dead.reason()).contains("attempt 2 of 2");
    }

    @Test
    void whatLapsedForTheLastTimeSaysSo() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withMaxAttempts(1));
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        inbox.next();

        DeadLetter dead = await(Flux.defer(() -> events.deadLetters(channel).browse(ALL))
                .repeatWhen(done -> done.delayElements(Duration.ofMillis(50)))
                .next());
        assertThat(dead.attempts()).isEqualTo(1);
        assertThat(dead.reason()).contains("lapsed", "attempt 1");
    }

    @Test
    void nothingIsDeadInAChannelThatWasNeverUsed() {
        DeadLetters dead = open().deadLetters(channel);
        assertThat(dead.channel()).isEqualTo(channel);
        assertThat(await(dead.count())).isZero();
        assertThat(browse(dead, ALL)).isEmpty();
        assertThat(await(dead.requeue(ALL))).isZero();
        assertThat(await(dead.purge(ALL))).isZero();
    }

    @Test
    void onlyTheDeadOfThisChannelCount() {
        EventChannel events = open();
        DeadLetters dead = reject(events, 3);
        await(events.publish(channel, "alive"));
        assertThat(await(dead.count())).isEqualTo(3);
        assertThat(await(events.deadLetters(newChannelName()).count())).isZero();
    }

    @Test
    void theyComeInTheOrderInWhichTheyDiedEitherWay() {
        DeadLetters dead = reject(open(), 5);
        assertThat(payloads(browse(dead, ALL))).containsExactly(0, 1, 2, 3, 4);
        assertThat(payloads(browse(dead, DeadLetterQuery.latest(3)))).containsExactly(4, 3, 2);
        assertThat(payloads(browse(dead, DeadLetterQuery.oldest(2)))).containsExactly(0, 1);
    }

    @Test
    void pagesFollowEachOtherWithoutGapOrRepetitionAlsoWhereManyDiedAtOnce() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        publish(events, 250);
        await(Flux.fromIterable(inbox.next(250))
                .flatMap(message -> message.reject("all at once"), 250)
                .count());
        DeadLetters dead = events.deadLetters(channel);

        List<DeadLetter> inOrder = browse(dead, ALL);
        assertThat(inOrder).hasSize(250);
        assertThat(inOrder).extracting(DeadLetter::eventId).doesNotHaveDuplicates();
        assertThat(pages(dead, DeadLetterQuery.oldest(100)))
                .isEqualTo(inOrder.stream().map(DeadLetter::eventId).toList());
        assertThat(pages(dead, DeadLetterQuery.latest(7)))
                .isEqualTo(browse(dead, DeadLetterQuery.latest(Long.MAX_VALUE)).stream()
                        .map(DeadLetter::eventId)
                        .toList());
    }

    private static List<String> pages(DeadLetters dead, DeadLetterQuery first) {
        List<String> ids = new ArrayList<>();
        DeadLetterQuery page = first;
        List<DeadLetter> read = browse(dead, page);
        while (!read.isEmpty()) {
            read.forEach(one -> ids.add(one.eventId()));
            page = first.after(read.get(read.size() - 1).cursor());
            read = browse(dead, page);
        }
        return ids;
    }

    @Test
    void aCursorHoldsAlsoWhenItsDeadLetterIsGone() {
        DeadLetters dead = reject(open(), 4);
        List<DeadLetter> first = browse(dead, DeadLetterQuery.oldest(2));
        assertThat(await(first.get(1).purge())).isTrue();
        assertThat(payloads(browse(dead, ALL.after(first.get(1).cursor())))).containsExactly(2, 3);
    }

    @Test
    void aTypeAndATimePickSome() {
        EventChannel events = open();
        reject(
                events,
                List.of(
                        Event.of(channel, 0).withType("order.placed"),
                        Event.of(channel, 1).withType("order.cancelled"),
                        Event.of(channel, 2),
                        Event.of(channel, 3).withType("order.placed")));
        DeadLetters dead = events.deadLetters(channel);
        DeadLetterQuery placed = ALL.withType("order.placed");
        assertThat(payloads(browse(dead, placed))).containsExactly(0, 3);
        assertThat(await(dead.count(placed))).isEqualTo(2);
        assertThat(await(dead.count(DeadLetterQuery.latest(1).withType("order.placed"))))
                .isEqualTo(1);

        Instant third = browse(dead, ALL).get(2).diedAt();
        assertThat(payloads(browse(dead, ALL.withDiedFrom(third)))).containsExactly(2, 3);
        assertThat(payloads(browse(dead, ALL.withDiedBefore(third)))).containsExactly(0, 1);
        assertThat(await(dead.count(ALL.withDiedFrom(third).withDiedBefore(third))))
                .isZero();
        assertThat(await(dead.purge(placed.withDiedBefore(third)))).isEqualTo(1);
        assertThat(payloads(browse(dead, DeadLetterQuery.latest(9)))).containsExactly(3, 2, 1);

        assertThat(await(dead.requeue(ALL.withDiedBefore(third)))).isEqualTo(1);
        assertThat(subscribe(events).next().payloadAs(Integer.class)).isEqualTo(1);
        assertThat(await(dead.requeue(placed.withDiedFrom(third)))).isEqualTo(1);
        assertThat(payloads(browse(dead, ALL))).containsExactly(2);
    }

    @Test
    void demandIsRespected() {
        DeadLetters dead = reject(open(), 5);
        StepVerifier.create(dead.browse(ALL), 2)
                .expectNextCount(2)
                .thenRequest(1)
                .expectNextCount(1)
                .thenCancel()
                .verify(AWAIT);
    }

    @Test
    void aRequeuedOneIsDeliveredAgainAsIfItHadNeverBeen() {
        EventChannel events = open(OPTIONS.withMaxAttempts(1).withPollInterval(NO_POLLING));
        DeadLetters dead = reject(events, 1);
        DeadLetter one = await(dead.browse(ALL).single());
        Inbox inbox = subscribe(events);
        assertThat(await(one.requeue())).isTrue();

        EventMessage again = inbox.next(AT_ONCE);
        assertThat(again.eventId()).isEqualTo(one.eventId());
        assertThat(again.attempts()).isEqualTo(1);
        assertThat(again.publishedAt()).isEqualTo(one.publishedAt());
        if (has(Capability.RESCHEDULING)) { // others know when it was published
            assertThat(again.availableAt()).isAfterOrEqualTo(one.diedAt());
        }
        assertThat(await(one.requeue())).as("it is not dead any more").isFalse();
        assertThat(await(dead.count())).isZero();
        assertThat(await(again.reject("again"))).isTrue();
        assertThat(await(dead.browse(ALL).single()).reason()).isEqualTo("again");
    }

    /** A suspect would wait until nothing else is in hand, see {@link KillersContract}. */
    @Test
    void aRequeuedOneIsNoSuspectHoweverOftenItHadLapsed() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withMaxAttempts(2));
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, "killer"));
        assertThat(ids(inbox.next(2))).containsExactly(id, id);
        DeadLetters dead = events.deadLetters(channel);
        await(Flux.defer(() -> dead.browse(ALL))
                .repeatWhen(done -> done.delayElements(Duration.ofMillis(50)))
                .next());
        await(events.publish(channel, "neighbour"));
        boolean extended;
        do {
            extended = await(inbox.next().extend(Duration.ofMinutes(1)));
        } while (!extended); // on a slow machine it has lapsed before

        assertThat(await(dead.requeue(id))).isTrue();
        EventMessage again = inbox.next(AT_ONCE);
        assertThat(again.eventId()).isEqualTo(id);
        assertThat(again.attempts()).isEqualTo(1);
    }

    @Test
    void manyAreRequeuedUpToTheLimitInTheOrderAskedFor() {
        EventChannel events = open();
        DeadLetters dead = reject(events, 10);
        assertThat(await(dead.requeue(DeadLetterQuery.oldest(4)))).isEqualTo(4);
        assertThat(await(dead.requeue(DeadLetterQuery.latest(2)))).isEqualTo(2);
        assertThat(payloads(browse(dead, ALL))).containsExactly(4, 5, 6, 7);
        assertThat(numbers(subscribe(events).next(6))).containsExactly(0, 1, 2, 3, 8, 9);
    }

    private DeadLetters rejectTogether(EventChannel events, int count) {
        Inbox inbox = subscribe(events);
        publish(events, count);
        await(Flux.fromIterable(inbox.next(count))
                .flatMap(message -> message.reject("many"), 500)
                .count());
        inbox.cancel();
        return events.deadLetters(channel);
    }

    /** By a listener that is there already, while the others are still being requeued. */
    @Test
    void whatIsRequeuedAndDiesAgainIsNotRequeuedAgain() {
        int many = 3_500;
        EventChannel events = open();
        DeadLetters dead = rejectTogether(events, many);
        AtomicInteger handled = new AtomicInteger();
        events.listen(
                channel,
                message -> {
                    handled.incrementAndGet();
                    return message.reject("again").then();
                },
                ListenOptions.defaults().withConcurrency(500));

        assertThat(await(dead.requeue(ALL))).isEqualTo(many);
        assertThat(await(Mono.defer(dead::count)
                        .filter(count -> count == many)
                        .repeatWhenEmpty(again -> again.delayElements(Duration.ofMillis(20)))))
                .isEqualTo(many);
        assertThat(handled).hasValue(many);
    }

    @Test
    void moreThanABatchIsRequeued() {
        EventChannel events = open();
        DeadLetters dead = rejectTogether(events, 2_345);
        assertThat(await(dead.count())).isEqualTo(2_345);
        assertThat(await(dead.requeue(DeadLetterQuery.oldest(2_100)))).isEqualTo(2_100);
        assertThat(await(dead.purge(ALL))).isEqualTo(245);
        assertThat(await(dead.count())).isZero();
        assertThat(ids(subscribe(events).next(2_100))).doesNotHaveDuplicates();
    }

    @Test
    void aRequeuedEventReachesTheSubscribersOfOthers() {
        requires(Capability.SHARED);
        EventChannel events = open();
        DeadLetters dead = reject(events, 1);
        Inbox other = subscribe(open());
        assertThat(await(dead.requeue(ALL))).isEqualTo(1);
        assertThat(numbers(List.of(other.next()))).containsExactly(0);
    }

    @Test
    void whatIsPurgedIsGoneAndItsIdIsFree() {
        requires(Capability.DEDUPLICATION);
        EventChannel events = open();
        String id = UUID.randomUUID().toString();
        reject(events, List.of(Event.of(channel, 1).withId(id)));
        DeadLetters dead = events.deadLetters(channel);
        assertThat(await(dead.purge(id))).isTrue();
        assertThat(await(dead.purge(id))).isFalse();
        assertThat(await(dead.requeue(id))).isFalse();
        Inbox inbox = subscribe(events);
        await(events.publish(Event.of(channel, 2).withId(id)));
        assertThat(inbox.next().payloadAs(Integer.class)).isEqualTo(2);
    }

    @Test
    void theDeadOfAnotherChannelAreNotTouched() {
        EventChannel events = open();
        DeadLetters dead = reject(events, 1);
        String id = await(dead.browse(ALL).single()).eventId();
        DeadLetters others = events.deadLetters(newChannelName());
        assertThat(await(others.requeue(id))).isFalse();
        assertThat(await(others.purge(id))).isFalse();
        assertThat(await(dead.count())).isEqualTo(1);
    }

    @Test
    void whatIsAliveCannotBeRequeuedOrPurged() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, 1));
        EventMessage message = inbox.next();
        DeadLetters dead = events.deadLetters(channel);
        assertThat(await(dead.requeue(id))).isFalse();
        assertThat(await(dead.purge(id))).isFalse();
        assertThat(await(message.ack())).isTrue();
        assertThat(await(dead.requeue(id))).isFalse();
    }

    @Test
    void badInputIsRefused() {
        EventChannel events = open();
        assertThatThrownBy(() -> events.deadLetters("not a name")).isInstanceOf(EventException.Invalid.class);
        DeadLetters dead = events.deadLetters(channel);
        StepVerifier.create(dead.requeue("42")).verifyError(EventException.Invalid.class);
        StepVerifier.create(dead.purge("42")).verifyError(EventException.Invalid.class);
        StepVerifier.create(dead.browse(ALL.after("half-a-cursor"))).verifyError(EventException.Invalid.class);
        assertThatThrownBy(() -> DeadLetterQuery.oldest(0)).isInstanceOf(EventException.Invalid.class);
    }

    @Test
    void aChannelThatWasShutDownRefuses() {
        EventChannel events = open();
        DeadLetters dead = events.deadLetters(channel);
        awaitEnd(events.shutdown());
        StepVerifier.create(dead.count()).verifyError(EventException.Closed.class);
        StepVerifier.create(dead.browse(ALL)).verifyError(EventException.Closed.class);
        StepVerifier.create(dead.requeue(ALL)).verifyError(EventException.Closed.class);
    }
}
