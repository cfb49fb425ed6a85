package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.Operators;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Natural batching: a few lanes, one statement in flight on each; what arrives meanwhile is the next batch. Nothing waits while
 * a lane is free, but for a moment while more is about to be handed in.
 *
 * <p>A batch that is refused as invalid is split until the guilty item fails alone; any other failure is everybody's.
 *
 * @param <T> what is handed in
 * @param <R> what comes of each
 */
final class Batcher<T, R> {

    private static final Logger LOG = Loggers.getLogger(Batcher.class);

    /** What no hold ends in time is started by a timer. Longer, so that few are set: it is let go far sooner nearly always. */
    private static final Duration LATEST_LOOK = Duration.ofMillis(3);

    /** How a batcher works; {@code work} names what it does, for messages. */
    record Limits(String work, int lanes, int rows, int weight, int waiting, Duration timeout) {}

    private final Limits limits;
    private final ToIntFunction<T> weigh;
    private final Function<List<T>, Mono<List<R>>> write;
    private final IntSupplier goodShare;
    private final EngineTime time;
    private final TimeLimit timeLimit;
    private final Queue<Waiting> queue = new ConcurrentLinkedQueue<>();
    private final Deque<List<Waiting>> halves = new ConcurrentLinkedDeque<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicInteger busy = new AtomicInteger();
    private final Hold hold;
    private final AtomicBoolean looking = new AtomicBoolean();
    private final AtomicInteger work = new AtomicInteger();
    private final Drained drained = new Drained();
    private volatile @Nullable EventException aborted;

    /** A batcher whose batches are as large as they can be. */
    Batcher(Limits limits, ToIntFunction<T> weigh, Function<List<T>, Mono<List<R>>> write, EngineTime time) {
        this(limits, limits::rows, weigh, write, time);
    }

    /**
     * A batcher.
     *
     * @param goodShare what waits is shared by the lanes that are free if each gets this many at least, so that they work side by
     *     side
     */
    Batcher(
            Limits limits,
            IntSupplier goodShare,
            ToIntFunction<T> weigh,
            Function<List<T>, Mono<List<R>>> write,
            EngineTime time) {
        this.limits = limits;
        this.goodShare = goodShare;
        this.weigh = weigh;
        this.write = write;
        this.time = time;
        this.hold = new Hold(time);
        this.timeLimit = new TimeLimit(limits.timeout(), time);
    }

    /** What comes of the item. Cold; cancelling withdraws it as long as its batch has not started. */
    Mono<R> submit(T item) {
        return Mono.create(sink -> enqueue(item, sink));
    }

    private void enqueue(T item, MonoSink<R> sink) {
        EventException end = aborted;
        if (end != null) {
            sink.error(end);
        } else if (waiting.incrementAndGet() > limits.waiting()) {
            waiting.decrementAndGet();
            sink.error(new EventException.Unavailable(
                    limits.work() + " was refused because " + limits.waiting() + " are waiting already; nothing was"
                            + " changed. Do less at once, or try again later.",
                    null));
        } else {
            Waiting entry = new Waiting(item, sink, time.nanos());
            queue.add(entry);
            sink.onCancel(entry::withdraw);
            drain();
        }
    }

    /**
     * Starts no batch that is not full until it is let go: more is about to be handed in. Whoever lets go late, or never, holds
     * back nobody for long: it is in the hands of users' code.
     */
    void hold() {
        if (hold.begin()) {
            if (waiting.get() > 0) {
                drain(); // what another has not let go in time
            }
            hold.start();
        }
    }

    void letGo() {
        hold.end();
        drain();
    }

    /** Starts no batch that is not full until all is {@link #gathered}, unless that takes long. */
    void gather() {
        hold.beginGathering();
    }

    void gathered() {
        hold.endGathering();
        drain();
    }

    /** Completes once nothing waits and nothing is in flight; meant for when nothing new comes. */
    Mono<Void> drained() {
        return drained.whenZero(() -> waiting.get() + busy.get());
    }

    /** How many wait or are being written, as a lower bound. */
    int open() {
        return waiting.get() + busy.get();
    }

    /** Fails everything that waits or is in flight, and all that comes later. */
    void abort(EventException reason) {
        aborted = reason;
        timeLimit.endAll(reason);
        drain();
    }

    private void drain() {
        if (work.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            startBatches();
            missed = work.addAndGet(-missed);
        } while (missed != 0);
        drained.check();
    }

    private void startBatches() {
        while (aborted != null || busy.get() < limits.lanes() && !isHeld()) {
            List<Waiting> batch = nextBatch();
            if (batch.isEmpty()) {
                return;
            }
            busy.incrementAndGet();
            waiting.addAndGet(-batch.size());
            new Writing(batch).start();
        }
        if (waiting.get() > 0 && busy.get() < limits.lanes()) {
            lookLater();
        }
    }

    private void lookLater() {
        if (!looking.get() && looking.compareAndSet(false, true)) {
            time.after(LATEST_LOOK, this::look);
        }
    }

    private void look() {
        looking.set(false);
        drain();
    }

    private boolean isHeld() {
        return waiting.get() < limits.rows() && hold.isOn();
    }

    private void laneIsFree() {
        busy.decrementAndGet();
        drain();
    }

