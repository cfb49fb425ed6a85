package dev.reactiveevents.blocking;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The events of a subscription, one after the other for a thread that waits for them. Made by
 * {@link BlockingEventChannel#blockingSubscribe(String)}.
 *
 * <p>It claims what calls wait for, and ahead of that at most what was settled in the last quarter of a second, within the
 * prefetch: a subscription that nobody calls claims nothing more. An event that arrives when no call waits for it is kept for a
 * second for the next one, then given back.
 *
 * <p>It belongs to one thread at a time: a call during another thread's call fails with {@link EventException.Invalid}. Only
 * {@link #close()} may come from any thread; it ends a call that waits.
 *
 * <p>Each event that was answered is the caller's: settle it within its lease, otherwise it comes again. All other events are
 * given back at once, to their old place and without counting as an attempt, when the subscription is closed, and when a
 * thread is interrupted in {@link #take} or otherwise while it waits. A subscription that is abandoned without being closed is
 * closed once the garbage collector finds it, with a warning.
 *
 * <p>Calls fail with {@link EventException.Interrupted} when their thread is interrupted, whose flag stays set, and as the
 * subscription did if it failed. They are refused on threads that must not block, with {@link EventException.Invalid}.
 */
public final class BlockingSubscription implements Iterable<EventMessage>, Iterator<EventMessage>, AutoCloseable {

    private static final Logger LOG = Loggers.getLogger(BlockingSubscription.class);
    private static final Cleaner CLEANER = Cleaner.create();

    private final String name;
    private final Intake intake;
    private final int prefetch;
    private final @Nullable Duration idleTimeout;
    private final Set<Intake> open;

    private BlockingSubscription(
            String name, Intake intake, int prefetch, @Nullable Duration idleTimeout, Set<Intake> open) {
        this.name = name;
        this.intake = intake;
        this.prefetch = prefetch;
        this.idleTimeout = idleTimeout;
        this.open = open;
        CLEANER.register(this, new Abandoned(name, intake, open));
    }

    /** Subscribes, and waits until events that are published from now on are received. */
    static BlockingSubscription open(
            EventChannel events, String channel, SubscribeOptions how, BlockingOptions options, Set<Intake> open) {
        Intake intake = new Intake(channel);
        SubscribeOptions told = how.withOnReady(() -> {
            how.onReady().run();
            intake.isReady();
        });
        open.add(intake);
        events.subscribe(channel, told).subscribe(intake);
        try {
            intake.awaitReady(options.timeout());
        } catch (RuntimeException failure) {
            open.remove(intake);
            intake.close();
            throw failure;
        }
        Integer own = how.prefetch();
        int prefetch = own != null ? own : events.prefetch();
        return new BlockingSubscription(channel, intake, prefetch, options.idleTimeout(), open);
    }

    /** Knows everything but the subscription itself, which could otherwise never be found to be abandoned. */
    private record Abandoned(String name, Intake intake, Set<Intake> open) implements Runnable {

        @Override
        public void run() {
            open.remove(intake);
            if (intake.close()) {
                LOG.warn(
                        "The subscription to {} was abandoned without being closed; what it held is given back only now."
                                + " Close it, best by try-with-resources.",
                        name);
            }
        }
    }

    /** {@return this, the events from here on} */
    @Override
    public Iterator<EventMessage> iterator() {
        return this;
    }

    /**
     * Waits for the next event: for as long as it takes, or for the
     * {@linkplain BlockingOptions#withIdleTimeout(Duration) idle timeout}.
     *
     * @return true if {@link #next()} has one; false once the subscription is closed or the channel shut down
     * @throws EventException.Unavailable if none came within the idle timeout
     */
    @Override
    public boolean hasNext() {
        begin("hasNext");
        try {
            if (!intake.hasFound()) {
                EventMessage message = await();
                if (message != null) {
                    intake.keep(message);
                }
            }
            return intake.hasFound();
        } finally {
            end();
        }
    }

    /**
     * Waits for the next event, as {@link #hasNext()} does.
     *
     * @return the event
     * @throws NoSuchElementException once the subscription is closed or the channel shut down
     */
    @Override
    public EventMessage next() {
        begin("next");
        try {
            EventMessage message = await();
            if (message == null) {
                throw new NoSuchElementException("The subscription to " + name + " is over; ask hasNext() first.");
            }
            return message;
        } finally {
            end();
        }
    }

    private @Nullable EventMessage await() {
        EventMessage message = intake.next(idleTimeout == null ? Long.MAX_VALUE : idleTimeout.toNanos());
        if (message == null) {
            intake.requireNotFailed();
            if (!intake.isOver()) {
                throw new EventException.Unavailable(
                        "No event of " + name + " came within the idle timeout of " + idleTimeout
                                + "; wait again, give it more time, or use poll(…) where that is to be expected.",
                        null);
            }
        }
        return message;
    }

    /**
     * Waits for one event.
     *
     * @param timeout how long at most; with zero it takes only what has arrived, and asks for an event, which is kept for a
     *     second: whoever calls less often never gets one where it takes the database longer than the timeout to answer
     * @return the event, or empty if none came in time
     * @throws EventException.Closed once the subscription is closed or the channel shut down
     */
    public Optional<EventMessage> poll(Duration timeout) {
        long nanos = nanos("event", timeout);
        begin("poll");
        try {
            EventMessage message = intake.next(nanos);
            if (message == null) {
                intake.requireNotOver();
            }
            return Optional.ofNullable(message);
        } finally {
            end();
        }
    }

    /**
     * Waits for several events. Their leases run from when they arrive: let the timeout be a small part of the lease.
     *
     * @param most how many at most, at least 1; not more are waited for than the prefetch allows
     * @param timeout how long at most
     * @return the events, in order: as many as were asked for, or those that came in time, possibly none
     * @throws EventException.Closed once the subscription is closed or the channel shut down
     */
    public List<EventMessage> take(int most, Duration timeout) {
        if (most < 1) {
            throw new EventException.Invalid(
                    most + " events were to be taken from the subscription to " + name + "; take at least 1.");
        }
        long nanos = nanos("events", timeout);
        begin("take");
        try {
            List<EventMessage> taken = intake.take(Math.min(most, prefetch), nanos);
            if (taken.isEmpty()) {
                intake.requireNotOver();
            }
            return taken;
        } finally {
            end();
        }
    }

    /**
     * The events from here on, as {@link #next()} answers them: not to be made parallel. Closing the stream closes the
     * subscription.
     *
     * @return an endless stream; it ends when the subscription is closed or the channel shut down
     */
    public Stream<EventMessage> stream() {
        return StreamSupport.stream(
                        Spliterators.spliteratorUnknownSize(this, Spliterator.ORDERED | Spliterator.NONNULL), false)
                .onClose(this::close);
    }

    /**
     * Ends the subscription and gives back what was not answered. Does not wait for that and does not fail; idempotent; also on
     * a thread that was interrupted.
     */
    @Override
    public void close() {
        open.remove(intake);
        intake.close();
    }

    private void begin(String call) {
        CallingThread.requireMayBlock(() -> "BlockingSubscription." + call + "(…)", "EventChannel.subscribe");
        intake.enter(call);
    }

    private void end() {
        intake.leave();
        Reference.reachabilityFence(this); // who waits here has not abandoned it
    }

    private long nanos(String what, @Nullable Duration timeout) {
        if (timeout == null || timeout.isNegative()) {
            throw new EventException.Invalid("The next " + what + " of " + name + " was to be waited for " + timeout
                    + "; give a duration that is not negative.");
        }
        return TimeUnit.NANOSECONDS.convert(timeout); // at most 292 years, where toNanos would fail
    }
}
