package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import reactor.core.Disposable;
import reactor.core.publisher.Sinks;

/** What arrives at a subscriber of "orders" that is ready and acknowledges it. */
final class Arrivals {

    private static final Duration LIMIT = Duration.ofSeconds(25);

    private final BlockingQueue<EventMessage> messages = new LinkedTransferQueue<>();
    private final Disposable subscription;

    private Arrivals(EventChannel events, SubscribeOptions options) {
        Sinks.Empty<Void> ready = Sinks.empty();
        subscription = events.subscribe("orders", options.withOnReady(ready::tryEmitEmpty))
                .doOnNext(messages::add)
                .flatMap(EventMessage::ack)
                .subscribe(settled -> {}, ready::tryEmitError);
        ready.asMono().block(LIMIT);
    }

    static Arrivals at(EventChannel events) {
        return at(events, SubscribeOptions.defaults());
    }

    static Arrivals at(EventChannel events, SubscribeOptions options) {
        return new Arrivals(events, options);
    }

    boolean hasNone() {
        return messages.isEmpty();
    }

    EventMessage next(Duration within) {
        return next(messages, within);
    }

    static <T> T next(BlockingQueue<T> queue, Duration within) {
        try {
            T next = queue.poll(within.toMillis(), TimeUnit.MILLISECONDS);
            return Objects.requireNonNull(next, () -> "nothing arrived within " + within);
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    void cancel() {
        subscription.dispose();
    }
}
