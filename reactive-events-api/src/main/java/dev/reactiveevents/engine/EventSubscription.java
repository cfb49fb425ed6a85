package dev.reactiveevents.engine;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.WakeUp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * One subscriber: what it asked for, what waits for it, and how much room it has for more. Emits on whatever thread brought
 * the last thing it was waiting for.
 */
final class EventSubscription implements EngineSubscription {

    private static final Logger LOG = Loggers.getLogger(EventSubscription.class);

    private final CoreSubscriber<? super EventMessage> downstream;
    private final List<String> channels;
    private final SubscribeOptions subscribeOptions;
    private final Dequeuer dequeuer;
    private final Room room;
    private final Tally tally = new Tally();

    private final Queue<Delivery> buffer = new ConcurrentLinkedQueue<>();
    private final AtomicInteger turn = new AtomicInteger();
    private final AtomicInteger work = new AtomicInteger();
    private final Releases releases = new Releases(work::get);
    private final AtomicBoolean ready = new AtomicBoolean();
    private final Disposable.Swap listening = Disposables.swap();
    private volatile boolean told;
    private volatile boolean seen;
    private volatile boolean answered;
    private volatile boolean cancelled;
    private volatile boolean ended;
    private volatile @Nullable Throwable failure;

    EventSubscription(
            CoreSubscriber<? super EventMessage> downstream,
            List<String> channels,
            SubscribeOptions subscribeOptions,
            Dequeuer dequeuer) {
        this.downstream = downstream;
        this.channels = channels;
        this.subscribeOptions = subscribeOptions;
        this.dequeuer = dequeuer;
        Integer own = subscribeOptions.prefetch();
        this.room = new Room(own != null ? own : dequeuer.options().prefetch(), dequeuer.time());
    }

    // == Downstream's side ==

