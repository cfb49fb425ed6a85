package dev.reactiveevents.pipeline;

import dev.reactiveevents.CheckReturnValue;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;

/**
 * What came of an event, together with the event: a value, nothing, or a failure.
 *
 * @param message the event
 * @param value what came of it; {@code null} if nothing did, or if it failed
 * @param failure why it failed; {@code null} if it did not
 * @param <R> what comes of events
 */
public record Correlated<R>(
        EventMessage message, @Nullable R value, @Nullable Throwable failure) {

    /**
     * What came of an event.
     *
     * @param message the event
     * @param value what came of it, or {@code null} for nothing
     * @param <R> what comes of events
     * @return both together
     */
    public static <R> Correlated<R> of(EventMessage message, @Nullable R value) {
        return new Correlated<>(message, value, null);
    }

    /**
     * An event that failed.
     *
     * @param message the event
     * @param failure why
     * @param <R> what would have come of it
     * @return both together
     */
    public static <R> Correlated<R> failed(EventMessage message, Throwable failure) {
        return new Correlated<>(message, null, Exceptions.unwrap(failure));
    }

    /** {@return whether the event failed} */
    public boolean isFailed() {
        return failure != null;
    }

    /**
     * Makes something else of the value. What failed stays failed, and nothing stays nothing.
     *
     * @param change must not block. To throw is to fail this event
     * @param <S> what it makes
     * @return the event with what was made
     */
    public <S> Correlated<S> map(Function<? super R, ? extends @Nullable S> change) {
        if (failure != null) {
            return failed(message, failure);
        }
        try {
            return of(message, value == null ? null : change.apply(value));
        } catch (RuntimeException thrown) {
            return failed(message, thrown);
        }
    }

    /**
     * Does the next step with the value, and keeps the event with what comes of that.
     *
     * @param step to throw, or to answer a {@code Mono} that fails, is to fail this event. Not run on what failed, nor on
     *     nothing
     * @param <S> what comes of the step
     * @return the event with what came of the step; never fails. Cold
     */
    @CheckReturnValue
    public <S> Mono<Correlated<S>> then(Function<? super R, ? extends Mono<? extends S>> step) {
        if (failure != null || value == null) {
            return Mono.just(map(unused -> null));
        }
        return outcome(message, Mono.defer(() -> step.apply(value)));
    }

    static <S> Mono<Correlated<S>> outcome(EventMessage message, Mono<? extends S> work) {
        return work.map(value -> Correlated.<S>of(message, value))
                .switchIfEmpty(Mono.fromSupplier(() -> of(message, null)))
                .onErrorResume(failure -> Mono.just(failed(message, failure)));
    }

    /**
     * Acknowledges the event, or gives it back if it failed: it comes again as the retry policy says. One that could not be
     * read becomes a dead letter, as it would not be readable the next time.
     *
     * @return as {@link EventMessage#ack()}
     */
    @CheckReturnValue
    public Mono<Boolean> settle() {
        if (failure == null) {
            return message.ack();
        }
        return failure instanceof EventException.Undecodable
                ? message.reject(Objects.requireNonNullElse(failure.getMessage(), "It could not be read."))
                : message.nack();
    }
}
