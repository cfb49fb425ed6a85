package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * A subscription for a single event. An event that arrives in the moment in which the time is up is given back: operators
 * like {@code timeout} would drop it, and it would wait for its lease to lapse.
 */
final class Receiving extends BaseSubscriber<EventMessage> {

    private final MonoSink<EventMessage> sink;
    private final AtomicBoolean decided = new AtomicBoolean();
    private volatile boolean abandoned;
    private volatile @Nullable EventMessage found;

    private Receiving(MonoSink<EventMessage> sink) {
        this.sink = sink;
    }

    /**
     * Takes one event.
     *
     * @param channel its name, for messages
     * @param timeout how long to wait; zero waits for the first look, but not longer than {@code longest}
     */
    static Mono<EventMessage> oneOf(
            String channel,
            Function<SubscribeOptions, Flux<EventMessage>> subscribe,
            @Nullable Duration timeout,
            Duration longest,
            EngineTime time) {
        if (timeout == null || timeout.isNegative()) {
            return Mono.error(new EventException.Invalid("An event of channel \"" + channel + "\" was to be waited for "
                    + timeout + "; give a duration that is not negative."));
        }
        return Mono.create(sink -> {
            Receiving receiving = new Receiving(sink);
            SubscribeOptions one = SubscribeOptions.defaults().withPrefetch(1);
            SubscribeOptions looking = timeout.isZero() ? one.withOnReady(receiving::timeIsUp) : one;
            Disposable alarm = time.after(timeout.isZero() ? longest : timeout, receiving::timeIsUp);
            sink.onCancel(receiving::abandon);
            sink.onDispose(alarm);
            subscribe.apply(looking).subscribe(receiving);
        });
    }

    private void timeIsUp() {
        if (giveUp()) {
            sink.success();
        }
    }

    /** Called by the sink only while it has not passed an event on, and then it never will. */
    private void abandon() {
        abandoned = true;
        EventMessage late = giveUp() ? null : found;
        if (late != null) {
            giveBack(late);
        }
    }

    private static void giveBack(EventMessage message) {
        if (message instanceof Delivery delivery) {
            delivery.release().subscribe(null, error -> {});
        }
    }

    private boolean giveUp() {
        boolean first = decided.compareAndSet(false, true);
        if (first) {
            cancel();
        }
        return first;
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        subscription.request(1);
    }

    @Override
    protected void hookOnNext(EventMessage message) {
        if (decided.compareAndSet(false, true)) {
            cancel();
            found = message;
            sink.success(message);
            if (abandoned) {
                giveBack(message);
            }
        } else {
            giveBack(message);
        }
    }

    @Override
    protected void hookOnError(Throwable error) {
        sink.error(error);
    }

    @Override
    protected void hookOnComplete() {
        sink.success();
    }
}
