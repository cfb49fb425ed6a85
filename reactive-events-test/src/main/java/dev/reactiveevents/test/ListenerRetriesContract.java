package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** What becomes of events whose handler fails, and of the others meanwhile. */
abstract class ListenerRetriesContract extends ContractGroup {

    private static final Duration DELAY = Duration.ofMillis(500);
    private static final ListenOptions AT_ONCE_AGAIN =
            ListenOptions.defaults().withRetry(RetryPolicy.fixed(Duration.ZERO));

    private final Inbox inbox = new Inbox(0);

    ListenerRetriesContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void eventsComeAgain() {
        requires(Capability.RETRY);
    }

    private EventListener listen(EventChannel events, EventHandler handler, ListenOptions options) {
        EventListener listener = events.listen(channel, handler, options);
        awaitEnd(listener.ready());
        return listener;
    }

    /** Fails always, and notes each time. */
    private Mono<Void> failing(EventMessage message) {
        return Mono.error(() -> {
            inbox.hookOnNext(message);
            return new IllegalArgumentException("always");
        });
    }

    private void assertDeadLetters(EventListener listener, int expected) {
        awaitEnd(listener.stop(AWAIT));
        assertThat(listener.counts().deadLettered()).isEqualTo(expected);
    }

    @Test
    void aFailedEventComesAgainAfterTheListenersDelay() {
        EventChannel events = open();
        ListenOptions delayed = ListenOptions.defaults().withRetry(RetryPolicy.fixed(DELAY));
        listen(events, this::failing, delayed);
        publish(events, 1);
        EventMessage first = inbox.next();
        EventMessage again = inbox.next();

        assertThat(again.attempts()).isEqualTo(2);
        assertThat(again.availableAt()).isAfterOrEqualTo(first.availableAt().plus(DELAY));
    }

    @Test
    void afterTheListenersLastAttemptAnEventIsADeadLetter() {
        EventChannel events = open();
        EventListener listener = listen(events, this::failing, AT_ONCE_AGAIN.withMaxAttempts(3));
        publish(events, 1);
        assertThat(inbox.next(3)).extracting(EventMessage::attempts).containsExactly(1, 2, 3);
        assertDeadLetters(listener, 1);

        assertNothingElse(events, subscribe(events));
    }

    @Test
    void aListenerMayTryMoreOftenThanItsChannel() {
        EventChannel events = open(OPTIONS.withMaxAttempts(1));
        listen(events, this::failing, AT_ONCE_AGAIN.withMaxAttempts(4));
        publish(events, 1);

        assertThat(inbox.next(4)).extracting(EventMessage::attempts).containsExactly(1, 2, 3, 4);
    }

    @Test
    void aFinalFailureMakesADeadLetterAtOnce() {
        EventChannel events = open();
        ListenOptions options = ListenOptions.defaults()
                .withRetry(RetryPolicy.fixed(Duration.ZERO).notOn(IllegalArgumentException.class));
        EventListener listener = listen(events, this::failing, options);
        publish(events, 1);
        inbox.next();
        assertDeadLetters(listener, 1);

        assertNothingElse(events, subscribe(events));
    }

    @Test
    void aPayloadThatCannotBeReadMakesADeadLetterAtOnceAndTheOthersAreHandled() {
        EventChannel events = open();
        EventListener listener = listen(
                events,
                message -> {
                    message.payloadAs(Integer.class);
                    inbox.hookOnNext(message);
                    return Mono.empty();
                },
                AT_ONCE_AGAIN);
        await(events.publish(channel, "no number"));
        publish(events, 3);
        assertThat(numbers(inbox.next(3))).isEqualTo(numbers(0, 3));
        assertDeadLetters(listener, 1);
    }

    /** On another thread: a backend that answers at once would otherwise keep the test's for as long as there are events. */
    private static EventHandler elsewhere(EventHandler handler) {
        return message -> Mono.defer(() -> handler.handle(message)).subscribeOn(Schedulers.parallel());
    }

    /** Numbers have one of ten keys, or none; a text has one of its own. */
    private Event numbered(int number, boolean keyed) {
        Event event = Event.of(channel, number);
        return keyed ? event.withKey("key" + number % 10) : event;
    }

    private Event named(String name, boolean keyed) {
        Event event = Event.of(channel, name);
        return keyed ? event.withKey(name) : event;
    }

