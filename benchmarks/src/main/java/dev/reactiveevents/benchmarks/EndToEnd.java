package dev.reactiveevents.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Compares this library with the bare driver, with peers and with itself, side by side: {@code EndToEnd [name…] [--url
 * r2dbc:postgresql://…] [--json file]}. Without names it runs everything. A given database gets tables named
 * {@code bench_…}, which are dropped.
 */
public final class EndToEnd {

    private EndToEnd() {}

    /**
     * Runs what is named.
     *
     * @param arguments names of scenarios and options
     * @throws Exception if something fails
     */
    public static void main(String[] arguments) throws Exception {
        List<String> names = new ArrayList<>();
        String url = null;
        Path json = Path.of("end-to-end.json");
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--url" -> url = arguments[++i];
                case "--json" -> json = Path.of(arguments[++i]);
                default -> names.add(arguments[i]);
            }
        }
        run(chosen(names), url, json);
        System.exit(0);
    }

    private static List<Scenario> chosen(List<String> names) {
        List<Scenario> all = Scenarios.all();
        List<String> known = all.stream().map(Scenario::name).toList();
        names.stream().filter(name -> !known.contains(name)).findFirst().ifPresent(unknown -> {
            System.err.println("There is no scenario \"" + unknown + "\"; known are " + String.join(", ", known) + ".");
            System.exit(2);
        });
        return all.stream()
                .filter(scenario -> names.isEmpty() || names.contains(scenario.name()))
                .toList();
    }

    private static void run(List<Scenario> scenarios, String url, Path json) throws Exception {
        try (Lab lab = Lab.at(url)) {
            System.out.println(lab.conditions());
            List<Comparison> comparisons = new ArrayList<>();
            for (Scenario scenario : scenarios) {
                comparisons.add(Comparison.run(scenario, lab));
            }
            report(new Report(lab.conditions(), comparisons), json);
        }
    }

    private static void report(Report report, Path json) throws IOException {
        report.printTable();
        report.write(json);
        report.printRatios();
    }
}
