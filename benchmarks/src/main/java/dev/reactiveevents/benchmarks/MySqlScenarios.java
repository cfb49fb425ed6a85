package dev.reactiveevents.benchmarks;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** What is compared on MariaDB and MySQL, and the marks. Names begin with the database. */
final class MySqlScenarios {

    private static final String OURS = "bench_ours";
    private static final String REFERENCE = "bench_reference";

    /** A janitor that removed what is kept would be measured with it. */
    private static final Duration KEPT = Duration.ofDays(1);

    private static final int STORED = 200_000;
    private static final int GREAT = 200_000;
    private static final int SMALL_BACKLOG = 20_000;
    private static final int CALLERS = 64;

    private MySqlScenarios() {}

    static List<String> names(String database) {
        return Stream.of("drain_vs_bare", "flat_backlog", "flat_retained", "publish_calls_vs_bare")
                .map(name -> database + "_" + name)
                .toList();
    }

    static List<Scenario> all(String database, MySqlLab lab) {
        List<String> names = names(database);
        return List.of(
                Scenario.rate(
                        names.get(0),
                        "consume and ack stored events / lock, lease and delete by hand",
                        0.8,
                        ignored -> new MySqlDraining(lab, OURS, Duration.ZERO, stored(lab)),
                        ignored -> new MySqlBareDrain(lab, REFERENCE, stored(lab))),
                Scenario.rate(
                        names.get(1),
                        "drain with 200,000 events waiting / fills of 20,000, only the draining timed",
                        0.8,
                        ignored -> new MySqlDraining(lab, OURS, Duration.ZERO, topUp(lab)),
                        ignored -> new MySqlDraining(
                                        lab, REFERENCE, Duration.ZERO, table -> lab.refill(table, SMALL_BACKLOG))
                                .againAndAgain()),
                Scenario.rate(
                        names.get(2),
                        "drain beside 200,000 acked rows / with none but those of the drain, which are kept on both sides",
                        0.8,
                        ignored -> new MySqlDraining(lab, OURS, KEPT, besideAcked(lab)),
                        ignored -> new MySqlDraining(lab, REFERENCE, KEPT, stored(lab))),
                Scenario.rate(
                        names.get(3),
                        CALLERS + " callers, one publish after the other each / one INSERT a call, pool of 10",
                        1.5,
                        ignored -> MySqlPublishing.ours(lab, OURS, CALLERS),
                        ignored -> MySqlPublishing.bare(lab, REFERENCE, CALLERS)));
    }

    private static Consumer<String> stored(MySqlLab lab) {
        return table -> lab.refill(table, STORED);
    }

    private static Consumer<String> topUp(MySqlLab lab) {
        return table -> {
            int missing = GREAT - (int) lab.number("SELECT count(*) FROM " + table);
            if (missing > 0) {
                lab.add(table, missing);
            }
        };
    }

    private static Consumer<String> besideAcked(MySqlLab lab) {
        return table -> {
            lab.execute("TRUNCATE TABLE " + table);
            lab.addAcked(table, GREAT);
            lab.add(table, STORED);
        };
    }
}