    private void publishNumbered(EventChannel events, int count, boolean keyed) {
        await(events.publishAll(
                IntStream.range(0, count).mapToObj(i -> numbered(i, keyed)).toList()));
    }

    @Test
    void aRetriedEventDoesNotStarveUnderSteadyTraffic() {
        retryUnderSteadyTraffic(false);
    }

    @Test
    void aRetriedEventWithAKeyDoesNotStarveUnderSteadyTrafficOfKeys() {
        requires(Capability.KEYS);
        retryUnderSteadyTraffic(true);
    }

    /** The traffic never ends: each event that is handled publishes the next one, and a backlog stands before each of them. */
    private void retryUnderSteadyTraffic(boolean keyed) {
        EventChannel events = open();
        AtomicInteger published = new AtomicInteger();
        EventHandler handler = message -> {
            if (message.payload().isString()) {
                inbox.hookOnNext(message);
                return message.attempts() < 5 ? Mono.error(new IllegalStateException("not yet")) : Mono.empty();
            }
            return events.publish(numbered(published.incrementAndGet(), keyed)).then();
        };
        publishNumbered(events, 50, keyed);
        await(events.publish(named("retried", keyed)));
        EventListener listener = listen(
                events,
                elsewhere(handler),
                ListenOptions.defaults().withConcurrency(4).withRetry(RetryPolicy.fixed(Duration.ofMillis(20))));

        assertThat(inbox.next(5)).extracting(EventMessage::attempts).containsExactly(1, 2, 3, 4, 5);
        assertThat(published).hasValueGreaterThan(50);
        awaitEnd(listener.stop(AWAIT));
    }

    @Test
    void anEventWhoseLeaseLapsesDoesNotStarveUnderSteadyTraffic() {
        lapseUnderSteadyTraffic(false);
    }

    @Test
    void anEventWithAKeyWhoseLeaseLapsesDoesNotStarveUnderSteadyTrafficOfKeys() {
        requires(Capability.KEYS);
        lapseUnderSteadyTraffic(true);
    }

    /** Until it is taken to be one that ends its consumers, and beyond. */
    private void lapseUnderSteadyTraffic(boolean keyed) {
        EventChannel events = open(LAPSING);
        AtomicInteger published = new AtomicInteger();
        publishNumbered(events, 50, keyed);
        await(events.publish(named("lapsing", keyed)));
        Disposable traffic = events.subscribe(channel)
                .flatMap(
                        message -> {
                            if (message.payload().isString()) {
                                inbox.hookOnNext(message);
                                return message.attempts() < 4 ? Mono.empty() : message.ack();
                            }
                            return events.publish(numbered(published.incrementAndGet(), keyed))
                                    .subscribeOn(Schedulers.parallel())
                                    .then(message.ack());
                        },
                        4)
                .subscribe();

        assertThat(inbox.next(3)).extracting(EventMessage::attempts).containsExactly(1, 2, 3);
        int before = published.get();
        assertThat(inbox.next().attempts()).isEqualTo(4);
        assertThat(published).as("what was handled meanwhile").hasValueGreaterThan(before);
        traffic.dispose();
    }

    @Test
    void retriedEventsDoNotStarveTheOthers() {
        retryForEver(false);
    }

    @Test
    void retriedEventsWithKeysDoNotStarveOtherKeys() {
        requires(Capability.KEYS);
        retryForEver(true);
    }

    /** More of them than handlers, and they are due again at once, for ever. */
    private void retryForEver(boolean keyed) {
        EventChannel events = open(OPTIONS.withMaxAttempts(1_000_000));
        EventHandler handler = message -> {
            if (message.payload().isString()) {
                return Mono.error(new IllegalStateException("never"));
            }
            inbox.hookOnNext(message);
            return Mono.empty();
        };
        for (int i = 0; i < 20; i++) {
            await(events.publish(named("poison" + i, keyed)));
        }
        EventListener listener = listen(events, elsewhere(handler), AT_ONCE_AGAIN.withConcurrency(4));
        publishNumbered(events, 200, keyed);

        assertThat(numbers(inbox.next(200))).containsExactlyInAnyOrderElementsOf(numbers(0, 200));
        awaitEnd(listener.stop(AWAIT));
        assertThat(listener.counts().retried()).isGreaterThanOrEqualTo(20);
    }
}
