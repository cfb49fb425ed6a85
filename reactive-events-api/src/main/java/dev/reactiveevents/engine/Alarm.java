package dev.reactiveevents.engine;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;

/**
 * A timer that can be set anew. It is forgotten when it goes off: to dispose of it later, from another thread, would interrupt
 * what it runs.
 */
final class Alarm implements Disposable {

    private final EngineTime time;
    private @Nullable Disposable timer;
    private long times;
    private boolean armed;
    private boolean disposed;

    Alarm(EngineTime time) {
        this.time = time;
    }

    static Alarm after(EngineTime time, Duration delay, Runnable task) {
        Alarm alarm = new Alarm(time);
        alarm.set(delay, task);
        return alarm;
    }

    /** Goes off then, and no more when it was set to before. */
    synchronized void set(Duration delay, Runnable task) {
        cancel();
        if (!disposed) {
            long mine = ++times;
            armed = true;
            Disposable scheduled = time.after(delay, () -> goOff(mine, task));
            if (isArmed(mine)) { // in virtual time it may have gone off by now
                timer = scheduled;
            }
        }
    }

    private void goOff(long mine, Runnable task) {
        if (isForgotten(mine)) {
            task.run();
        }
    }

    /** Answers false if it was set anew or disposed of in this moment. */
    private synchronized boolean isForgotten(long mine) {
        boolean current = isArmed(mine);
        if (current) {
            armed = false;
            timer = null;
        }
        return current;
    }

    private boolean isArmed(long mine) {
        return armed && times == mine;
    }

    /** Until it is set again. */
    synchronized void cancel() {
        armed = false;
        if (timer != null) {
            timer.dispose();
            timer = null;
        }
    }

    @Override
    public synchronized void dispose() {
        disposed = true;
        cancel();
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
