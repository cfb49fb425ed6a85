package dev.reactiveevents.benchmarks;

import java.util.function.Function;

/**
 * Two contestants and what their ratio must reach.
 *
 * @param name the name of the ratio
 * @param work what is done
 * @param unit what is measured
 * @param smallerIsBetter whether it is a time, not a rate
 * @param mark what the ratio must reach
 * @param ours makes the side that stands above the line
 * @param reference makes the side below it
 */
record Scenario(
        String name,
        String work,
        String unit,
        boolean smallerIsBetter,
        double mark,
        Function<Lab, Contestant> ours,
        Function<Lab, Contestant> reference) {

    static Scenario rate(
            String name,
            String work,
            double mark,
            Function<Lab, Contestant> ours,
            Function<Lab, Contestant> reference) {
        return new Scenario(name, work, "events/s", false, mark, ours, reference);
    }

    static Scenario time(
            String name,
            String work,
            double mark,
            Function<Lab, Contestant> ours,
            Function<Lab, Contestant> reference) {
        return new Scenario(name, work, "ms", true, mark, ours, reference);
    }
}
