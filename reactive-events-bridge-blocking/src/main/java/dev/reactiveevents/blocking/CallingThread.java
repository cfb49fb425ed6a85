package dev.reactiveevents.blocking;

import dev.reactiveevents.EventException;
import java.util.Locale;
import reactor.core.scheduler.Schedulers;

/** The thread that called: may it block, and shall it stop? */
final class CallingThread {

    /** Named, not referred to: Netty is not among the dependencies of this module. */
    private static final String NETTY_THREAD = "io.netty.util.concurrent.FastThreadLocalThread";

    private CallingThread() {}

    /**
     * Refuses a call that blocks on a thread that must not.
     *
     * @param call what was called
     * @param instead what is to be called there
     */
    static void requireMayBlock(String call, String instead) {
        Thread thread = Thread.currentThread();
        if (Schedulers.isInNonBlockingThread() || isEventLoop(thread)) {
            throw new EventException.Invalid(call + " was called on thread \"" + thread.getName()
                    + "\", which must not block: other work waits for it. Call " + instead
                    + " there, or move the call to a thread of Schedulers.boundedElastic().");
        }
    }

    /** Event loops of reactor-netty are known to Reactor; plain ones, as Vert.x and gRPC have them, by what Netty calls them. */
    private static boolean isEventLoop(Thread thread) {
        if (!thread.getName().toLowerCase(Locale.ROOT).contains("eventloop")) {
            return false;
        }
        Class<?> type = thread.getClass();
        while (type != null && !type.getName().equals(NETTY_THREAD)) {
            type = type.getSuperclass();
        }
        return type != null;
    }

    /** Refuses to begin on a thread that was interrupted before. */
    static void requireNotInterrupted(String what) {
        if (Thread.currentThread().isInterrupted()) {
            throw new EventException.Interrupted(
                    what + ", but thread \"" + Thread.currentThread().getName()
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
