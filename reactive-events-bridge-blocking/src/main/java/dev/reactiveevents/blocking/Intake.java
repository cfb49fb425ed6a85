package dev.reactiveevents.blocking;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.scheduler.Schedulers;

/**
 * The one subscriber beneath a {@link BlockingSubscription}. It asks for what a thread waits for and for nothing more, so
 * that what is claimed ahead waits in the engine. What comes when nobody waits any more is kept for a moment for the next
 * call, then given back. Whoever brings an event never waits here.
 */
final class Intake extends BaseSubscriber<EventMessage> {

    /** How long an event waits for the next call. */
    static final Duration LINGER = Duration.ofSeconds(1);

    /** Uses the subscription as a thread does, so that no call finds half of what is being given back. */
    private static final Object TIMER = new Object();

    private final String name;
    private final Queue<EventMessage> arrived = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waitingEvents = new AtomicInteger();
    /** Requested and not taken out of here. Only calls add to it. */
    private final AtomicLong asked = new AtomicLong();
    /** What {@code hasNext} has found and {@code next} has not answered. */
    private final AtomicReference<@Nullable EventMessage> found = new AtomicReference<>();

    /** The thread whose call is under way, or {@link #TIMER}. */
    private final AtomicReference<@Nullable Object> user = new AtomicReference<>();

    private final AtomicBoolean lingering = new AtomicBoolean();
    private volatile @Nullable Thread waiter;
    private volatile int wanted;
    private volatile boolean ready;
    private volatile boolean closed;
    private volatile boolean ended;
    private volatile @Nullable Throwable failure;

    Intake(String name) {
        this.name = name;
    }

