package dev.reactiveevents;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** A running {@link EventChannel#listen(String, EventHandler, ListenOptions) listener}. Safe for use by many threads. */
public interface EventListener {

    /** How a listener does. */
    enum State {
        /** It is not ready yet. */
        STARTING,
        /** It takes events. */
        RUNNING,
        /** The database cannot be reached; it keeps trying. {@link #failure()} says why. */
        CUT_OFF,
        /** It takes nothing new; handlers are still at work. */
        STOPPING,
        /** It has ended as it was told. */
        STOPPED,
        /** It has ended by an error that trying again cannot mend. {@link #failure()} says which. */
        FAILED
    }

    /**
     * What a listener has done so far. How handlers ended, then what the database confirmed; of a broadcast, which confirms
     * nothing, the latter are zero.
     *
     * @param handling handlers at work now
     * @param handled handlers that completed
     * @param failed handlers that failed
     * @param timedOut handlers that were cancelled because they took longer than the maximum processing time; they are not
     *     among those that failed, but their events are among those that were retried or dead-lettered, unless they had been
     *     settled before or are left to their lease because the backend cannot delay a retry
     * @param acked events that were acknowledged
     * @param retried events that were given back to come again; not those of which the attempt does not count
     * @param deadLettered events that became dead letters
     * @param lost outcomes that the database did not take, because the lease had been lost or because it could not be reached
     *     for a whole lease: these events come again, or somebody else has them
     */
    record Counts(
            int handling,
            long handled,
            long failed,
            long timedOut,
            long acked,
            long retried,
            long deadLettered,
            long lost) {}

    /** {@return an id by which the listener can be stopped: {@link EventChannel#stopListener}} */
    String id();

    /** {@return the channel's name} */
    String channel();

    /**
     * Whether events are received from now on.
     *
     * @return completes once it is ready: events published after it are received. Fails as the listener does if it ends
     *     before, and with {@link EventException.Closed} if it is stopped before. Late subscribers learn the same
     */
    @CheckReturnValue
    Mono<Void> ready();

    /** {@return how it does} */
    State state();

    /** {@return why it is cut off or has failed; {@code null} otherwise} */
    @Nullable
    Throwable failure();

    /** {@return what it has done so far; the numbers are taken one after the other} */
    Counts counts();

    /**
     * Takes nothing new, gives back at once what was not handed to the handler, and waits for the handlers at work. When the
     * timeout is over it cancels them and gives their events back, to come again at once; the attempt counts, unless it was
     * the last: then the event comes again with the same number, since to be stopped makes no dead letter. Idempotent: further
     * calls wait for the same end, and the shortest timeout counts.
     *
     * <p>An event that a handler has completed without an outcome, since the listener does
     * {@linkplain ListenOptions#withAutoAck not acknowledge}, stays with whoever it was left to and is renewed until the
     * maximum processing time is over. Only {@link EventChannel#shutdown()} waits for it and gives it back.
     *
     * @param timeout how long to wait for handlers at work, from zero to 365 days
     * @return completes when all is done and its outcomes are stored, at the latest shortly after the timeout; never fails
     *     but with {@link EventException.Invalid} on a bad timeout. Cancelling does not stop the stopping
     */
    @CheckReturnValue
    Mono<Void> stop(Duration timeout);
}
