package dev.reactiveevents.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** What is printed and written when all has run. */
record Report(String conditions, List<Comparison> comparisons) {

    void printTable() {
        System.out.printf("%n%s%n", conditions);
        System.out.printf(
                "%-27s %-9s %30s %30s %7s %5s%n",
                "name", "unit", "ours: median (min-max)", "reference", "ratio", "mark");
        for (Comparison comparison : comparisons) {
            Scenario scenario = comparison.scenario();
            System.out.printf(
                    "%-27s %-9s %30s %30s %7s %5s %s%n",
                    scenario.name(),
                    scenario.unit(),
                    spread(comparison, comparison.ours()),
                    spread(comparison, comparison.reference()),
                    ratio(comparison),
                    scenario.mark(),
                    comparison.choice());
        }
    }

    private static String spread(Comparison comparison, List<Double> values) {
        return comparison.format(Comparison.median(values)) + " (" + comparison.format(Collections.min(values)) + "-"
                + comparison.format(Collections.max(values)) + ")";
    }

    void printRatios() {
        comparisons.forEach(comparison ->
                System.out.println("RATIO " + comparison.scenario().name() + " " + ratio(comparison)));
    }

    private static String ratio(Comparison comparison) {
        return String.format(Locale.ROOT, "%.2f", comparison.ratio());
    }

    void write(Path file) throws IOException {
        Files.writeString(
                file,
                JsonMapper.builder()
                        .build()
                        .writerWithDefaultPrettyPrinter()
                        .writeValueAsString(Map.of(
                                "conditions",
                                conditions,
                                "results",
                                comparisons.stream().map(Report::asMap).toList())));
    }

    private static Map<String, Object> asMap(Comparison comparison) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("name", comparison.scenario().name());
        result.put("work", comparison.scenario().work());
        result.put("unit", comparison.scenario().unit());
        result.put("ours", comparison.ours());
        result.put("reference", comparison.reference());
        result.put("choice", comparison.choice());
        result.put("ratio", comparison.ratio());
        result.put("mark", comparison.scenario().mark());
        return result;
    }
}