    // == The engine's side ==

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        // nobody waits yet
    }

    @Override
    protected void hookOnNext(EventMessage message) {
        arrived.add(message);
        int events = waitingEvents.incrementAndGet();
        if (closed) {
            giveBack();
        } else if (user.get() == null) {
            linger();
        } else if (events >= wanted) {
            LockSupport.unpark(waiter);
        }
    }

    @Override
    protected void hookOnError(Throwable error) {
        failure = error;
        ended = true;
        LockSupport.unpark(waiter);
    }

    @Override
    protected void hookOnComplete() {
        ended = true;
        LockSupport.unpark(waiter);
    }

    void isReady() {
        ready = true;
        LockSupport.unpark(waiter);
    }

    // == One thread at a time ==

    void enter(String call) {
        Thread current = Thread.currentThread();
        Object other;
        while ((other = user.compareAndExchange(null, current)) != null) {
            if (other instanceof Thread thread) {
                throw new EventException.Invalid(
                        call + "(…) of the subscription to " + name + " was called by thread \""
                                + current.getName() + "\" while thread \"" + thread.getName()
                                + "\" was using it; a subscription belongs to one thread at a time: open one for each.");
            }
            Thread.yield(); // the timer only empties a queue
        }
    }

    void leave() {
        user.set(null);
        if (waitingEvents.get() > 0) {
            linger();
        }
    }

    // == Waiting ==

    /** Waits until events that are published from now on are received. */
    void awaitReady(Duration timeout) {
        if (!await(() -> ready, "to become ready", timeout.toNanos())) {
            requireNotOver();
            throw new EventException.Unavailable(
                    "A subscription to " + name + " was asked for, and the database did not answer within " + timeout
                            + ". Try again, or give it more time.",
                    null);
        }
    }

    /** The next event, or {@code null} if none came in time or the subscription is over. */
    @Nullable
    EventMessage next(long nanos) {
        EventMessage first = found.getAndSet(null);
        if (first == null) {
            awaitEvents(1, nanos);
            first = poll();
        }
        return first;
    }

    /** Up to so many events: as soon as they are there, or when the time is up. */
    List<EventMessage> take(int most, long nanos) {
        List<EventMessage> taken = new ArrayList<>();
        EventMessage first = found.getAndSet(null);
        if (first != null) {
            taken.add(first);
        }
        try {
            awaitEvents(most - taken.size(), nanos);
        } catch (EventException.Interrupted interrupted) {
            taken.forEach(Intake::release);
            throw interrupted;
        }
        while (taken.size() < most) {
            EventMessage next = poll();
            if (next == null) {
                break;
            }
            taken.add(next);
        }
        return taken;
    }

    private void awaitEvents(int events, long nanos) {
        wanted = events;
        await(
                () -> {
                    long missing = events - asked.get();
                    if (missing > 0) {
                        asked.addAndGet(missing);
                        request(missing);
                    }
                    return waitingEvents.get() >= events;
                },
                "for its next event",
                nanos);
    }

    private interface Condition {
        boolean isMet();
    }

    /** Answers whether the condition was met; not if the time was up or the subscription over before. */
    private boolean await(Condition condition, String what, long nanos) {
        long start = System.nanoTime();
        waiter = Thread.currentThread();
        try {
            while (true) {
                if (Thread.currentThread().isInterrupted()) {
                    giveBack();
                    throw new EventException.Interrupted(
                            "The subscription to " + name + " was waiting " + what + ", and thread \""
                                    + Thread.currentThread().getName()
                                    + "\" was interrupted. What it had taken is given back.",
                            null);
                }
                if (condition.isMet()) {
                    return true;
                }
                long left = nanos - (System.nanoTime() - start);
                if (left <= 0 || isOver()) {
                    return false;
                }
                LockSupport.parkNanos(this, left);
            }
        } finally {
            waiter = null;
        }
    }

    private @Nullable EventMessage poll() {
        EventMessage message = arrived.poll();
        if (message != null) {
            waitingEvents.decrementAndGet();
            asked.decrementAndGet();
        }
        return message;
    }

    /** Keeps for {@code next} what {@code hasNext} has found. */
    void keep(EventMessage message) {
        found.set(message);
        if (closed) {
            giveBack();
        }
    }

    boolean hasFound() {
        return found.get() != null;
    }

    // == The end ==

    boolean isOver() {
        return closed || ended;
    }

    void requireNotFailed() {
        Throwable error = failure;
        if (error != null && !closed) {
            throw CallingThread.rethrown(error);
        }
    }

    void requireNotOver() {
        requireNotFailed();
        if (isOver()) {
            throw new EventException.Closed("An event was to be taken from the subscription to " + name + ", which "
                    + (closed ? "has been closed." : "is over: its channel was shut down."));
        }
    }

    /** Ends it, from any thread. Does not wait: what it holds is on its way back. Answers whether it was open. */
    boolean close() {
        boolean open = !closed;
        closed = true;
        cancel();
        giveBack();
        LockSupport.unpark(waiter);
        return open;
    }

    private void giveBack() {
        EventMessage message = found.getAndSet(null);
        if (message != null) {
            release(message);
        }
        while ((message = poll()) != null) {
            release(message);
        }
        LockSupport.unpark(waiter); // it may have counted on one of them
    }

    /** If it fails, the event comes again when its lease has lapsed. */
    private static void release(EventMessage message) {
        message.release().subscribe(released -> {}, error -> {});
    }

    private void linger() {
        EventMessage oldest = arrived.peek();
        if (oldest != null && isLeased(oldest) && lingering.compareAndSet(false, true)) {
            Schedulers.parallel().schedule(this::endLingering, LINGER.toNanos(), TimeUnit.NANOSECONDS);
        }
    }

    /** Gives back what nobody came for. What {@code hasNext} has found stays: {@code next} is to answer it. */
    void endLingering() {
        lingering.set(false);
        if (user.compareAndSet(null, TIMER)) {
            List<EventMessage> unused = new ArrayList<>();
            EventMessage message;
            while ((message = poll()) != null) {
                unused.add(message);
            }
            leave();
            unused.forEach(Intake::release);
        }
    }

    /** A broadcast event is leased to nobody: given back, it would be lost. */
    private static boolean isLeased(EventMessage message) {
        return !message.leaseExpiresAt().equals(Instant.MAX);
    }
}
