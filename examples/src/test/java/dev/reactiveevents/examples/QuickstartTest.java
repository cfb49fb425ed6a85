package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

@ResourceLock(Resources.SYSTEM_OUT)
class QuickstartTest {

    @Test
    void itRunsOnH2InMemory() {
        assertRuns("H2");
    }

    /** On the server of the environment, as the tests of the other modules, or else on one of its own. */
    @Test
    void itRunsOnPostgres() throws IOException {
        String given = System.getenv("REACTIVE_EVENTS_POSTGRES_URL");
        if (given != null && !given.isBlank()) {
            assertRuns("PostgreSQL", given);
            return;
        }
        try (EmbeddedPostgres server = EmbeddedPostgres.start()) {
            assertRuns("PostgreSQL", "r2dbc:postgresql://postgres@localhost:" + server.getPort() + "/postgres");
        }
    }

    private static void assertRuns(String database, String... arguments) {
        String told = outputOf(() -> Quickstart.main(arguments));

        assertThat(told).contains("Table queue on " + database);
        assertThat(told.lines().filter(line -> line.contains(" published order ")))
                .hasSize(10);
        assertThat(told.lines().filter(line -> line.contains(" received order ")))
                .hasSize(11);
        assertThat(told.lines().filter(line -> line.contains(" nacked order "))).hasSize(1);
        assertThat(told.lines().filter(line -> line.contains(" acked order "))).hasSize(10);
        assertThat(told)
                .contains("10 events published, 11 deliveries (one was nacked), 10 acks.", "In the table: 10 acked.");
    }

    private static String outputOf(Runnable program) {
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            program.run();
        } finally {
            System.setOut(before);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }
}
