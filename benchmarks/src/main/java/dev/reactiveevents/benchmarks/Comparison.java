package dev.reactiveevents.benchmarks;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A scenario and what came of its rounds. */
final class Comparison {

    private static final Duration WINDOW = Duration.ofSeconds(5);
    private static final int LEAST_WARM_UP = 2;
    private static final int MOST_WARM_UP = 10;
    /** The JVM is warm once its compilers took less time than this in a round. */
    private static final long COMPILED_MILLIS = WINDOW.toMillis() / 10;

    private static final int ROUNDS = 3;

    private final Scenario scenario;
    private final List<Double> ours = new ArrayList<>();
    private final List<Double> reference = new ArrayList<>();
    private String choice = "";

    private Comparison(Scenario scenario) {
        this.scenario = scenario;
    }

    /** Rounds to warm up, as many as the JVM needs to compile what runs often, then those that count; both in turn. */
    static Comparison run(Scenario scenario, Lab lab) throws Exception {
        Comparison comparison = new Comparison(scenario);
        System.out.printf("%n%s: %s%n", scenario.name(), scenario.work());
        try (Contestant ours = scenario.ours().apply(lab);
                Contestant reference = scenario.reference().apply(lab)) {
            comparison.warmUp(ours, reference);
            for (int round = 1; round <= ROUNDS; round++) {
                comparison.round("round " + round, ours, comparison.ours, reference, comparison.reference);
            }
            comparison.choice = reference.choice();
        }
        return comparison;
    }

    private void warmUp(Contestant ours, Contestant reference) {
        long spent = Long.MAX_VALUE;
        for (int round = 1; round <= LEAST_WARM_UP || round <= MOST_WARM_UP && spent > COMPILED_MILLIS; round++) {
            long before = compilationMillis();
            round("warm-up", ours, new ArrayList<>(), reference, new ArrayList<>());
            spent = compilationMillis() - before;
            System.out.printf("           (%,d ms of compilation)%n", spent);
        }
    }

    /** Of this process alone. */
    private static long compilationMillis() {
        return ManagementFactory.getCompilationMXBean().getTotalCompilationTime();
    }

    private void round(
            String label, Contestant ours, List<Double> oursInto, Contestant reference, List<Double> referenceInto) {
        oursInto.add(measure(ours));
        referenceInto.add(measure(reference));
        System.out.printf(
                "  %-8s ours %s, reference %s%n",
                label, format(oursInto.get(oursInto.size() - 1)), format(referenceInto.get(referenceInto.size() - 1)));
    }

    private static double measure(Contestant contestant) {
        contestant.prepare();
        return contestant.measure(WINDOW);
    }

    double ratio() {
        double ratio = median(ours) / median(reference);
        return scenario.smallerIsBetter() ? 1 / ratio : ratio;
    }

    Scenario scenario() {
        return scenario;
    }

    String choice() {
        return choice;
    }

    List<Double> ours() {
        return ours;
    }

    List<Double> reference() {
        return reference;
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    String format(double value) {
        return String.format(Locale.ROOT, value < 1_000 ? "%.3f" : "%,.0f", value);
    }
}
