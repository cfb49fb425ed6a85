package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * A subscription whose events go to a handler. It asks for as many events as slots are free, so that it needs no buffer and no
 * thread of its own: an event goes to the handler on the thread that brings it.
 */
final class Listener implements EventListener, CoreSubscriber<EventMessage>, Slots.Work {

    private static final Logger LOG = Loggers.getLogger(Listener.class);
    private static final Duration LONGEST = Duration.ofDays(365);

    /** How it does, but for whether the database can be reached, which its subscription knows. */
    private record Status(State state, @Nullable Throwable failure) {
        boolean isTaking() {
            return state == State.STARTING || state == State.RUNNING;
        }
    }

    private final String id = TimeOrderedIds.next().toString();
    private final String channel;
    private final EventHandler handler;
    private final ListenOptions options;
    private final EngineTime time;
    private final Observed observed;
    private final Consumer<Listener> onEnd;
    private final Slots slots;
    private final Outcomes outcomes;
    private final HandlingTime handlingTime;

    private final Set<Handling> atWork = ConcurrentHashMap.newKeySet();
    /** The subscription, handlers at work, and outcomes on their way: with none of them it has ended. */
    private final AtomicInteger open = new AtomicInteger(1);

    private final Sinks.Empty<Void> ready = Sinks.empty();
    private final Sinks.Empty<Void> ended = Sinks.empty();
    private final AtomicBoolean over = new AtomicBoolean();
    private final Disposable.Composite timers = Disposables.composite();
    private volatile @Nullable EngineSubscription upstream;
    private volatile Status status = new Status(State.STARTING, null);
    private volatile boolean handlersStopped;

    /**
     * A listener that has not started.
     *
     * @param prefetch how many events may wait for others of their key
     * @param onEnd told when it has ended
     */
    Listener(
            String channel,
            EventHandler handler,
            ListenOptions options,
            int prefetch,
            EngineTime time,
            Observed observed,
            Consumer<Listener> onEnd) {
        this.channel = channel;
        this.handler = handler;
        this.options = options;
        this.time = time;
        this.observed = observed;
        this.onEnd = onEnd;
        this.slots = new Slots(options.key(), prefetch, this);
        this.outcomes = new Outcomes(this, options);
        this.handlingTime = new HandlingTime(options.maxProcessingTime(), time, atWork);
    }

    void start(Function<SubscribeOptions, Flux<EventMessage>> subscribe) {
        subscribe.apply(options.subscription().withOnReady(this::isReady)).subscribe(this);
    }

    // == Handle ==

    @Override
    public String id() {
        return id;
    }

    @Override
    public String channel() {
        return channel;
    }

    @Override
    public Mono<Void> ready() {
        return ready.asMono();
    }

    @Override
    public State state() {
        Status now = status;
        return now.isTaking() && outage() != null ? State.CUT_OFF : now.state();
    }

    @Override
    public @Nullable Throwable failure() {
        Status now = status;
        return now.isTaking() ? outage() : now.failure();
    }

    private @Nullable Throwable outage() {
        EngineSubscription subscription = upstream;
        return subscription == null ? null : subscription.outage();
    }

    @Override
    public Counts counts() {
        EngineSubscription subscription = upstream;
        return outcomes.counts(atWork.size(), subscription == null ? new Tally() : subscription.tally());
    }

    @Override
    public Mono<Void> stop(Duration timeout) {
        if (timeout == null || timeout.isNegative() || timeout.compareTo(LONGEST) > 0) {
            return Mono.error(new EventException.Invalid("A listener of channel \"" + channel
                    + "\" was to be stopped within " + timeout + "; give a duration from zero to " + LONGEST + "."));
        }
        return Mono.defer(() -> {
            takeNoMore();
            if (timeout.isZero()) {
                stopHandlers();
            } else {
                timers.add(Alarm.after(time, timeout, this::stopHandlers));
            }
            return ended.asMono();
        });
    }

    // == The subscription's side ==

    @Override
    public void onSubscribe(Subscription subscription) {
        upstream = (EngineSubscription) subscription;
        ask(options.concurrency());
    }

    private void isReady() {
        move(now -> now.state() == State.STARTING, new Status(State.RUNNING, null));
        ready.tryEmitEmpty();
    }

