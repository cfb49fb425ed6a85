package dev.reactiveevents.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Compares this library with the bare driver, with peers and with itself, side by side: {@code EndToEnd [name…] [--database
 * postgresql|mariadb|mysql] [--url r2dbc:…] [--json file]}. Without names it runs everything that there is for the database.
 * A given database gets tables named {@code bench_…}, which are dropped.
 */
public final class EndToEnd {

    /** What is measured without a reference. */
    private interface Check {
        void run(Lab lab) throws Exception;
    }

    private static final Map<String, Check> CHECKS =
            new TreeMap<>(Map.of("small_heap", SmallHeap::check, "idle_subscriptions", IdleSubscriptions::check));

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
        String database = "postgresql";
        Path json = Path.of("end-to-end.json");
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--database" -> database = arguments[++i];
                case "--url" -> url = arguments[++i];
                case "--json" -> json = Path.of(arguments[++i]);
                default -> names.add(arguments[i]);
            }
        }
        switch (database) {
            case "postgresql" -> {
                List<String> known = new ArrayList<>(CHECKS.keySet());
                Scenarios.all().forEach(scenario -> known.add(scenario.name()));
                requireKnown(names, known);
                run(names, url, json);
            }
            case "mariadb", "mysql" -> {
                requireKnown(names, MySqlScenarios.names(database));
                runOnMySql(database, names, url, json);
            }
            default -> {
                System.err.println("There is no database \"" + database + "\"; give postgresql, mariadb or mysql.");
                System.exit(2);
            }
        }
        System.exit(0);
    }

    private static void requireKnown(List<String> names, List<String> known) {
        names.stream().filter(name -> !known.contains(name)).findFirst().ifPresent(unknown -> {
            System.err.println("There is no scenario \"" + unknown + "\"; known are " + String.join(", ", known) + ".");
            System.exit(2);
        });
    }

    private static void run(List<String> names, String url, Path json) throws Exception {
        try (Lab lab = Lab.at(url)) {
            System.out.println(lab.conditions());
            List<Comparison> comparisons = new ArrayList<>();
            for (Scenario scenario : Scenarios.all()) {
                if (names.isEmpty() || names.contains(scenario.name())) {
                    comparisons.add(Comparison.run(scenario, lab));
                }
            }
            for (Map.Entry<String, Check> check : CHECKS.entrySet()) {
                if (names.isEmpty() || names.contains(check.getKey())) {
                    check.getValue().run(lab);
                }
            }
            report(new Report(lab.conditions(), comparisons), json);
        }
    }

    private static void runOnMySql(String database, List<String> names, String url, Path json) throws Exception {
        try (MySqlLab lab = MySqlLab.at(database, url)) {
            System.out.println(lab.conditions());
            List<Comparison> comparisons = new ArrayList<>();
            for (Scenario scenario : MySqlScenarios.all(database, lab)) {
                if (names.isEmpty() || names.contains(scenario.name())) {
                    comparisons.add(Comparison.run(scenario, null));
                }
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
