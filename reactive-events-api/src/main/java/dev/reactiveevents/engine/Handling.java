package dev.reactiveevents.engine;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.EventObserver.Activity;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;

/** One event in the hands of a handler, until that ends: by itself, or cancelled. It ends once, whatever the handler does. */
final class Handling implements CoreSubscriber<Void> {

    private static final Logger LOG = Loggers.getLogger(Handling.class);

    /** Told how the handler ended; one of them, once. */
    interface End {
        void completed(Handling handling);

        void failed(Handling handling, Throwable error);

        void tookTooLong(Handling handling);

        void wasStopped(Handling handling);

        /** It was stopped, or its time was over, before the handler was called, which it will not be any more. */
        void neverBegan(Handling handling);
    }

    private enum State {
        WAITING,
        AT_WORK,
        ENDED
    }

    private final EventMessage message;
    private final @Nullable String key;
    private final long startedAt;
    private final End end;
    private final AtomicReference<@Nullable Subscription> work = new AtomicReference<>();
    private final AtomicReference<State> state = new AtomicReference<>(State.WAITING);
    private volatile Activity activity = Activity.NONE;
    private volatile @Nullable Context context;

    /**
     * An event to be handled.
     *
     * @param key its key, if events of one key wait for each other
     */
    Handling(EventMessage message, @Nullable String key, long startedAt, End end) {
        this.message = message;
        this.key = key;
        this.startedAt = startedAt;
        this.end = end;
    }

    EventMessage message() {
        return message;
    }

    @Nullable
    String key() {
        return key;
    }

    long startedAt() {
        return startedAt;
    }

    void start(EventHandler handler, Observed observed) {
        Activity begun = observed.processing(message);
        activity = begun; // before it can be cancelled, so that it is ended then
        if (!state.compareAndSet(State.WAITING, State.AT_WORK)) {
            begun.end(EventObserver.End.CANCELLED, null);
            return;
        }
        try {
            Mono<Void> handled = handler.handle(message);
            if (handled == null) {
                throw new NullPointerException("The handler answered null for event " + message.eventId()
                        + "; let it answer Mono.empty() when there is nothing to wait for.");
            }
            if (state.get() != State.ENDED) { // it may have been stopped by now: then nothing more is to be begun
                handled.subscribe((Subscriber<Void>) this);
            }
        } catch (Throwable thrown) { // whatever it is, it ends this event's handling and no other
            onError(thrown);
        }
    }

    void expire() {
        cancel(end::tookTooLong);
    }

    void stop() {
        cancel(end::wasStopped);
    }

    private void cancel(Consumer<Handling> andTell) {
        if (state.compareAndSet(State.WAITING, State.ENDED)) {
            end.neverBegan(this);
        } else if (ends()) {
            cancelWork();
            activity.end(EventObserver.End.CANCELLED, null);
            andTell.accept(this);
        }
    }

    /** Answers true once. */
    private boolean ends() {
        return state.getAndSet(State.ENDED) != State.ENDED;
    }

    private void cancelWork() {
        Subscription subscription = work.get();
        if (subscription != null) {
            try {
                subscription.cancel();
            } catch (Throwable thrown) {
                Reasons.log(
                        thrown,
                        told -> LOG.warn("The handler of event {} could not be cancelled.", message.eventId(), told));
            }
        }
    }

    // == The handler's side ==

    /** What travelled with the event, and what observes it; made when it is asked for, which not every handler does. */
    @Override
    public Context currentContext() {
        Context made = context;
        if (made == null) {
            made = activity.within(message instanceof ReceivedEvent event ? event.carried() : Context.empty());
            context = made;
        }
        return made;
    }

    @Override
    public void onSubscribe(Subscription subscription) {
        if (!work.compareAndSet(null, subscription) || state.get() == State.ENDED) {
            subscription.cancel();
        } else {
            subscription.request(Long.MAX_VALUE);
        }
    }

    @Override
    public void onNext(Void nothing) {
        // a Mono<Void> that was cast; its end is what counts
    }

    @Override
    public void onComplete() {
        if (ends()) {
            activity.end(EventObserver.End.DONE, null);
            end.completed(this);
        }
    }

    @Override
    public void onError(Throwable error) {
        if (ends()) {
            activity.end(EventObserver.End.FAILED, error);
            end.failed(this, error);
        } else {
            Reasons.log(error, told -> Operators.onErrorDropped(told, currentContext()));
        }
    }
}
