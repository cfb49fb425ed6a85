package dev.reactiveevents;

import java.util.function.Consumer;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * What is to be done with an event, for {@link EventChannel#listen(String, EventHandler, ListenOptions)}. Safe for use by many
 * threads if the listener's concurrency is greater than one.
 *
 * <p>An event may come more than once, so that handling it twice must do no harm.
 */
@FunctionalInterface
public interface EventHandler {

    /**
     * Handles an event. Called on a thread of the database driver or of a timer, which must not be blocked: see
     * {@link #blocking(Consumer)}.
     *
     * @param message the event
     * @return completes when the work is done, and the event is then acknowledged; fails if it is to be tried again, as the
     *     retry policy says. To throw, or to answer {@code null}, is to fail. Cancelled when it takes longer than
     *     {@link ListenOptions#maxProcessingTime()}, or longer than {@link EventListener#stop} waits
     */
    Mono<Void> handle(EventMessage message);

    /**
     * A handler for code that blocks, on Reactor's threads for that ({@link Schedulers#boundedElastic()}).
     *
     * @param work returns when the work is done, throws if it is to be tried again; its thread is interrupted when the
     *     handler is cancelled
     * @return the handler
     */
    static EventHandler blocking(Consumer<? super EventMessage> work) {
        return blocking(work, Schedulers.boundedElastic());
    }

    /**
     * A handler for code that blocks.
     *
     * @param work returns when the work is done, throws if it is to be tried again; its thread is interrupted when the
     *     handler is cancelled
     * @param scheduler whose threads may be blocked; with fewer of them than the listener's concurrency, events wait for one
     * @return the handler
     */
    static EventHandler blocking(Consumer<? super EventMessage> work, Scheduler scheduler) {
        if (work == null || scheduler == null) {
            throw new EventException.Invalid("A blocking handler was made of " + work + " on " + scheduler
                    + "; give what is to be done, and a scheduler whose threads may be blocked.");
        }
        return message -> Mono.<Void>create(sink -> {
                    try {
                        work.accept(message);
                        sink.success();
                    } catch (Throwable thrown) { // Reactor would tell nobody of those that it takes for fatal
                        sink.error(thrown);
                    }
                })
                .subscribeOn(scheduler);
    }
}
