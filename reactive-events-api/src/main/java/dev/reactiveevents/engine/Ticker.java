package dev.reactiveevents.engine;

import java.time.Duration;
import reactor.core.Disposable;
import reactor.core.Disposables;

/**
 * Runs a task at a fixed rate, by timers of one shot each: to dispose of a periodic timer takes the lock of its scheduler, and
 * Reactor tells BlockHound only of one-shot timers that a non-blocking thread may do so.
 */
final class Ticker implements Disposable {

    private final EngineTime time;
    private final Duration interval;
    private final Runnable task;
    private final Disposable.Swap timer = Disposables.swap();
    private long dueAt;

    private Ticker(EngineTime time, Duration interval, Runnable task) {
        this.time = time;
        this.interval = interval;
        this.task = task;
        this.dueAt = time.nanos();
    }

    static Ticker start(EngineTime time, Duration interval, Runnable task) {
        Ticker ticker = new Ticker(time, interval, task);
        ticker.scheduleNext();
        return ticker;
    }

    /** Ticks that were missed are left out. */
    private void scheduleNext() {
        long now = time.nanos();
        dueAt += interval.toNanos();
        if (dueAt - now < 0) {
            dueAt = now + interval.toNanos();
        }
        timer.replace(time.after(Duration.ofNanos(dueAt - now), this::tick));
    }

    private void tick() {
        if (!isDisposed()) {
            try {
                task.run();
            } finally {
                scheduleNext();
            }
        }
    }

    @Override
    public void dispose() {
        timer.dispose();
    }

    @Override
    public boolean isDisposed() {
        return timer.isDisposed();
    }
}
