package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * Numbers that pass without a pause from a publisher to a consumer, whatever happens on the way. A publish that is not
 * confirmed is repeated under its id until it is.
 */
final class Traffic implements AutoCloseable {

    static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int CALLERS = 4;
    private static final int FAULTS = 5;

    private final Set<Integer> arrived = ConcurrentHashMap.newKeySet();
    private final AtomicInteger confirmed = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicBoolean enough = new AtomicBoolean();
    private final Mono<List<String>> published;
    private final Disposable consumer;

    /** Begins once the consumer is ready. */
    Traffic(EventChannel publisher, EventChannel consumer) {
        Sinks.Empty<Void> ready = Sinks.empty();
        this.consumer = consumer.subscribe("orders", SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty))
                .doOnNext(message -> arrived.add(message.payloadAs(Integer.class)))
                .flatMap(message -> settled(message))
                .subscribe();
        ready.asMono().block(LIMIT);
        this.published = Flux.range(0, Integer.MAX_VALUE)
                .takeWhile(number -> !enough.get())
                .flatMap(number -> confirmed(publisher.publish("orders", number)), CALLERS)
                .collectList()
                .cache();
        this.published.subscribe();
    }

    /** An ack that is lost is a redelivery. */
    private static Mono<Boolean> settled(EventMessage message) {
        return message.ack().onErrorReturn(false);
    }

    private Mono<String> confirmed(Mono<String> publish) {
        return untilConfirmed(publish.doOnError(error -> failed.incrementAndGet()))
                .doOnNext(id -> confirmed.incrementAndGet());
    }

    /** What a publisher does about an outage: a session that was ended may lie in a pool until it is used. */
    static Mono<String> untilConfirmed(Mono<String> publish) {
        return publish.retryWhen(Retry.fixedDelay(Long.MAX_VALUE, Duration.ofMillis(20))
                .filter(error ->
                        error instanceof EventException.OutcomeUnknown || error instanceof EventException.Unavailable));
    }

    /** Lets something happen, each time a hundred more were published, until it has hit five times. */
    void suffers(LongSupplier fault) {
        for (int hits = 0; hits < FAULTS; ) {
            awaitConfirmed(100);
            hits += fault.getAsLong() > 0 ? 1 : 0;
        }
    }

    void awaitConfirmed(int more) {
        int goal = confirmed.get() + more;
        await(() -> confirmed.get() >= goal);
    }

    void awaitFailure() {
        int goal = failed.get() + 1;
        await(() -> failed.get() >= goal);
    }

    static void await(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .subscribeOn(Schedulers.boundedElastic())
                .filter(holds -> holds)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    /** Ends it, and looks whether all arrived and were acknowledged, and each is stored once. */
    void endsWithNothingLostOrStoredTwice(TestDatabase database, String table) {
        enough.set(true);
        List<String> ids = published.block(LIMIT);
        database.await("SELECT count(*) FROM " + table + " WHERE status <> 'acked'", 0);

        assertThat(ids).doesNotHaveDuplicates();
        assertThat(database.number("SELECT count(*) FROM " + table)).isEqualTo(ids.size());
        assertThat(arrived)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, ids.size()).boxed().toList());
    }

    @Override
    public void close() {
        enough.set(true);
        consumer.dispose();
    }
}
