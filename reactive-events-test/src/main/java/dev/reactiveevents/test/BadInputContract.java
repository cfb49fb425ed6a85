package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** What is refused before the backend is asked for anything. */
abstract class BadInputContract extends ContractGroup {

    static final Duration NEGATIVE = Duration.ofMillis(-1);

    BadInputContract(EventChannelContract contract) {
        super(contract);
    }

    static void assertRefused(Publisher<?> refused) {
        StepVerifier.create(refused)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Invalid.class)
                        .message()
                        .isNotBlank())
                .verify(AWAIT);
    }

    /** What callers without null checks may pass. */
    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    static <T> T nothing() {
        return null;
    }

    // == Names ==

    static Stream<String> badNames() {
        return Stream.of(
                "",
                " ",
                "a".repeat(64),
                "a".repeat(100_000),
                "a\"; drop table x",
                "a'; drop table x; --",
                "a b",
                "1st",
                "-a",
                ".a",
                "a\0b",
                "a\n",
                "grüße",
                "канал",
                "a😀");
    }

    @ParameterizedTest
    @MethodSource("badNames")
    void refusesABadChannelName(String name) {
        EventChannel events = open();
        assertRefused(events.publish(name, 1));
        assertRefused(events.publish(name, 1, Map.of()));
        assertRefused(events.subscribe(name));
        assertRefused(events.subscribe(name, SubscribeOptions.defaults()));
        assertRefused(events.subscribe(List.of(channel, name), SubscribeOptions.defaults()));
        assertRefused(events.receive(name, AWAIT));
        assertThatExceptionOfType(EventException.Invalid.class).isThrownBy(() -> Event.of(name, 1));
    }

    @Test
    void refusesNoChannelName() {
        EventChannel events = open();
        String none = nothing();
        assertRefused(events.publish(none, 1));
        assertRefused(events.subscribe(none));
        assertRefused(events.subscribe(Collections.singletonList(none), SubscribeOptions.defaults()));
        assertRefused(events.receive(none, AWAIT));
        assertThatExceptionOfType(EventException.Invalid.class).isThrownBy(() -> Event.of(none, 1));
    }

    @Test
    void refusesASubscriptionToNoChannel() {
        assertRefused(open().subscribe(List.of(), SubscribeOptions.defaults()));
        assertRefused(open().subscribe(BadInputContract.<Collection<String>>nothing(), SubscribeOptions.defaults()));
    }

    // == Events ==

    @Test
    void refusesNoEvent() {
        EventChannel events = open();
        assertRefused(events.publish(BadInputContract.<Event>nothing()));
        assertRefused(events.publish(channel, 1, BadInputContract.<Map<String, Object>>nothing()));
        assertRefused(events.publishAll(BadInputContract.<Collection<Event>>nothing()));
        assertRefused(events.publishAll(Arrays.asList(Event.of(channel, 1), nothing())));
        assertRefused(events.publishAll(BadInputContract.<Publisher<Event>>nothing()));
    }

    @Test
    void refusesWhatCannotBeWritten() {
        EventChannel events = open();
        assertRefused(events.publish(channel, new Unwritable()));
        assertRefused(events.publish(Event.of(channel, 1).withMetadata("bad", new Unwritable())));
        assertRefused(events.publishAll(List.of(Event.of(channel, 1), Event.of(channel, new Unwritable()))));
        assertRefused(events.publishAll(Flux.just(Event.of(channel, new Unwritable()))));
    }

    // == Subscribing, receiving and settling ==

    @Test
    void refusesBadTimeoutsAndIds() {
        EventChannel events = open();
        assertRefused(events.receive(channel, NEGATIVE));
        assertRefused(events.receive(channel, nothing()));
        assertRefused(events.ack(nothing()));
        assertRefused(events.nack(nothing()));
        assertRefused(events.ack("no id"));
        assertRefused(events.nack("no id"));
    }

    @Test
    void refusesNoOptions() {
        assertRefused(open().subscribe(channel, nothing()));
        assertRefused(open().subscribe(List.of(channel), nothing()));
    }

    // == Options ==

    static Stream<Runnable> badOptions() {
        SubscribeOptions subscribe = SubscribeOptions.defaults();
        ChannelOptions options = ChannelOptions.defaults();
        return Stream.of(
                () -> subscribe.withPrefetch(0),
                () -> subscribe.withPollInterval(Duration.ZERO),
                () -> subscribe.withPollInterval(NEGATIVE),
                () -> subscribe.withMaxProcessingTime(Duration.ZERO),
                () -> options.withLease(Duration.ZERO),
                () -> options.withLease(NEGATIVE),
                () -> options.withPollInterval(Duration.ZERO),
                () -> options.withPrefetch(0),
                () -> options.withPrefetch(-1),
                () -> options.withClaimBatch(0),
                () -> options.withMaxAttempts(0),
                () -> options.withPublishTimeout(Duration.ZERO),
                () -> options.withShutdownTimeout(NEGATIVE));
    }

    @ParameterizedTest
    @MethodSource("badOptions")
    void refusesBadOptions(Runnable option) {
        assertThatExceptionOfType(EventException.Invalid.class).isThrownBy(option::run);
    }
}
