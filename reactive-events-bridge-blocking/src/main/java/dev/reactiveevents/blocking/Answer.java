package dev.reactiveevents.blocking;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;

/**
 * The answer of a {@code Mono}, waited for by one thread. Either the thread gets it, or the thread has given up before and it
 * is dropped; a message that is dropped is given back. {@code Mono.block()} would lose it.
 */
final class Answer<T> extends BaseSubscriber<T> {

    /** What is waited for, for the messages of exceptions: only they need it in words. */
    record Question(Supplier<String> attempted, boolean writes, String advice) {

        static Question write(Supplier<String> attempted, String advice) {
            return new Question(attempted, true, advice);
        }

        static Question read(Supplier<String> attempted) {
            return new Question(attempted, false, "");
        }

        EventException unanswered(Duration timeout) {
            String waited = attempted.get() + ", and no answer came within " + timeout + ".";
            return writes
                    ? new EventException.OutcomeUnknown(waited + outcome(), null)
                    : new EventException.Unavailable(waited + " Try again, or give it more time.", null);
        }

        EventException interrupted(@Nullable InterruptedException cause) {
            return new EventException.Interrupted(
                    attempted.get() + ", and thread \"" + Thread.currentThread().getName()
                            + "\" was interrupted while it waited." + (writes ? outcome() : ""),
                    cause);
        }

        private String outcome() {
            return " It may or may not have been done: " + advice;
        }
    }

    private sealed interface Outcome<T> {
        record Value<T>(@Nullable T value) implements Outcome<T> {}

        record Failure<T>(Throwable error) implements Outcome<T> {}

        record Abandoned<T>() implements Outcome<T> {}
    }

    private final AtomicReference<@Nullable Outcome<T>> outcome = new AtomicReference<>();
    private final CountDownLatch decided = new CountDownLatch(1);

    private Answer() {}

    /**
     * Waits for a {@code Mono}.
     *
     * @return its value, or {@code null} if it is empty
     */
    static <T> @Nullable T to(Mono<T> mono, Duration timeout, Question question) {
        CallingThread.requireNotInterrupted(question.attempted());
        Answer<T> answer = new Answer<>();
        mono.contextCapture().contextWrite(HandlerContext::addTo).subscribe(answer);
        return answer.await(timeout, question);
    }

    private @Nullable T await(Duration timeout, Question question) {
        try {
            if (!decided.await(timeout.toNanos(), TimeUnit.NANOSECONDS) && abandon()) {
                throw question.unanswered(timeout);
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            if (abandon()) {
                throw question.interrupted(interrupted);
            }
        }
        if (outcome.get() instanceof Outcome.Failure<T> failure) {
            throw CallingThread.rethrown(failure.error());
        }
        return outcome.get() instanceof Outcome.Value<T> value ? value.value() : null;
    }

    private boolean abandon() {
        boolean first = outcome.compareAndSet(null, new Outcome.Abandoned<>());
        if (first) {
            cancel();
        }
        return first;
    }

    private boolean decide(Outcome<T> how) {
        boolean first = outcome.compareAndSet(null, how);
        decided.countDown();
        return first;
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        subscription.request(Long.MAX_VALUE);
    }

    @Override
    protected void hookOnNext(T value) {
        if (!decide(new Outcome.Value<>(value)) && value instanceof EventMessage message) {
            message.release().subscribe(released -> {}, error -> {}); // else it comes again when its lease has lapsed
        }
    }

    @Override
    protected void hookOnComplete() {
        decide(new Outcome.Value<>(null));
    }

    @Override
    protected void hookOnError(Throwable error) {
        decide(new Outcome.Failure<>(error));
    }
}
