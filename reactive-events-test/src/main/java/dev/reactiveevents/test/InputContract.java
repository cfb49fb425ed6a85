package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
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

/** Bad input is refused by a sentence, as a signal and not by a throw. */
abstract class InputContract extends ContractGroup {

    private static final Duration NEGATIVE = Duration.ofMillis(-1);

    InputContract(EventChannelContract contract) {
        super(contract);
    }

    private static void assertRefused(Publisher<?> refused) {
        StepVerifier.create(refused)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Invalid.class)
                        .message()
                        .isNotBlank())
                .verify(AWAIT);
    }

    /** What callers without null checks may pass. */
    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
    private static <T> T nothing() {
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
        assertRefused(open().subscribe(InputContract.<Collection<String>>nothing(), SubscribeOptions.defaults()));
    }

    /** Each with 32 characters that no other test uses. */
    static Stream<String> goodNames() {
        String unique = newChannelName().replaceAll("contract|-", "");
        return Stream.of("A", "_", "orders.placed:v1-beta_2", "select-", "a".repeat(31))
                .map(prefix -> prefix + unique);
    }

    @ParameterizedTest
    @MethodSource("goodNames")
    void acceptsAGoodChannelName(String name) {
        EventChannel events = open();
        Inbox inbox = subscribe(events, 1, SubscribeOptions.defaults(), name);
        await(events.publish(name, 1));
        assertThat(inbox.next().channel()).isEqualTo(name);
    }

    // == Events ==

    @Test
    void refusesNoEvent() {
        EventChannel events = open();
        assertRefused(events.publish(InputContract.<Event>nothing()));
        assertRefused(events.publish(channel, 1, InputContract.<Map<String, Object>>nothing()));
        assertRefused(events.publishAll(InputContract.<Collection<Event>>nothing()));
        assertRefused(events.publishAll(InputContract.<Publisher<Event>>nothing()));
    }

    @Test
    void refusesACollectionWithoutOneOfItsEventsAsAWhole() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        assertRefused(events.publishAll(Arrays.asList(Event.of(channel, 1), nothing())));
        assertNothingElse(events, inbox);
    }

    @Test
    void refusesWhatCannotBeWritten() {
        EventChannel events = open();
        assertRefused(events.publish(channel, new Unwritable()));
        assertRefused(events.publish(Event.of(channel, 1).withMetadata("bad", new Unwritable())));
        assertRefused(events.publishAll(Flux.just(Event.of(channel, new Unwritable()))));
    }

    // == Settling and receiving ==

    @Test
    void refusesBadDurationsOfAMessage() {
        requires(Capability.RETRY);
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1));
        EventMessage message = inbox.next();
        assertRefused(message.nack(NEGATIVE));
        assertRefused(message.nack(InputContract.<Duration>nothing()));
        assertRefused(message.extend(Duration.ZERO));
        assertRefused(message.extend(NEGATIVE));
        assertRefused(message.extend(nothing()));
        assertThat(await(message.ack())).isTrue();
    }

    @Test
    void refusesBadTimeoutsAndIds() {
        EventChannel events = open();
        assertRefused(events.receive(channel, NEGATIVE));
        assertRefused(events.receive(channel, nothing()));
        assertRefused(events.ack(nothing()));
        assertRefused(events.nack(nothing()));
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
