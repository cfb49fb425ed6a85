package dev.reactiveevents.blocking;

import dev.reactiveevents.EventException;
import java.util.Locale;
import java.util.function.Supplier;
import reactor.core.scheduler.Schedulers;

/** The thread that called: may it block, and shall it stop? */
final class CallingThread {

    /** Named, not referred to: Netty is not among the dependencies of this module. */
    private static final String NETTY_THREAD = "io.netty.util.concurrent.FastThreadLocalThread";

    private CallingThread() {}

    /**
     * Refuses a call that blocks on a thread that must not.
     *
     * @param call what was called, in words that only an exception needs
     * @param instead the name of what is to be called there
     */
    static void requireMayBlock(Supplier<String> call, String instead) {
        Thread thread = Thread.currentThread();
        if (Schedulers.isInNonBlockingThread() || isEventLoop(thread)) {
            throw new EventException.Invalid(call.get() + " was called on thread \"" + thread.getName()
                    + "\", which must not block: other work waits for it. Call " + instead
                    + "(…) there, or move the call to a thread of Schedulers.boundedElastic().");
        }
    }

    /**
     * Event loops of reactor-netty are known to Reactor; others by the names that Netty itself, Vert.x
     * ({@code vert.x-eventloop-thread-0}) and gRPC ({@code grpc-default-worker-ELG-1-1}) give them. Threads for work that Netty
     * makes are of the same class and have other names.
     */
    private static boolean isEventLoop(Thread thread) {
        Class<?> type = thread.getClass();
        while (type != null && !type.getName().equals(NETTY_THREAD)) {
            type = type.getSuperclass();
        }
        if (type == null) {
            return false;
        }
        String name = thread.getName().toLowerCase(Locale.ROOT);
        return name.contains("eventloop") || name.contains("-elg-");
    }

    /** Refuses to begin on a thread that was interrupted before. */
    static void requireNotInterrupted(Supplier<String> what) {
        if (Thread.currentThread().isInterrupted()) {
            throw new EventException.Interrupted(
                    what.get() + ", but thread \"" + Thread.currentThread().getName()
                            + "\" had been interrupted before; nothing was sent.",
                    null);
        }
    }

    /** The failure as this thread throws it: of the same kind, with the caller's stack trace, caused by the original. */
    static RuntimeException rethrown(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof EventException known) {
            return known.withDetail(
                    "Thread \"" + Thread.currentThread().getName() + "\" waited for it, see its stack trace.");
        }
        return new IllegalStateException(
                "A blocking call failed with an error that is not the channel's own: " + failure, failure);
    }
}
