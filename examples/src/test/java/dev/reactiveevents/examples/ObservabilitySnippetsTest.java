package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.micrometer.EventMeters;
import dev.reactiveevents.micrometer.EventObservations;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.micrometer.common.docs.KeyName;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

class ObservabilitySnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Path PAGE = Path.of("..", "docs", "observability.md");

    private final ConnectionFactory database =
            ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    @Test
    void aRunIsSeen() {
        ObservationRegistry observations = ObservabilitySnippets.timed(meters);
        R2dbcEventChannel events = ObservabilitySnippets.observed(database, observations, meters);
        EventSchema.of(events).migrate().block(LIMIT);
        Disposable gauges = ObservabilitySnippets.gauges(events, meters);
        ObservabilitySnippets.publish(events).block(LIMIT);
        assertThat(ObservabilitySnippets.subscribe(events).blockFirst(LIMIT)).isTrue();

        assertThat(meters.get("events.publish").counter().count()).isEqualTo(1);
        assertThat(meters.get("events.ack").counter().count()).isEqualTo(1);
        assertThat(meters.get("events.publish.duration").timer().count()).isEqualTo(1);
        assertThat(ObservabilitySnippets.isIdle(events)).isTrue();
        gauges.dispose();
        events.shutdown().block(LIMIT);
    }

    @Test
    void whatTravelsIsInTheMetadata() {
        R2dbcEventChannel events = ObservabilitySnippets.observed(database, ObservationRegistry.NOOP, meters);
        EventSchema.of(events).migrate().block(LIMIT);
        ObservabilitySnippets.publish(events).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        message.ack().block(LIMIT); // a shutdown would wait for it

        assertThat(message.metadata()).containsEntry(EventContext.CORRELATION_ID, "request-7");
        events.shutdown().block(LIMIT);
    }

    @Test
    void aConventionIsReplaced() {
        ObservationRegistry observations = ObservabilitySnippets.timed(meters);
        R2dbcEventChannel events = R2dbcEventChannel.builder(database)
                .observer(ObservabilitySnippets.renamed(observations, meters))
                .build();
        EventSchema.of(events).migrate().block(LIMIT);
        events.listen("orders", ObservabilitySnippets::handle);
        ObservabilitySnippets.publish(events).block(LIMIT);
        Mono.fromSupplier(() -> events.snapshot().totals().acked())
                .filter(acked -> acked == 1)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);
        events.shutdown().block(LIMIT);

        assertThat(meters.find("events.process.duration").timers())
                .singleElement()
                .satisfies(timer -> assertThat(timer.getId().getTag("type")).isEqualTo("null"));
    }

    // == The tables of the page are those of the enums ==

    @Test
    void thePageListsEveryMeter() throws IOException {
        List<String> documented = Stream.of(EventMeters.values())
                .map(meter -> row(
                        meter.getName(), meter.getType().name().toLowerCase(Locale.ROOT), keys(meter.getKeyNames())))
                .toList();

        assertThat(rows("counter", "timer", "gauge")).containsExactlyElementsOf(documented);
    }

    @Test
    void thePageListsEveryObservation() throws IOException {
        List<String> documented = Stream.of(EventObservations.values())
                .map(each -> row(
                        each.getContextualName(),
                        "`" + each.getName() + "`",
                        keys(each.getLowCardinalityKeyNames()),
                        keys(each.getHighCardinalityKeyNames())))
                .toList();

        assertThat(rows(Stream.of(EventObservations.values())
                        .map(each -> "`" + each.getName() + "`")
                        .toArray(String[]::new)))
                .containsExactlyElementsOf(documented);
    }

    private static String row(String name, String... cells) {
        return "| `" + name + "` | " + String.join(" | ", cells) + " |";
    }

    private static String keys(KeyName... names) {
        return Stream.of(names).map(name -> "`" + name.asString() + "`").collect(Collectors.joining(", "));
    }

    /** The rows whose second cell is one of these, without their last cell, which is prose. */
    private static List<String> rows(String... seconds) throws IOException {
        return Files.readAllLines(PAGE).stream()
                .filter(line -> Stream.of(seconds).anyMatch(second -> line.contains("` | " + second + " | ")))
                .map(line -> line.replaceFirst("[^|]*\\|$", ""))
                .toList();
    }
}
