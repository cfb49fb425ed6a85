package dev.reactiveevents.benchmarks;

import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/** Threads that work at the same time. */
final class Workers {

    /** What one of them does, and how much came of it. */
    interface Work {
        long run(int number) throws Exception;
    }

    private Workers() {}

    static long sum(int threads, Work work) {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Long>> results = IntStream.range(0, threads)
                    .mapToObj(number -> executor.submit(() -> work.run(number)))
                    .toList();
            long sum = 0;
            for (Future<Long> result : results) {
                sum += result.get();
            }
            return sum;
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        } finally {
            executor.shutdown();
        }
    }
}
