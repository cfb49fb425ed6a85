package dev.reactiveevents.r2dbc;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** What is logged while it is open, of which the tests' logger makes lines of System.err. For tests that run alone. */
final class LoggedLines implements AutoCloseable {

    private final PrintStream before = System.err;
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    LoggedLines() {
        System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
    }

    /** Lines of this level that contain this. */
    List<String> of(String level, String text) {
        return written.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.contains(level) && line.contains(text))
                .toList();
    }

    void await(String level, String text) {
        Mono.fromSupplier(() -> of(level, text))
                .filter(lines -> !lines.isEmpty())
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                .subscribeOn(Schedulers.boundedElastic())
                .block(Duration.ofSeconds(60));
    }

    @Override
    public void close() {
        System.setErr(before);
        before.print(written.toString(StandardCharsets.UTF_8));
    }
}
