package dev.reactiveevents.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The process that receives. Asked with a number, it waits until it has received so many and answers how many milliseconds
 * they were on their way, by the median.
 */
public final class Receiver {

    private static final long LONGEST_SILENCE_SECONDS = 20;

    private Receiver() {}

    /**
     * The receiving process.
     *
     * @param arguments the URL of the database, the kind of the way, the table
     * @throws Exception if it fails
     */
    public static void main(String[] arguments) throws Exception {
        BlockingQueue<Double> latencies = new LinkedBlockingQueue<>();
        try (Lab lab = Lab.at(arguments[0]);
                Way way = Way.Kind.valueOf(arguments[1]).open(lab, arguments[2])) {
            way.receive(parcel -> latencies.add(parcel.millisOnItsWay()), OtherProcess::sayReady);
            OtherProcess.answer(count -> Double.toString(medianOf(Integer.parseInt(count), latencies)));
        }
        System.exit(0);
    }

    private static double medianOf(int count, BlockingQueue<Double> latencies) {
        List<Double> received = new ArrayList<>(count);
        while (received.size() < count) {
            received.add(next(latencies, received.size(), count));
        }
        return Comparison.median(received);
    }

    private static Double next(BlockingQueue<Double> latencies, int received, int count) {
        try {
            Double next = latencies.poll(LONGEST_SILENCE_SECONDS, TimeUnit.SECONDS);
            if (next == null) {
                throw new IllegalStateException(received + " of " + count + " parcels arrived, and then no more.");
            }
            return next;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
