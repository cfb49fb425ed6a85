package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;

/** A subscriber whose messages a test waits for. Receiving does not block. */
final class Inbox extends BaseSubscriber<EventMessage> {

    private final Queue<EventMessage> messages = new ConcurrentLinkedQueue<>();
    private final Semaphore arrived = new Semaphore(0);
    private final CompletableFuture<Void> end = new CompletableFuture<>();
    private final long demand;

    Inbox(long demand) {
        this.demand = demand;
    }

    // == Signals ==

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        if (demand > 0) {
            subscription.request(demand);
        }
    }

    @Override
    protected void hookOnNext(EventMessage message) {
        messages.add(message);
        arrived.release();
    }

    @Override
    protected void hookOnError(Throwable error) {
        end.completeExceptionally(error);
        arrived.release();
    }

    @Override
    protected void hookOnComplete() {
        end.complete(null);
        arrived.release();
    }

    // == Waiting for them ==

    EventMessage next() {
        return next(ContractGroup.AWAIT);
    }

    EventMessage next(Duration within) {
        EventMessage message = arrivesWithin(within) ? messages.poll() : null;
        if (message == null) {
            throw new AssertionError("No message arrived within " + within + ". Subscription: " + end);
        }
        return message;
    }

    private boolean arrivesWithin(Duration within) {
        try {
            return arrived.tryAcquire(within.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError("Interrupted while waiting for a message.", interrupted);
        }
    }

    List<EventMessage> next(int count) {
        return Stream.generate(this::next).limit(count).toList();
    }

    /** All that have arrived. */
    List<EventMessage> takeAll() {
        return next(arrived.availablePermits());
    }

    boolean isEmpty() {
        return messages.isEmpty();
    }

    void assertEmpty() {
        assertThat(messages).isEmpty();
    }

    /** Completes or fails as the subscription does. */
    Mono<Void> end() {
        return Mono.fromFuture(end, true);
    }
}
