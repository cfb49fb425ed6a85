package dev.reactiveevents.blocking;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Where the handlers of a listener run: each event on a virtual thread of its own on Java 21 and later, before that on a pool
 * of as many threads as the listener has concurrency.
 */
final class HandlerThreads {

    private static final int FIRST_WITH_VIRTUAL_THREADS = 21;
    private static final long IDLE_SECONDS = 60;

    private HandlerThreads() {}

    static ExecutorService of(String channel, int concurrency) {
        String name = "events-" + channel + "-";
        return Runtime.version().feature() >= FIRST_WITH_VIRTUAL_THREADS ? virtual(name) : pool(name, concurrency);
    }

    /** By reflection, because this is compiled for Java 17: {@code newThreadPerTaskExecutor(ofVirtual().name(name, 0).factory())}. */
    private static ExecutorService virtual(String name) {
        try {
            Class<?> builder = Class.forName("java.lang.Thread$Builder");
            Object unnamed = Thread.class.getMethod("ofVirtual").invoke(null);
            Object named = builder.getMethod("name", String.class, long.class).invoke(unnamed, name, 0L);
            Object factory = builder.getMethod("factory").invoke(named);
            return (ExecutorService) Executors.class
                    .getMethod("newThreadPerTaskExecutor", ThreadFactory.class)
                    .invoke(null, factory);
        } catch (ReflectiveOperationException missing) {
            throw new IllegalStateException(
                    "Java " + Runtime.version() + " has no virtual threads as Java 21 has them; give an executor by"
                            + " BlockingOptions.withExecutor(…).",
                    missing);
        }
    }

    /** The queue takes no lock to add: that is done on threads that must not block. */
    private static ExecutorService pool(String name, int threads) {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                threads, threads, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedTransferQueue<>(), task -> {
                    Thread thread = new Thread(task, name + number.getAndIncrement());
                    thread.setDaemon(true);
                    return thread;
                });
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }
}