    private List<Waiting> nextBatch() {
        List<Waiting> half = halves.pollFirst();
        if (half != null) {
            return half;
        }
        List<Waiting> batch = new ArrayList<>();
        int most = share();
        int weight = 0;
        long oldest = time.nanos() - limits.timeout().toNanos();
        Waiting entry;
        while (batch.size() < most && (entry = queue.peek()) != null) {
            int added = weigh.applyAsInt(entry.item);
            if (!batch.isEmpty() && weight + added > limits.weight()) {
                break;
            }
            queue.poll();
            if (entry.take(oldest)) {
                batch.add(entry);
                weight += added;
            } else {
                waiting.decrementAndGet();
            }
        }
        return batch;
    }

    private int share() {
        int free = Math.max(1, limits.lanes() - busy.get());
        int share = (waiting.get() + free - 1) / free; // rounded up
        int good = hold.isOn() ? limits.rows() : goodShare.getAsInt();
        return Math.min(limits.rows(), Math.max(good, share));
    }

    /** Its halves come before all that waits, in their order. */
    private void split(List<Waiting> batch) {
        int middle = batch.size() / 2;
        waiting.addAndGet(batch.size());
        halves.addFirst(batch.subList(middle, batch.size()));
        halves.addFirst(batch.subList(0, middle));
    }

    private void succeed(List<Waiting> batch, List<R> results) {
        if (results.size() != batch.size()) {
            throw new IllegalStateException(
                    limits.work() + " of " + batch.size() + " items was answered by " + results.size() + " results.");
        }
        for (int i = 0; i < batch.size(); i++) {
            batch.get(i).succeed(results.get(i));
        }
    }

    private void fail(List<Waiting> batch, Throwable error) {
        Throwable told = error instanceof TimeoutException
                ? new EventException.OutcomeUnknown(
                        limits.work() + " was not answered by the database within " + limits.timeout()
                                + "; it may or may not have been done.",
                        error)
                : error;
        batch.forEach(entry -> entry.fail(told));
    }

    private enum Progress {
        ASKED,
        ANSWERED,
        OVER
    }

    /**
     * A batch that is being written. What comes first counts: its answer, its failure, the time limit or the end of all. One
     * subscriber instead of an operator for each, because a single event pays for all of it.
     */
    private final class Writing extends BaseSubscriber<List<R>> implements TimeLimit.UnderWay {

        private final List<Waiting> batch;
        private final AtomicReference<Progress> progress = new AtomicReference<>(Progress.ASKED);

        Writing(List<Waiting> batch) {
            this.batch = batch;
        }

        void start() {
            timeLimit.started(this);
            EventException end = aborted;
            if (end != null) {
                end(end);
                return;
            }
            List<T> items = new ArrayList<>(batch.size());
            batch.forEach(entry -> items.add(entry.item));
            Mono.defer(() -> write.apply(items)).subscribe(this);
        }

        @Override
        protected void hookOnNext(List<R> results) {
            if (progress.compareAndSet(Progress.ASKED, Progress.ANSWERED)) {
                succeed(batch, results);
            }
        }

        @Override
        protected void hookOnComplete() {
            hookOnNext(List.of());
            over(Progress.ANSWERED, null);
        }

        @Override
        protected void hookOnError(Throwable error) {
            if (!over(Progress.ASKED, error) && !over(Progress.ANSWERED, error)) {
                Operators.onErrorDropped(error, currentContext());
            }
        }

        @Override
        public void end(Throwable reason) {
            over(Progress.ASKED, reason);
        }

        private boolean over(Progress from, @Nullable Throwable error) {
            if (!progress.compareAndSet(from, Progress.OVER)) {
                return false;
            }
            timeLimit.ended(this);
            cancel(); // which is nothing if it has ended by itself
            if (error instanceof EventException.Invalid && batch.size() > 1) {
                split(batch);
            } else if (error != null) {
                fail(batch, error);
            }
            laneIsFree();
            return true;
        }
    }

    private final class Waiting {

        private final T item;
        private final MonoSink<R> sink;
        private final long since;
        private final AtomicBoolean decided = new AtomicBoolean();
        private volatile boolean cancelled;

        Waiting(T item, MonoSink<R> sink, long since) {
            this.item = item;
            this.sink = sink;
            this.since = since;
        }

        /** Leaves the entry in the queue, as a husk that is passed over; it counts as waiting until then. */
        void withdraw() {
            cancelled = true;
            decided.set(true);
        }

        boolean take(long oldest) {
            if (!decided.compareAndSet(false, true)) {
                return false;
            }
            if (since - oldest < 0 && aborted == null) {
                fail(new EventException.Unavailable(
                        limits.work() + " waited " + limits.timeout() + " for its turn; nothing was changed."
                                + " The database is slow or away: try again later.",
                        null));
                return false;
            }
            return true;
        }

        void succeed(R result) {
            try {
                sink.success(result);
            } catch (Throwable thrown) {
                threw(thrown);
            }
        }

        /** Nobody is left to tell once cancelled; Reactor would log the error as dropped. */
        void fail(Throwable error) {
            if (cancelled) {
                return;
            }
            try {
                sink.error(error);
            } catch (Throwable thrown) {
                threw(thrown);
            }
        }

        /** Those in the same batch are still to be told, and the lane is to be free. */
        private void threw(Throwable thrown) {
            Reasons.log(
                    thrown,
                    told -> LOG.error(
                            "{}: a subscriber threw an error when it was told what came of it.", limits.work(), told));
        }
    }
}
