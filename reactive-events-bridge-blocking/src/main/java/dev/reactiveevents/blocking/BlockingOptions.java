package dev.reactiveevents.blocking;

import dev.reactiveevents.EventException;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** How long calls wait, and where handlers run. Immutable. Bad values are refused by {@link EventException.Invalid}. */
public final class BlockingOptions {

    private static final BlockingOptions DEFAULTS = new BlockingOptions();

    private Duration timeout = Duration.ofSeconds(30);
    private @Nullable Duration idleTimeout;
    private @Nullable Executor executor;

    private BlockingOptions() {}

    /** Fields are assigned only here, before the copy is seen by anybody. */
    private BlockingOptions changed(Consumer<BlockingOptions> change) {
        BlockingOptions copy = new BlockingOptions();
        copy.timeout = timeout;
        copy.idleTimeout = idleTimeout;
        copy.executor = executor;
        change.accept(copy);
        return copy;
    }

    /** {@return a timeout of 30 seconds, iteration without one, handlers on threads of the bridge's own} */
    public static BlockingOptions defaults() {
        return DEFAULTS;
    }

    /**
     * Sets how long a call waits for the database at most. Calls that wait for events take their time as an argument.
     *
     * @param timeout from one millisecond to 365 days
     * @return the changed copy
     */
    public BlockingOptions withTimeout(Duration timeout) {
        requireWaitable("timeout", timeout);
        return changed(copy -> copy.timeout = timeout);
    }

    /**
     * Sets how long an iteration or a stream waits for its next event at most; then it fails with
     * {@link EventException.Unavailable}. Without it they wait for as long as it takes.
     *
     * @param idleTimeout from one millisecond to 365 days
     * @return the changed copy
     */
    public BlockingOptions withIdleTimeout(Duration idleTimeout) {
        requireWaitable("idle timeout", idleTimeout);
        return changed(copy -> copy.idleTimeout = idleTimeout);
    }

    /**
     * Sets where handlers of {@code listen} run, instead of threads of the bridge's own. It stays the caller's: nothing here
     * shuts it down. It should have as many threads as all its listeners have concurrency.
     *
     * @param executor runs a task on another thread than the one that submits it
     * @return the changed copy
     */
    public BlockingOptions withExecutor(Executor executor) {
        if (executor == null) {
            throw new EventException.Invalid("The executor of a blocking channel was null; give one, or leave it out.");
        }
        return changed(copy -> copy.executor = executor);
    }

    private static void requireWaitable(String what, @Nullable Duration value) {
        if (value == null || value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(Duration.ofDays(365)) > 0) {
            throw new EventException.Invalid("The " + what + " of a blocking channel was " + value
                    + "; give a duration from one millisecond to 365 days.");
        }
    }

    /** {@return how long a call waits for the database at most} */
    public Duration timeout() {
        return timeout;
    }

    /** {@return how long an iteration waits for its next event at most, or {@code null} for as long as it takes} */
    public @Nullable Duration idleTimeout() {
        return idleTimeout;
    }

    /** {@return where handlers run, or {@code null} for threads of the bridge's own} */
    public @Nullable Executor executor() {
        return executor;
    }
}