    @Override
    public void onNext(EventMessage message) {
        slots.arrived(message);
        if (!status.isTaking()) {
            releaseWaiting();
        }
    }

    @Override
    public void onError(Throwable error) {
        leave(new Status(State.FAILED, error));
        LOG.error("The listener {} of channel \"{}\" has ended: {}", id, channel, Reasons.of(error));
    }

    @Override
    public void onComplete() {
        leave(new Status(State.STOPPING, null));
    }

    // == Handlers ==

    @Override
    public void ask(int events) {
        EngineSubscription subscription = upstream;
        if (subscription != null) {
            subscription.request(events);
        }
    }

    @Override
    public void start(EventMessage message, @Nullable String key) {
        if (hasLapsed(message) || !status.isTaking() || !begin()) {
            release(message);
            slots.free(key);
            return;
        }
        if (key != null && message instanceof Delivery delivery) {
            delivery.handOver(time.nanos()); // it may have waited for its key
        }
        Handling handling = new Handling(message, key, time.nanos(), outcomes);
        atWork.add(handling);
        handlingTime.watch();
        if (handlersStopped) {
            handling.stop();
        }
        handling.start(handler, observed);
    }

    @Override
    public void fail(EventMessage message, Throwable error) {
        if (begin()) {
            outcomes.failed(new Handling(message, null, time.nanos(), outcomes), error);
        } else {
            release(message);
        }
    }

    private boolean hasLapsed(EventMessage message) {
        return message instanceof Delivery delivery && delivery.isLapsed(time.nanos());
    }

    void handlerHasEnded(Handling handling) {
        atWork.remove(handling);
        slots.free(handling.key());
        end();
    }

    /** One thing more is to be waited for; answers false if all has ended. */
    boolean begin() {
        return open.getAndUpdate(now -> now == 0 ? 0 : now + 1) > 0;
    }

    /** One thing less. */
    void end() {
        if (open.decrementAndGet() == 0) {
            isOver();
        }
    }

    // == Ending ==

    private void takeNoMore() {
        EngineSubscription subscription = upstream;
        if (subscription != null) {
            subscription.cancel();
        }
        leave(new Status(State.STOPPING, null));
    }

    private synchronized boolean move(Predicate<Status> from, Status to) {
        boolean moves = from.test(status);
        if (moves) {
            status = to;
        }
        return moves;
    }

    private void leave(Status next) {
        if (move(Status::isTaking, next)) {
            Throwable reason = next.failure();
            ready.tryEmitError(
                    reason != null
                            ? reason
                            : new EventException.Closed(
                                    "The listener of channel \"" + channel + "\" was stopped before it was ready."));
            releaseWaiting();
            EngineSubscription subscription = upstream;
            if (subscription != null) {
                await(subscription.givenBack());
            }
            end();
        }
    }

    private void releaseWaiting() {
        slots.clear().forEach(this::release);
    }

    /** Gives back what no handler has seen: to its old place, and the attempt does not count. */
    private void release(EventMessage message) {
        if (message instanceof Delivery delivery) {
            await(delivery.release());
        }
    }

    /** Has not ended before this has, unless it has by now. */
    private void await(Mono<?> last) {
        (begin() ? last.doFinally(end -> end()) : last).subscribe(null, error -> {});
    }

    /** Cancels the handlers at work and gives their events back. What the database does not answer soon is not waited for. */
    void stopHandlers() {
        handlersStopped = true;
        atWork.forEach(Handling::stop);
        timers.add(Alarm.after(time, Shutdown.GRACE, this::abandon));
    }

    private void abandon() {
        if (!over.get()) {
            LOG.warn(
                    "The listener {} of channel \"{}\" has stopped before the database answered its last outcomes.",
                    id,
                    channel);
            isOver();
        }
    }

    private void isOver() {
        if (over.compareAndSet(false, true)) {
            move(now -> now.state() == State.STOPPING, new Status(State.STOPPED, null));
            handlingTime.stop();
            timers.dispose();
            onEnd.accept(this);
            ended.tryEmitEmpty();
        }
    }

    /** {@return channel, id and state} */
    @Override
    public String toString() {
        return "EventListener[channel=" + channel + ", id=" + id + ", state=" + state() + "]";
    }
}
