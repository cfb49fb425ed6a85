package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What the groups of the contract have in common: channels that are closed after the test, and ways to wait for signals. */
abstract class ContractGroup {

    /** For what comes without a time limit of its own: long enough for a slow machine, and shorter than {@link #OPTIONS}' lease. */
    static final Duration AWAIT = Duration.ofSeconds(20);

    /** For what is to happen at once. */
    static final Duration AT_ONCE = Duration.ofSeconds(2);

    /** A poll interval that brings nothing while a test runs. */
    static final Duration NO_POLLING = Duration.ofSeconds(30);

    /** A lease that lapses while a test runs. */
    static final Duration SHORT_LEASE = Duration.ofMillis(700);

    /** A lease that is renewed while a test runs, and outlasts a machine that pauses for as long. */
    static final Duration RENEWED_LEASE = Duration.ofSeconds(2);

    static final ChannelOptions OPTIONS = ChannelOptions.defaults()
            .withLease(Duration.ofMinutes(1))
            .withPollInterval(Duration.ofMillis(100))
            .withShutdownTimeout(Duration.ofMillis(100));

    static final ChannelOptions LAPSING = OPTIONS.withLease(SHORT_LEASE);

    static final ChannelOptions RENEWING = OPTIONS.withLease(RENEWED_LEASE);

    final String channel = newChannelName();

    private final EventChannelContract contract;
    private final List<EventChannel> opened = new ArrayList<>();

    ContractGroup(EventChannelContract contract) {
        this.contract = contract;
    }

    @AfterEach
    void close() {
        Flux.fromIterable(opened).flatMap(EventChannel::shutdown).blockLast(AWAIT);
        contract.wipe();
    }

    // == Channels ==

    EventChannel open() {
        return open(OPTIONS);
    }

    EventChannel open(ChannelOptions options) {
        EventChannel events = contract.open(options);
        opened.add(events);
        return events;
    }

    /** One that keeps for so long only what is done with. */
    EventChannel openForgetting(ChannelOptions options, Duration retention, Duration deadRetention) {
        EventChannel events =
                contract.openForgetting(options, retention, deadRetention).block(AWAIT);
        assumeTrue(events != null, "Retention is not a channel's to choose here.");
        opened.add(events);
        return events;
    }

    /** Publishes in a transaction that stays open; null if the store has none. */
    @Nullable
    Uncommitted publishUncommitted(EventChannel events, Event event) {
        return contract.publishUncommitted(events, event).block(AWAIT);
    }

    static String newChannelName() {
        return "contract-" + UUID.randomUUID();
    }

    /** Most of what is tested of retries says when they are to come. */
    void requires(Capability capability) {
        if (capability == Capability.RETRY) {
            requires(Capability.RESCHEDULING);
        }
        assume(capability);
    }

    /** What comes again does so at its old place and uncounted if nobody had it, whatever can be said of the rest. */
    void requiresReleases() {
        assume(Capability.RETRY);
    }

    private void assume(Capability capability) {
        assumeTrue(
                contract.capabilities().contains(capability), () -> "The backend does not claim " + capability + ".");
    }

    void requiresNot(Capability capability) {
        assumeTrue(!contract.capabilities().contains(capability), () -> "For a backend without " + capability + ".");
    }

    boolean has(Capability capability) {
        return contract.capabilities().contains(capability);
    }

    /** Whether what is not acknowledged is delivered again. */
    boolean comesAgain() {
        return has(Capability.RETRY);
    }

    // == Publishing ==

    /** Publishes the numbers from 0, all at once. */
    List<String> publish(EventChannel events, int count) {
        return await(events.publishAll(numbered(count)));
    }

    List<Event> numbered(int count) {
        return IntStream.range(0, count).mapToObj(i -> Event.of(channel, i)).toList();
    }

    // == Subscribing ==

    Inbox subscribe(EventChannel events) {
        return subscribe(events, Long.MAX_VALUE);
    }

    Inbox subscribe(EventChannel events, long demand) {
        return subscribe(events, demand, SubscribeOptions.defaults());
    }

    Inbox subscribe(EventChannel events, long demand, SubscribeOptions options, String... others) {
        List<String> channels = new ArrayList<>(List.of(others));
        channels.add(channel);
        CompletableFuture<Void> ready = new CompletableFuture<>();
        Inbox inbox = new Inbox(demand);
        events.subscribe(channels, options.withOnReady(() -> ready.complete(null)))
                .subscribe(inbox);
        awaitEnd(Mono.fromFuture(ready));
        return inbox;
    }

    /** Acknowledges some events one by one, as fast as it goes, so that the channel reads ahead; then asks for no more. */
    Inbox consume(EventChannel events, int count) {
        Inbox inbox = subscribe(events, 0);
        for (int i = 0; i < count; i++) {
            inbox.request(1);
            assertThat(await(inbox.next().ack())).isTrue();
        }
        return inbox;
    }

    // == Waiting ==

    static <T> T await(Mono<T> mono) {
        return Objects.requireNonNull(mono.block(AWAIT), "The Mono was empty.");
    }

    static void awaitEnd(Mono<?> mono) {
        mono.block(AWAIT);
    }

    /** Looks again and again until it is so. */
    static void awaitUntil(BooleanSupplier holds) {
        awaitUntil(Mono.fromSupplier(holds::getAsBoolean));
    }

    /** Asks again and again until it is so. */
    static void awaitUntil(Mono<Boolean> holds) {
        awaitEnd(holds.filter(held -> held).repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5))));
    }

    /** Waits, by the store's own clock, until each lease of this length that was taken before has lapsed. */
    void awaitLapse(Duration lease) {
        String ticks = newChannelName();
        EventChannel clock = open(OPTIONS.withLease(lease.multipliedBy(3).dividedBy(2)));
        await(clock.publish(ticks, "tick"));
        Flux<EventMessage> deliveries = clock.subscribe(ticks);
        EventMessage again =
                await(deliveries.filter(message -> message.attempts() > 1).next());
        await(again.ack());
    }

    /** Nothing due is left: what is published now comes next. */
    void assertNothingElse(EventChannel events, Inbox inbox) {
        String marker = await(events.publish(channel, "marker"));
        assertThat(inbox.next().eventId()).isEqualTo(marker);
    }

    static List<Integer> numbers(List<EventMessage> messages) {
        return messages.stream()
                .map(message -> message.payloadAs(Integer.class))
                .toList();
    }

    static List<Integer> numbers(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    static List<String> ids(List<EventMessage> messages) {
        return messages.stream().map(EventMessage::eventId).toList();
    }
}
