package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.EventObserver.Count;
import dev.reactiveevents.spi.NewEvent;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** What a channel's observer is told: everything once, and nothing that did not happen. */
abstract class ObservingContract extends ContractGroup {

    private final RecordingObserver observer = new RecordingObserver();

    ObservingContract(EventChannelContract contract) {
        super(contract);
    }

    private EventChannel observed() {
        return open(OPTIONS.withObserver(observer));
    }

    private Count published() {
        return comesAgain() ? Count.PUBLISH : Count.PUBLISH_NATIVE;
    }

    @Test
    void eachEventIsCountedOnceHoweverItIsPublished() {
        EventChannel events = observed();
        await(events.publish(channel, 0));
        await(events.publishAll(numbered(3)));
        await(events.publishAll(Flux.fromIterable(numbered(5))).collectList());

        assertThat(observer.count(published(), channel)).isEqualTo(9);
        assertThat(observer.ended())
                .containsExactlyInAnyOrder(
                        "publish 1 DONE",
                        "publish 3 DONE",
                        "publish 1 DONE",
                        "publish 1 DONE",
                        "publish 1 DONE",
                        "publish 1 DONE",
                        "publish 1 DONE");
    }

    @Test
    void whatIsRefusedIsNotCounted() {
        EventChannel events = observed();
        awaitEnd(events.publish(channel, new Unwritable()).onErrorComplete(EventException.Invalid.class));

        assertThat(observer.count(published(), channel)).isZero();
        assertThat(observer.ended()).isEmpty();
    }

    @Test
    void handlersAndTheirOutcomesAreCountedOnce() {
        requires(Capability.RETRY);
        EventChannel events = observed();
        ListenOptions options = ListenOptions.defaults()
                .withMaxAttempts(2)
                .withRetry(RetryPolicy.fixed(Duration.ZERO).notOn(IllegalArgumentException.class));
        EventListener listener = events.listen(channel, ObservingContract::work, options);
        awaitEnd(listener.ready());
        await(events.publishAll(numbered(10)));
        awaitUntil(() -> observer.count(Count.ACK, channel) + observer.count(Count.DEAD, channel) == 10);
        awaitEnd(listener.stop(AWAIT));

        assertThat(observer.count(Count.DELIVER, channel)).isEqualTo(10);
        assertThat(observer.count(Count.REDELIVER, channel)).isEqualTo(2);
        assertThat(observer.count(Count.ACK, channel)).isEqualTo(8);
        assertThat(observer.count(Count.NACK, channel)).isEqualTo(2);
        assertThat(observer.count(Count.DEAD, channel)).isEqualTo(2);
        assertThat(observer.count(Count.LOST, channel)).isZero();
        assertThat(observer.count(Count.LISTENER_START, channel)).isEqualTo(1);
        assertThat(observer.count(Count.LISTENER_STOP, channel)).isEqualTo(1);
        assertThat(observer.dequeued(channel)).isEqualTo(12);
        assertThat(observer.ended())
                .hasSize(1 + 12 + 12)
                .contains("process publish 10 DONE", "process publish 10 FAILED")
                .contains("settle ACK DONE within process publish 10")
                .contains("settle RETRY DONE within process publish 10")
                .contains("settle DEAD DONE within process publish 10");
    }

    /** Of 0 to 9: two fail for ever, one of them at once; one fails once. */
    private static Mono<Void> work(EventMessage message) {
        int number = message.payloadAs(Integer.class);
        return switch (number) {
            case 3 -> Mono.error(new IllegalStateException("never"));
            case 4 -> message.attempts() == 1 ? Mono.error(new IllegalStateException("not yet")) : Mono.empty();
            case 5 -> Mono.error(new IllegalArgumentException("final"));
            default -> Mono.empty();
        };
    }

    @Test
    void anEventThatLosesItsConsumersIsCountedAsDead() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withMaxAttempts(1).withObserver(observer));
        publish(events, 1);
        subscribe(events).next();
        awaitUntil(() -> observer.count(Count.DEAD, channel) == 1);

        assertThat(observer.count(Count.DELIVER, channel)).isEqualTo(1);
        assertThat(observer.count(Count.ACK, channel)).isZero();
    }

    @Test
    void anOutcomeThatComesTooLateIsLost() {
        requires(Capability.RETRY);
        EventChannel events = open(LAPSING.withObserver(observer));
        publish(events, 1);
        EventMessage late = subscribe(events, 1).next();
        EventMessage again = subscribe(events, 1).next();
        assertThat(await(late.ack())).isFalse();
        assertThat(await(again.ack())).isTrue();

        assertThat(observer.count(Count.LOST, channel)).isEqualTo(1);
        assertThat(observer.count(Count.ACK, channel)).isEqualTo(1);
        assertThat(observer.ended()).contains("settle ACK LOST", "settle ACK DONE");
    }

    @Test
    void whatIsPublishedBelongsToTheActivityOfItsCaller() {
        EventChannel events = observed();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1).contextWrite(Context.of(RecordingObserver.WITHIN, "a request")));

        assertThat(observer.ended()).contains("publish 1 DONE within a request");
        assertThat(inbox.next().metadata()).isEqualTo(Map.of(RecordingObserver.SENT_BY, "publish 1"));
    }

    @Test
    void whatTheObserverHasTravelReplacesWhatWasPassedOn() {
        EventChannel events = observed();
        Inbox inbox = subscribe(events);
        await(events.publish(Event.of(channel, 1)
                .withMetadata(RecordingObserver.SENT_BY, "somebody else")
                .withMetadata("a", List.of(1, 2))));

        assertThat(inbox.next().metadata())
                .isEqualTo(Map.of(RecordingObserver.SENT_BY, "publish 1", "a", List.of(1, 2)));
    }

    @Test
    void aHandlersPublishesBelongToIt() {
        EventChannel events = observed();
        String next = newChannelName();
        Sinks.One<String> handled = Sinks.one();
        awaitEnd(events.listen(
                        channel,
                        message -> events.publish(next, 2)
                                .doOnNext(handled::tryEmitValue)
                                .then())
                .ready());
        await(events.publish(channel, 1));
        await(handled.asMono());

        assertThat(observer.ended()).contains("publish 1 DONE within process publish 1");
    }

    @Test
    void anObserverThatFailsHarmsNothing() {
        EventChannel events = open(OPTIONS.withObserver(new Failing()));
        Sinks.One<Integer> handled = Sinks.one();
        awaitEnd(events.listen(
                        channel,
                        message -> Mono.fromRunnable(() -> handled.tryEmitValue(message.payloadAs(Integer.class))))
                .ready());
        await(events.publish(channel, 7));

        assertThat(await(handled.asMono())).isEqualTo(7);
    }

    private static final class Failing implements EventObserver {

        @Override
        public void count(Count what, @Nullable String channel, long times) {
            throw new IllegalStateException("count");
        }

        @Override
        public Activity publishing(List<NewEvent> events, ContextView caller) {
            return new Activity() {
                @Override
                public Map<String, String> metadata() {
                    throw new IllegalStateException("metadata");
                }

                @Override
                public void end(End how, @Nullable Throwable failure) {
                    throw new IllegalStateException("end");
                }
            };
        }

        @Override
        public Activity processing(EventMessage message) {
            throw new IllegalStateException("processing");
        }
    }
}
