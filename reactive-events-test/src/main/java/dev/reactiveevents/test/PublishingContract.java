package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

abstract class PublishingContract extends ContractGroup {

    PublishingContract(EventChannelContract contract) {
        super(contract);
    }

    @Test
    void answersTheIdThatTheSubscriberSees() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        String id = await(events.publish(channel, "hello"));
        EventMessage message = inbox.next();
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(message.channel()).isEqualTo(channel);
        assertThat(message.attempts()).isEqualTo(1);
    }

    @Test
    void choosesIdsThatAreUuidsOfVersionSeven() {
        String id = await(open().publish(channel, "hello"));
        assertThat(UUID.fromString(id).version()).isEqualTo(7);
    }

    @Test
    void nothingHappensBeforeItIsSubscribedTo() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Mono<String> never = events.publish(channel, "never");
        Mono<List<String>> norThese = events.publishAll(numbered(3));
        assertThat(never).isNotSameAs(norThese);
        assertNothingElse(events, inbox);
    }

    @Test
    void whatIsPublishedOnAnotherChannelDoesNotArriveHere() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(newChannelName(), "elsewhere"));
        assertNothingElse(events, inbox);
    }

    @Test
    void publishAllAnswersTheIdsInInputOrder() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        List<String> ids = publish(events, 500);
        List<EventMessage> messages = inbox.next(500);
        assertThat(ids(messages)).containsExactlyElementsOf(ids);
        assertThat(numbers(messages)).isEqualTo(numbers(0, 500));
    }

    @Test
    void publishAllReachesSeveralChannels() {
        EventChannel events = open();
        Inbox here = subscribe(events);
        String other = newChannelName();
        List<String> ids = await(events.publishAll(List.of(Event.of(other, 1), Event.of(channel, 2))));
        assertThat(here.next().eventId()).isEqualTo(ids.get(1));
        assertNothingElse(events, here);
    }

    @Test
    void publishAllOfNothingAnswersAnEmptyList() {
        assertThat(await(open().publishAll(List.of()))).isEmpty();
    }

    @Test
    void publishAllWithOneBadEventStoresNothing() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        List<Event> oneBad = new ArrayList<>(numbered(10));
        oneBad.add(7, Event.of(channel, new Unwritable()));
        StepVerifier.create(events.publishAll(oneBad)).verifyError(EventException.Invalid.class);
        assertNothingElse(events, inbox);
    }

    @Test
    void oneUnwritableEventAmongAThousandConcurrentOnesFailsAlone() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        List<Class<?>> outcomes = await(Flux.range(0, 1_000)
                .flatMap(i -> outcome(events.publish(channel, i == 500 ? new Unwritable() : i)), 1_000)
                .collectList());
        assertThat(outcomes).filteredOn(EventException.Invalid.class::equals).hasSize(1);
        assertThat(outcomes).filteredOn(String.class::equals).hasSize(999);
        assertThat(numbers(inbox.next(999))).doesNotContain(500).doesNotHaveDuplicates();
    }

    private static Mono<Class<?>> outcome(Mono<String> published) {
        return published.<Class<?>>map(String::getClass).onErrorResume(error -> Mono.just(error.getClass()));
    }

    @Test
    void cancellingSomePublishesLeavesTheOthersAlone() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        Mono<List<String>> kept = Flux.range(0, 500)
                .flatMap(i -> i % 2 == 0 ? cancelled(events.publish(channel, i)) : events.publish(channel, i), 500)
                .collectList();
        List<String> ids = await(kept);
        assertThat(ids).hasSize(250);
        assertNothingIsMissing(events, inbox, ids);
    }

    private static Mono<String> cancelled(Mono<String> publish) {
        return Mono.fromRunnable(() -> publish.subscribe().dispose());
    }

    private void assertNothingIsMissing(EventChannel events, Inbox inbox, List<String> ids) {
        String last = await(events.publish(channel, "last"));
        List<String> received = new ArrayList<>();
        while (received.isEmpty() || !received.get(received.size() - 1).equals(last)) {
            received.add(inbox.next().eventId());
        }
        assertThat(received).containsAll(ids).doesNotHaveDuplicates();
    }
}
