package dev.reactiveevents.test;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.relay.EventTransport;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A broker that confirms, or refuses, when the test says so. */
final class ManualTransport implements EventTransport {

    /** An event that is on its way. */
    record Sent(EventMessage message, Sinks.Empty<Void> answer) {
        void confirm() {
            answer.tryEmitEmpty();
        }

        void fail(Throwable failure) {
            answer.tryEmitError(failure);
        }

        int number() {
            return message.payloadAs(Integer.class);
        }
    }

    private final BlockingQueue<Sent> sent = new LinkedBlockingQueue<>();
    private final Queue<String> ids = new ConcurrentLinkedQueue<>();

    @Override
    public Mono<Void> send(EventMessage message) {
        return Mono.defer(() -> {
            Sent next = new Sent(message, Sinks.empty());
            ids.add(message.eventId());
            sent.add(next);
            return next.answer().asMono();
        });
    }

    /** The next one that is sent. */
    Sent next() {
        try {
            return Objects.requireNonNull(
                    sent.poll(ContractGroup.AWAIT.toMillis(), TimeUnit.MILLISECONDS), "Nothing was sent.");
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError(interrupted);
        }
    }

    /** How many sendings there were, those of the same event included. */
    int count() {
        return ids.size();
    }
}
