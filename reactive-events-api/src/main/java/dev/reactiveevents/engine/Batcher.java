package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.Sinks;

/**
 * Natural batching: a few lanes, one statement in flight on each; what arrives meanwhile is the next batch. No timer, and
 * nothing waits while a lane is free.
 *
 * <p>A batch that is refused as invalid is split until the guilty item fails alone; any other failure is everybody's.
 *
 * @param <T> what is handed in
 * @param <R> what comes of each
 */
final class Batcher<T, R> {

    /** How a batcher works; {@code work} names what it does, for messages. */
    record Limits(String work, int lanes, int rows, int weight, int waiting, Duration timeout) {}

    private final Limits limits;
    private final ToIntFunction<T> weigh;
    private final Function<List<T>, Mono<List<R>>> write;
    private final EngineTime time;
    private final TimeLimit timeLimit;
    private final Queue<Waiting> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicInteger busy = new AtomicInteger();
    private final AtomicInteger holds = new AtomicInteger();
    private final AtomicInteger work = new AtomicInteger();
    private final Drained drained = new Drained();
    private final Sinks.One<List<R>> abortion = Sinks.one();
    private volatile @Nullable EventException aborted;

    Batcher(Limits limits, ToIntFunction<T> weigh, Function<List<T>, Mono<List<R>>> write, EngineTime time) {
        this.limits = limits;
        this.weigh = weigh;
        this.write = write;
        this.time = time;
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

    /** Starts no batch that is not full until it is let go: more is about to be handed in. To be let go soon. */
    void hold() {
        holds.incrementAndGet();
    }

    void letGo() {
        holds.decrementAndGet();
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
        abortion.tryEmitError(reason);
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
            run(batch).subscribe(null, null, this::laneIsFree);
        }
    }

    private boolean isHeld() {
        return holds.get() > 0 && waiting.get() < limits.rows();
    }

    private void laneIsFree() {
        busy.decrementAndGet();
        drain();
    }

    private List<Waiting> nextBatch() {
        List<Waiting> batch = new ArrayList<>();
        int weight = 0;
        long oldest = time.nanos() - limits.timeout().toNanos();
        Waiting entry;
        while (batch.size() < limits.rows() && (entry = queue.peek()) != null) {
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

    private Mono<Void> run(List<Waiting> batch) {
        EventException end = aborted;
        if (end != null) {
            return fail(batch, end);
        }
        return Mono.defer(() ->
                        write.apply(batch.stream().map(entry -> entry.item).toList()))
                .transform(timeLimit::on)
                .switchIfEmpty(Mono.just(List.of()))
                .or(abortion.asMono())
                .doOnNext(results -> succeed(batch, results))
                .then()
                .onErrorResume(error -> batch.size() > 1 && error instanceof EventException.Invalid
                        ? split(batch)
                        : fail(batch, error));
    }

    private Mono<Void> split(List<Waiting> batch) {
        int middle = batch.size() / 2;
        return run(batch.subList(0, middle)).then(Mono.defer(() -> run(batch.subList(middle, batch.size()))));
    }

    private void succeed(List<Waiting> batch, List<R> results) {
        if (results.size() != batch.size()) {
            throw new IllegalStateException(
                    limits.work() + " of " + batch.size() + " items was answered by " + results.size() + " results.");
        }
        for (int i = 0; i < batch.size(); i++) {
            batch.get(i).sink.success(results.get(i));
        }
    }

    private Mono<Void> fail(List<Waiting> batch, Throwable error) {
        Throwable told = error instanceof TimeoutException
                ? new EventException.OutcomeUnknown(
                        limits.work() + " was not answered by the database within " + limits.timeout()
                                + "; it may or may not have been done.",
                        error)
                : error;
        batch.forEach(entry -> entry.fail(told));
        return Mono.empty();
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

        /** Nobody is left to tell once cancelled; Reactor would log the error as dropped. */
        void fail(Throwable error) {
            if (!cancelled) {
                sink.error(error);
            }
        }
    }
}
