package dev.reactiveevents.benchmarks;

import java.time.Duration;

/** One side of a comparison. */
interface Contestant extends AutoCloseable {

    /** Makes everything ready for a round; not timed. */
    default void prepare() {}

    /**
     * Works for about as long as the window, and answers what was measured.
     *
     * @param window how long
     * @return a rate per second, or a time, as the scenario says
     */
    double measure(Duration window);

    /** What was chosen, for the report. */
    default String choice() {
        return "";
    }

    @Override
    default void close() {}
}
