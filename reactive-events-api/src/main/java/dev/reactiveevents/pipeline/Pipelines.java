package dev.reactiveevents.pipeline;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Operators for {@link Flux#transform}: {@code events.subscribe("orders").transform(settling(8, this::ship)).subscribe()}.
 *
 * <p>The concurrency of an operator is the number of events it has in hand at most, counted from when it asked for them until
 * what came of them was taken from it. It asks for that many at once and for one more whenever one was taken; there is no other
 * buffer. A failure is one event's and does not end the {@code Flux}; an error of the source does.
 *
 * <p>What takes longer than a lease wants a subscription {@linkplain
 * dev.reactiveevents.SubscribeOptions#withRenewLeases that renews them}.
 */
public final class Pipelines {

    private static final Logger LOG = Loggers.getLogger(Pipelines.class);

    private Pipelines() {}

    /**
     * Works on events, several at the same time, and keeps what comes of each with its event. Settles nothing.
     *
     * @param concurrency how many events at the same time, at least 1
     * @param work what is done with an event. To throw, or to answer a {@code Mono} that fails, is to fail this event; one that
     *     is empty gives {@code null}
     * @param <R> what comes of it
     * @return the operator. Results come as they are there; with a concurrency of 1 in the order of the events
     */
    public static <R> Function<Flux<EventMessage>, Flux<Correlated<R>>> working(
            int concurrency, Function<? super EventMessage, ? extends Mono<? extends R>> work) {
        requireAtLeastOne(concurrency);
        requireGiven("work", work);
        return messages -> messages.flatMap(message -> outcome(message, work), concurrency, 1);
    }

    /**
     * Works on events as {@link #working(int, Function)} does, but on those of a key one after the other, in the order in
     * which they come. An event that waits for its key is one of those in hand. Other subscriptions know nothing of these keys:
     * for order across processes publish with {@link dev.reactiveevents.Event#withKey}, which needs nothing here.
     *
     * @param concurrency how many events are in hand at the same time, at least 1
     * @param key from an event to its key, or to {@code null} if it need not wait for any other; must not block. To throw is to
     *     fail this event
     * @param work what is done with an event
     * @param <R> what comes of it
     * @return the operator
     */
    public static <R> Function<Flux<EventMessage>, Flux<Correlated<R>>> workingByKey(
            int concurrency,
            Function<? super EventMessage, @Nullable String> key,
            Function<? super EventMessage, ? extends Mono<? extends R>> work) {
        requireAtLeastOne(concurrency);
        requireGiven("key", key);
        requireGiven("work", work);
        return messages -> Flux.defer(() -> {
            Turns turns = new Turns();
            return messages.flatMap(message -> inTurn(turns, message, key, work), concurrency, 1);
        });
    }

    private static <R> Mono<Correlated<R>> inTurn(
            Turns turns,
            EventMessage message,
            Function<? super EventMessage, @Nullable String> keys,
            Function<? super EventMessage, ? extends Mono<? extends R>> work) {
        String key;
        try {
            key = keys.apply(message);
        } catch (RuntimeException thrown) {
            return Mono.just(Correlated.failed(message, thrown));
        }
        return key == null
                ? outcome(message, work)
                : turns.begin(key)
                        .then(Mono.defer(() -> Pipelines.<R>outcome(message, work)))
                        .doFinally(end -> turns.end(key));
    }

    private static <R> Mono<Correlated<R>> outcome(
            EventMessage message, Function<? super EventMessage, ? extends Mono<? extends R>> work) {
        return Correlated.outcome(
                message,
                Mono.defer(() -> Objects.requireNonNull(
                        work.apply(message), "The work on an event answered null; answer Mono.empty() for nothing.")));
    }

    /**
     * Settles events by what came of them: acknowledges them, or gives back those that failed, see {@link Correlated#settle()}.
     *
     * @param concurrency how many settlements may be under way at the same time, at least 1; they are stored together
     * @param <R> what came of events
     * @return the operator. It passes on what was settled, failures too, once that is stored. What was not, because the lease was
     *     lost or the database was away for too long, comes again: it is left out, with a warning in the log
     */
    public static <R> Function<Flux<Correlated<R>>, Flux<Correlated<R>>> settled(int concurrency) {
        requireAtLeastOne(concurrency);
        return results -> results.flatMap(Pipelines::settle, concurrency, 1);
    }

    private static <R> Mono<Correlated<R>> settle(Correlated<R> result) {
        return result.settle()
                .doOnNext(held -> {
                    if (!held) {
                        LOG.warn("The outcome of event {} came too late: its lease was lost.", eventId(result));
                    }
                })
                .filter(held -> held)
                .map(held -> result)
                .onErrorResume(unsettled -> {
                    LOG.warn(
                            "The outcome of event {} was not stored, it comes again when its lease has lapsed.",
                            eventId(result),
                            unsettled);
                    return Mono.empty();
                });
    }

    private static String eventId(Correlated<?> result) {
        return result.message().eventId();
    }

    /**
     * Works on events and settles them by what comes of it: {@link #working} and {@link #settled} in one, in the same hand.
     *
     * @param concurrency how many events at the same time, at least 1
     * @param work what is done with an event, as for {@link #working}
     * @param <R> what comes of it
     * @return the operator, which passes on what {@link #settled} does
     */
    public static <R> Function<Flux<EventMessage>, Flux<Correlated<R>>> settling(
            int concurrency, Function<? super EventMessage, ? extends Mono<? extends R>> work) {
        requireAtLeastOne(concurrency);
        requireGiven("work", work);
        return messages -> messages.flatMap(
                message -> Pipelines.<R>outcome(message, work).flatMap(Pipelines::settle), concurrency, 1);
    }

    private static void requireAtLeastOne(int concurrency) {
        if (concurrency < 1) {
            throw new EventException.Invalid(
                    "The concurrency of a pipeline was " + concurrency + "; give a number of at least 1.");
        }
    }

    private static void requireGiven(String what, @Nullable Object value) {
        if (value == null) {
            throw new EventException.Invalid("The " + what + " of a pipeline was null; give a function.");
        }
    }
}
