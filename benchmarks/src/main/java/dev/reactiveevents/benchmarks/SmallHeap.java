package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.nio.file.Path;
import java.time.Duration;
import reactor.core.publisher.Flux;

/** Drains 2,000,000 events in a process of its own with a heap of 128 MB, and tells how much of it is in use on the way. */
public final class SmallHeap {

    private static final String TABLE = "bench_heap";
    private static final int EVENTS = 2_000_000;
    private static final int STEP = 500_000;

    private SmallHeap() {}

    /** Runs it as a check of the end-to-end runner. */
    static void check(Lab lab) throws Exception {
        lab.createTable(TABLE);
        lab.refill(TABLE, EVENTS);
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        int code = new ProcessBuilder(
                        java,
                        "-Xmx128m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SmallHeap.class.getName(),
                        lab.url())
                .inheritIO()
                .start()
                .waitFor();
        long left = lab.number("SELECT count(*) FROM " + TABLE);
        System.out.println("CHECK small_heap exit code " + code + ", events left " + left);
        lab.execute("DROP TABLE " + TABLE);
    }

    /**
     * The process with the small heap.
     *
     * @param arguments the URL of the database
     * @throws Exception if it fails
     */
    public static void main(String[] arguments) throws Exception {
        try (Lab lab = Lab.at(arguments[0])) {
            ConnectionPool pool = lab.pool();
            R2dbcEventChannel events = Lab.channel(pool, TABLE, Duration.ZERO);
            Flux<Boolean> acks = Draining.acks(events.subscribe(Lab.CHANNEL)).take(EVENTS);
            acks.scan(0, (count, acked) -> count + 1)
                    .filter(count -> count % STEP == 0)
                    .doOnNext(SmallHeap::tellHeap)
                    .blockLast();
            events.shutdown().block();
            pool.dispose();
        }
        System.exit(0);
    }

    private static void tellHeap(int acked) {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        System.out.printf(
                "  %,d acknowledged, heap in use %d MB of %d MB%n",
                acked, (runtime.totalMemory() - runtime.freeMemory()) >> 20, runtime.maxMemory() >> 20);
    }
}
