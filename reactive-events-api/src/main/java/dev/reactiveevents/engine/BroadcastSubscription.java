package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.BroadcastBackend.Heard;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.EventObserver.Count;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * One subscriber of a broadcast: what it asked for, and what waits for it in a buffer that is bounded, so that it slows nobody.
 */
final class BroadcastSubscription implements EngineSubscription {

    private static final Logger LOG = Loggers.getLogger(BroadcastSubscription.class);

    private final CoreSubscriber<? super EventMessage> downstream;
    private final List<String> channels;
    private final SubscribeOptions subscribeOptions;
    private final BroadcastBackend backend;
    private final PayloadCodec codec;
    private final int room;
    private final Observed observed;
    private final Consumer<BroadcastSubscription> onOver;

    private final Queue<ClaimedEvent> buffer = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicLong requested = new AtomicLong();
    private final AtomicLong dropped = new AtomicLong();
    private final AtomicInteger work = new AtomicInteger();

    private final Disposable.Composite listening = Disposables.composite();
    private final Set<String> standing = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean ready = new AtomicBoolean();
    private final AtomicBoolean cutOff = new AtomicBoolean();
    private final Tally tally = new Tally();
    private volatile @Nullable Throwable outage;
    private volatile boolean cancelled;
    private volatile boolean ended;
    private volatile @Nullable Throwable failure;

    /**
     * A subscription that does not listen yet.
     *
     * @param room how many events may wait for downstream
     * @param onOver told once it is cancelled or has ended
     */
    BroadcastSubscription(
            CoreSubscriber<? super EventMessage> downstream,
            List<String> channels,
            SubscribeOptions subscribeOptions,
            BroadcastBackend backend,
            PayloadCodec codec,
            int room,
            Observed observed,
            Consumer<BroadcastSubscription> onOver) {
        this.downstream = downstream;
        this.channels = channels;
        this.subscribeOptions = subscribeOptions;
        this.backend = backend;
        this.codec = codec;
        this.room = room;
        this.observed = observed;
        this.onOver = onOver;
    }

    void listen() {
        channels.forEach(channel ->
                listening.add(backend.listen(channel).subscribe(heard -> hear(channel, heard), this::end)));
    }

    // == Downstream's side ==

    @Override
    public void request(long n) {
        if (Operators.validate(n)) {
            requested.accumulateAndGet(n, Operators::addCap);
            drain();
        } else {
            end(new IllegalArgumentException("A subscriber requested " + n
                    + " events; rule 3.9 of Reactive Streams asks for a number greater than zero."));
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
        leave();
    }

    /** Ends: what waits is dropped, downstream is told. */
    void end(@Nullable Throwable reason) {
        failure = reason;
        ended = true;
        leave();
    }

    private void leave() {
        listening.dispose();
        onOver.accept(this);
        drain();
    }

    boolean isOver() {
        return cancelled || ended;
    }

    // == The backend's side ==

    private void hear(String channel, Heard heard) {
        if (heard instanceof Heard.Arrived arrived) {
            arrive(arrived.event());
        } else if (heard instanceof Heard.Standing) {
            standing.add(channel);
            stands();
        } else if (heard instanceof Heard.CutOff lost) {
            standing.remove(channel);
            outage = lost.reason() != null ? lost.reason() : unheard(channel);
            cutOff.set(ready.get());
            if (!ready.get() && lost.reason() instanceof EventException.Misconfigured reason) {
                end(reason);
            }
        }
    }

    /** Ready the first time; afterwards back from a time in which anything may have been published. */
    private void stands() {
        if (standing.size() < channels.size()) {
            return;
        }
        outage = null;
        if (ready.compareAndSet(false, true)) {
            tell(subscribeOptions.onReady());
        } else if (cutOff.compareAndSet(true, false)) {
            LOG.warn(
                    "Events of {} may have been missed: their subscriber was cut off from {}.",
                    channels,
                    backend.name());
            missed(0);
        }
    }

    private EventException unheard(String channel) {
        return new EventException.Unavailable(
                "Events of channel \"" + channel + "\" are not heard from " + backend.name() + " for now.", null);
    }

    @Override
    public @Nullable Throwable outage() {
        return outage;
    }

    @Override
    public Tally tally() {
        return tally;
    }

    /** Nothing is kept that could be given back. */
    @Override
    public Mono<Void> givenBack() {
        return Mono.empty();
    }

    private void missed(long events) {
        tell(() -> subscribeOptions.onMissed().accept(events));
    }

    private void tell(Runnable callback) {
        if (!isOver()) {
            try {
                callback.run();
            } catch (Throwable thrown) {
                end(thrown);
            }
        }
    }

    private void arrive(ClaimedEvent event) {
        if (waiting.incrementAndGet() <= room) {
            buffer.add(event);
            drain();
        } else {
            overflow(event);
        }
    }

    private void overflow(ClaimedEvent event) {
        switch (subscribeOptions.overflow()) {
            case ERROR ->
                end(new EventException.Unavailable(
                        "A subscriber of " + channels + " did not ask for " + room
                                + " events that waited for it, and more arrived. Subscribe again, and ask sooner, give it more"
                                + " room by SubscribeOptions.withPrefetch, or let events be dropped by withOverflow.",
                        null));
            case DROP_LATEST -> drop(event);
            case DROP_OLDEST -> {
                buffer.add(event);
                ClaimedEvent oldest = buffer.poll();
                if (oldest != null) {
                    drop(oldest);
                }
                drain();
            }
        }
    }

    private void drop(ClaimedEvent event) {
        waiting.decrementAndGet();
        observed.count(Count.DROPPED, event.channel(), 1);
        if (dropped.getAndIncrement() == 0) {
            LOG.warn("A subscriber of {} does not keep up: {} events wait for it, others are dropped.", channels, room);
        }
        missed(1);
    }

    // == Handing over ==

    private void drain() {
        if (work.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            handOver();
            if (isOver()) {
                buffer.clear();
                tellEnd();
            }
            missed = work.addAndGet(-missed);
        } while (missed != 0);
    }

    private void handOver() {
        ClaimedEvent event;
        while (!isOver() && requested.get() > 0 && (event = buffer.poll()) != null) {
            waiting.decrementAndGet();
            if (requested.get() != Long.MAX_VALUE) {
                requested.decrementAndGet();
            }
            BroadcastMessage message = new BroadcastMessage(event, codec, backend.name());
            observed.delivered(message);
            try {
                downstream.onNext(message);
            } catch (Throwable thrown) {
                threw(thrown);
            }
        }
    }

    private void threw(Throwable thrown) {
        cancel();
        Reasons.log(thrown, told -> LOG.error("A subscriber of {} threw an error and is cancelled.", channels, told));
    }

    private void tellEnd() {
        if (cancelled) {
            return;
        }
        cancelled = true;
        if (dropped.get() > 0) {
            LOG.info("A subscriber of {} has ended; {} events were dropped before it.", channels, dropped);
        }
        Throwable reason = failure;
        try {
            if (reason != null) {
                downstream.onError(reason);
            } else {
                downstream.onComplete();
            }
        } catch (Throwable thrown) {
            threw(thrown);
        }
    }
}
