package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Flux;

class SnippetsTest {

    private static final Path ROOT = Path.of("..");
    private static final Pattern JAVA_BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Duration LIMIT = Duration.ofSeconds(30);

    // == The pages show what is compiled here ==

    static Stream<Path> pages() throws IOException {
        try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            return Stream.concat(Stream.of(ROOT.resolve("README.md")), docs.toList().stream());
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void javaInThePagesIsCompiled(Path page) throws IOException {
        String compiled = compiledSources();
        List<String> blocks = JAVA_BLOCK
                .matcher(Files.readString(page))
                .results()
                .map((MatchResult block) -> normalised(block.group(1)))
                .toList();

        assertThat(blocks).allSatisfy(block -> assertThat(compiled).contains(block));
    }

    @ParameterizedTest
    @CsvSource({
        "README.md, 3",
        "docs/dead-letters.md, 3",
        "docs/handlers.md, 3",
        "docs/order.md, 3",
        "docs/retries.md, 3",
        "docs/transactions.md, 2"
    })
    void thereAreBlocksToCompare(String page, int least) throws IOException {
        assertThat(JAVA_BLOCK.matcher(Files.readString(ROOT.resolve(page))).results())
                .hasSizeGreaterThanOrEqualTo(least);
    }

    private static String compiledSources() throws IOException {
        try (Stream<Path> here = Files.walk(Path.of("src"));
                Stream<Path> kafka = Files.walk(ROOT.resolve("examples-kafka").resolve("src"));
                Stream<Path> webflux =
                        Files.walk(ROOT.resolve("examples-webflux").resolve("src"))) {
            return Stream.of(here, kafka, webflux)
                    .flatMap(sources -> sources)
                    .filter(path -> path.toString().endsWith(".java"))
                    .map(SnippetsTest::read)
                    .map(SnippetsTest::normalised)
                    .collect(Collectors.joining("\n"));
        }
    }

    private static String read(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static String normalised(String code) {
        return code.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(Collectors.joining("\n"));
    }

    // == And what is compiled here works ==

    private R2dbcEventChannel events;
    private Snippets snippets;

    @BeforeEach
    void open() {
        events = Snippets.open();
        snippets = new Snippets(events);
    }

    /** The database outlives its connections: what one test left, the next one would receive. */
    @AfterEach
    void end() {
        EventSchema.of(events).drop().block(LIMIT);
        Snippets.end(events);
    }

    @Test
    void publishedEventsAreReceived() {
        String id = snippets.publish().block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);

        assertThat(message).isNotNull();
        assertThat(message.eventId()).isEqualTo(id);
        assertThat(Snippets.read(message)).startsWith("42anna2{");
        assertThat(message.ack().block(LIMIT)).isTrue();
    }

    @Test
    void moreIsSaidAndManyArePublished() {
        String first = snippets.sayMore().block(LIMIT);
        assertThat(snippets.sayMore().block(LIMIT)).isEqualTo(first);
        List<Event> three = List.of(Event.of("many", 1), Event.of("many", 2), Event.of("many", 3));
        assertThat(snippets.publishMany(three, Flux.fromIterable(three))
                        .collectList()
                        .block(LIMIT))
                .hasSize(6)
                .doesNotHaveDuplicates();
        assertThat(snippets.publishSafely(Event.of("many", 4)).block(LIMIT)).isNotNull();
    }

    @Test
    void theSnapshotIsRead() {
        assertThat(Snippets.isHealthy(events)).isTrue();
    }

    @Test
    void theSchemaIsThere() {
        assertThat(Snippets.schema(events)).containsIgnoringCase("CREATE TABLE");
    }
}
