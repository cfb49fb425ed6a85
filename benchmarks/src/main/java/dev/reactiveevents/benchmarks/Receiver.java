package dev.reactiveevents.benchmarks;

import java.time.Duration;
import java.util.Arrays;

/**
 * The process that receives. Asked with a number, it waits until it has received so many; asked for the median, it answers how
 * many milliseconds they were on their way. What is received is not more than what is waited for.
 */
public final class Receiver {

    static final String MEDIAN = "median";

    private static final Duration LONGEST_SILENCE = Duration.ofSeconds(20);

    private Receiver() {}

    /**
     * The receiving process.
     *
     * @param arguments the URL of the database, the kind of the way, the table
     * @throws Exception if it fails
     */
    public static void main(String[] arguments) throws Exception {
        Arrivals arrivals = new Arrivals();
        try (Lab lab = Lab.at(arguments[0]);
                Way way = Way.Kind.valueOf(arguments[1]).open(lab, arguments[2])) {
            way.receive(parcel -> arrivals.add(parcel.millisOnItsWay()), OtherProcess::sayReady);
            OtherProcess.answer(question -> Double.toString(
                    question.equals(MEDIAN) ? arrivals.median() : arrivals.await(Integer.parseInt(question))));
        }
        System.exit(0);
    }

    /**
     * How long each was on its way. Millions in a round, as plain numbers: as objects they would cost more to keep than some
     * of them cost to receive.
     */
    private static final class Arrivals {

        private double[] millis = new double[1 << 20];
        private int received;
        private int asked;
        private int awaited = Integer.MAX_VALUE;

        synchronized void add(double millisOnItsWay) {
            if (received == millis.length) {
                millis = Arrays.copyOf(millis, 2 * received);
            }
            millis[received++] = millisOnItsWay;
            if (received == awaited) {
                notifyAll();
            }
        }

        /** Waits for so many since the last question, and answers how many there are. */
        synchronized int await(int count) {
            awaited = count;
            int before = received;
            long silentUntil = System.nanoTime() + LONGEST_SILENCE.toNanos();
            while (received < count) {
                pause();
                if (received > before) {
                    before = received;
                    silentUntil = System.nanoTime() + LONGEST_SILENCE.toNanos();
                } else if (System.nanoTime() - silentUntil >= 0) {
                    throw new IllegalStateException(received + " of " + count + " parcels arrived, and then no more.");
                }
            }
            awaited = Integer.MAX_VALUE;
            asked = count;
            received = 0;
            return count;
        }

        /** Of those that were waited for last. */
        synchronized double median() {
            return Comparison.median(Arrays.stream(millis, 0, asked).boxed().toList());
        }

        private void pause() {
            try {
                wait(LONGEST_SILENCE.toMillis());
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