    @Override
    public void request(long n) {
        if (Operators.validate(n)) {
            room.request(n);
            dequeuer.roomChanged(this);
            drain();
        } else {
            end(new IllegalArgumentException("A subscriber requested " + n
                    + " events; rule 3.9 of Reactive Streams asks" + " for a number greater than zero."));
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
        leave();
    }

    private void leave() {
        listening.dispose();
        dequeuer.remove(this);
        drain();
    }

    // == The dequeuer's side ==

    /** How many more events to claim. */
    int room() {
        return isOver() ? 0 : room.more();
    }

    /** Takes room for events that are being claimed. */
    void reserve(int events) {
        if (events > 0) {
            turn.incrementAndGet();
        }
        room.reserve(events);
    }

    /** Gives back room for events that were not found. */
    void unreserve(int events) {
        reserve(-events);
    }

    /** The claim that room was reserved for is answered: gives back what was not needed. */
    void served(int left) {
        seen = true;
        unreserve(left);
    }

    /** Hands in an event that room was reserved for. */
    void offer(Delivery delivery) {
        buffer.add(delivery);
    }

    /** Hears what other processes tell, until it is over. */
    void listen(Flux<WakeUp> wakeUps) {
        listening.update(wakeUps.subscribe(wakeUp -> willBeTold(), error -> willBeTold(), this::willBeTold));
    }

    /** From now on others tell what they publish here, or it is known that they cannot. */
    private void willBeTold() {
        if (!told) {
            told = true;
            dequeuer.wake(Set.copyOf(channels));
        }
    }

    /** The same; a claim is going to be made anyway. */
    void markTold() {
        told = true;
    }

    /** It is going to be established when what the claim brought is handed over: no other claim is needed for that. */
    void markAnswered() {
        answered = true;
    }

    /**
     * A claim was answered that was made when it would be told already: what is published from now on is received, and of
     * what was before nothing is in a claim of its own on the way.
     */
    void establish() {
        if (!isOver() && ready.compareAndSet(false, true)) {
            try {
                subscribeOptions.onReady().run();
            } catch (Throwable thrown) {
                end(thrown);
            }
        }
    }

    boolean isEstablished() {
        return ready.get();
    }

    /** Whether it is served without room: to see that the database is there, and to be established; not again meanwhile. */
    boolean wantsAnswer() {
        return !answered && (told || !seen) && !isOver();
    }

    /** Whether the answer to a claim that is made now establishes it. */
    boolean isToBeEstablished() {
        return told && !answered && !isOver();
    }

    boolean isOver() {
        return cancelled || ended;
    }

    /** Ends: what waits is given back, then downstream is told. */
    void end(@Nullable Throwable reason) {
        failure = reason;
        ended = true;
        leave();
    }

    List<String> channels() {
        return channels;
    }

    /** The channels, beginning with another one after each claim, so that none is always last to get room. */
    List<String> channelsInTurn() {
        if (channels.size() == 1) {
            return channels;
        }
        List<String> inTurn = new ArrayList<>(channels);
        Collections.rotate(inTurn, -(turn.get() % channels.size()));
        return inTurn;
    }

    Duration pollInterval() {
        Duration own = subscribeOptions.pollInterval();
        return own != null ? own : dequeuer.options().pollInterval();
    }

    // == A delivery's side ==

    void roomFreed() {
        room.free();
        dequeuer.roomChanged(this);
    }

    void countPace() {
        room.countPace();
    }

    void wake(String channel) {
        dequeuer.wake(Set.of(channel));
    }

    boolean renewsLeases() {
        return subscribeOptions.renewLeases();
    }

    Duration maxProcessingTime() {
        return subscribeOptions.maxProcessingTime();
    }

    /** Watches the transactions that work on its events. */
    TimeLimit processingTime() {
        return dequeuer.processingTime(maxProcessingTime());
    }

    int maxAttempts() {
        Integer own = subscribeOptions.maxAttempts();
        return own != null ? own : dequeuer.options().maxAttempts();
    }

    RetryPolicy retry() {
        RetryPolicy own = subscribeOptions.retry();
        return own != null ? own : dequeuer.options().retryPolicy();
    }

    /** Whether it can be said when an event comes again. */
    boolean reschedules() {
        return dequeuer.reschedules();
    }

    // == A listener's side ==

    @Override
    public @Nullable Throwable outage() {
        return dequeuer.outage();
    }

    @Override
    public Tally tally() {
        return tally;
    }

    @Override
    public Mono<Void> givenBack() {
        return releases.answered();
    }

    // == What its parts share ==

    PayloadCodec codec() {
        return dequeuer.codec();
    }

    Observed observed() {
        return dequeuer.observed();
    }

    Settler settler() {
        return dequeuer.settler();
    }

    Deliveries deliveries() {
        return dequeuer.deliveries();
    }

    EngineTime time() {
        return dequeuer.time();
    }

    // == Handing over ==

    void drain() {
        if (work.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            handOverTogether();
            if (isOver()) {
                releases.add(buffer, room);
                tellEnd();
            }
            missed = work.addAndGet(-missed);
        } while (missed != 0);
        releases.check();
    }

    /**
     * What is settled while it is handed over is sent together. Not where downstream may block: it could wait for what is held
     * back here.
     */
    private void handOverTogether() {
        if (buffer.isEmpty() || !Schedulers.isInNonBlockingThread()) {
            while (handOverUntil(Long.MAX_VALUE)) {}
            return;
        }
        boolean more;
        do {
            dequeuer.settler().hold();
            try {
                more = handOverUntil(dequeuer.time().nanos() + Hold.LONGEST.toNanos());
            } finally {
                dequeuer.settler().letGo();
            }
        } while (more);
    }

    /** Hands over what it can, until this moment; answers whether there may be more. */
    private boolean handOverUntil(long end) {
        while (!isOver() && room.isAsked()) {
            Delivery next = buffer.peek();
            if (next == null) {
                return false;
            }
            long now = dequeuer.time().nanos();
            if (next.lapses(now)) {
                drop(next);
            } else if (next.isLeasedFor(dequeuer.options().lease(), now)) {
                emit(next, now);
            } else {
                renewFirst(next);
                return false;
            }
            if (end != Long.MAX_VALUE && now - end >= 0) {
                return true;
            }
        }
        return false;
    }

    private void emit(Delivery delivery, long now) {
        buffer.poll();
        room.handOver();
        delivery.handOver(now);
        observed().delivered(delivery);
        try {
            downstream.onNext(delivery);
        } catch (Throwable thrown) {
            threw(thrown);
        }
    }

    /** An error of the subscriber (a missing class, a stack that overflows) ends its subscription, and harms no other. */
    private void threw(Throwable thrown) {
        cancel();
        Reasons.log(thrown, told -> LOG.error("A subscriber of {} threw an error and is cancelled.", channels, told));
    }

    private void drop(Delivery lapsed) {
        buffer.poll();
        room.drop();
        lapsed.release().subscribe(null, error -> {});
        dequeuer.roomChanged(this);
    }

    /** Whoever gets it shall own it for a whole lease. Nothing is handed over until the renewal ends, which drains again. */
    private void renewFirst(Delivery delivery) {
        delivery.renew(LeaseKeeper.granted(dequeuer.options().lease())).subscribe(null, error -> {});
    }

    private void tellEnd() {
        if (cancelled) {
            return;
        }
        cancelled = true;
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
