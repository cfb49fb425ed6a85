package dev.reactiveevents.blocking;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Another thread, and what becomes of its work. */
final class Background<T> {

    private final FutureTask<T> work;
    private final Thread thread;
    private volatile boolean interruptedAfterwards;

    private Background(String name, Callable<T> work) {
        this.work = new FutureTask<>(() -> {
            try {
                return work.call();
            } finally {
                interruptedAfterwards = Thread.currentThread().isInterrupted();
            }
        });
        this.thread = new Thread(this.work, name);
        thread.setDaemon(true);
        thread.start();
    }

    static <T> Background<T> run(String name, Callable<T> work) {
        return new Background<>(name, work);
    }

    /** Until it waits for something. */
    Background<T> awaitWaiting() {
        long end = System.nanoTime() + Stage.LIMIT.toNanos();
        while (thread.getState() != Thread.State.WAITING && thread.getState() != Thread.State.TIMED_WAITING) {
            if (work.isDone() || System.nanoTime() > end) {
                throw new AssertionError("The thread does not wait, it is " + thread.getState() + ".");
            }
            Thread.onSpinWait();
        }
        return this;
    }

    Background<T> interrupt() {
        thread.interrupt();
        return this;
    }

    boolean interruptedAfterwards() {
        return interruptedAfterwards;
    }

    T result() {
        return result(Stage.LIMIT);
    }

    T result(Duration within) {
        try {
            return work.get(within.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException failure) {
            throw new AssertionError(failure.getCause());
        } catch (InterruptedException | TimeoutException late) {
            throw new AssertionError(late);
        }
    }

    /** What it threw. */
    Throwable failure() {
        try {
            T result = work.get(Stage.LIMIT.toNanos(), TimeUnit.NANOSECONDS);
            throw new AssertionError("It did not fail, but answered " + result);
        } catch (ExecutionException failure) {
            return failure.getCause();
        } catch (InterruptedException | TimeoutException late) {
            throw new AssertionError(late);
        }
    }
}
