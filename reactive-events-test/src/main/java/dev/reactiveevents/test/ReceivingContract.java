package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

abstract class ReceivingContract extends ContractGroup {

    ReceivingContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsWaitForTheirReceiver() {
        requires(Capability.SHARED);
    }

    @Test
    void takesAnEventThatWaits() {
        EventChannel events = open();
        String id = await(events.publish(channel, "waiting"));
        EventMessage message = await(events.receive(channel, AWAIT));
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(await(message.ack())).isTrue();
    }

    @Test
    void looksOnceWithATimeoutOfZero() {
        EventChannel events = open(OPTIONS.withPollInterval(NO_POLLING));
        StepVerifier.create(events.receive(channel, Duration.ZERO))
                .expectComplete()
                .verify(AWAIT);
        String id = await(events.publish(channel, "waiting"));
        assertThat(await(events.receive(channel, Duration.ZERO)).eventId()).isEqualTo(id);
    }

    @Test
    void isEmptyWhenNothingCameInTime() {
        Duration timeout = Duration.ofMillis(300);
        Duration waited = StepVerifier.create(open().receive(channel, timeout))
                .expectComplete()
                .verify(AWAIT);
        assertThat(waited).isBetween(timeout.minusMillis(20), timeout.plus(AT_ONCE));
    }

    @Test
    void waitsForAnEventThatIsPublishedMeanwhile() {
        EventChannel events = open();
        Mono<EventMessage> received = events.receive(channel, AWAIT);
        Mono<String> published = Mono.defer(() -> events.publish(channel, "soon"));
        EventMessage message = await(Mono.zip(received, published, (first, id) -> first));
        assertThat(message.attempts()).isEqualTo(1);
    }

    @Test
    void takesNoMoreThanOne() {
        EventChannel events = open();
        publish(events, 50);
        assertThat(await(events.receive(channel, AWAIT)).payloadAs(Integer.class))
                .isZero();
        assertThat(numbers(subscribe(open()).next(49))).isEqualTo(numbers(1, 50));
    }

    @Test
    void aCancelledReceiveKeepsNothing() {
        EventChannel events = open();
        EventChannel other = open();
        for (int i = 0; i < 50; i++) {
            events.receive(channel, AWAIT).subscribe().dispose();
            String id = await(events.publish(channel, i));
            EventMessage message = await(other.receive(channel, AWAIT));
            assertThat(message.eventId()).isEqualTo(id);
            assertThat(await(message.ack())).isTrue();
        }
    }

    @Test
    void oneThatTimesOutWhileAnEventArrivesKeepsNothing() {
        requiresReleases();
        EventChannel events = open();
        Mono<EventMessage> impatient = events.receive(channel, Duration.ofMillis(2))
                .switchIfEmpty(Mono.defer(() -> events.receive(channel, AWAIT)));
        List<EventMessage> received = await(Flux.range(0, 50)
                .concatMap(i -> Mono.zip(impatient, events.publish(channel, i), (message, id) -> message), 1)
                .concatMap(message -> message.ack().thenReturn(message), 1)
                .collectList());
        assertThat(numbers(received)).containsExactlyInAnyOrderElementsOf(numbers(0, 50));
        assertThat(received)
                .allSatisfy(message -> assertThat(message.attempts()).isEqualTo(1));
    }

    @Test
    void twoShareTheEvents() {
        EventChannel events = open();
        List<String> ids = publish(events, 2);
        Mono<List<String>> received = Flux.merge(events.receive(channel, AWAIT), events.receive(channel, AWAIT))
                .map(EventMessage::eventId)
                .collectList();
        assertThat(await(received)).containsExactlyInAnyOrderElementsOf(ids);
    }

    @Test
    void aWaitingReceiveIsWokenByAPublishHere() {
        EventChannel events = open(OPTIONS.withPollInterval(NO_POLLING));
        Mono<EventMessage> received = events.receive(channel, AWAIT).cache();
        received.subscribe();
        await(events.publish(channel, "wake up"));
        assertThat(received.block(AT_ONCE)).isNotNull();
    }
}
