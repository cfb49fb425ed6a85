package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.spi.ClaimedEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import tools.jackson.databind.json.JsonMapper;

class RouterTest {

    private static final PayloadCodec CODEC =
            new PayloadCodec(JsonMapper.builder().build());

    private final List<String> ran = new ArrayList<>();

    private EventHandler noting(String name) {
        return message -> Mono.fromRunnable(() -> ran.add(name));
    }

    private EventRouter routes(String... patterns) {
        EventRouter router = new EventRouter();
        for (String pattern : patterns) {
            router.on(pattern, noting(pattern));
        }
        return router;
    }

    private static EventMessage event(@Nullable String type, String payload) {
        Instant now = Instant.EPOCH;
        return new BroadcastMessage(
                new ClaimedEvent(TimeOrderedIds.next(), "orders", type, null, payload, null, 1, now, now, now),
                CODEC,
                "broadcast");
    }

    private List<String> handledBy(EventRouter router, @Nullable String type) {
        ran.clear();
        router.handle(event(type, "1")).block();
        return ran;
    }

    // == Patterns ==

    @ParameterizedTest
    @CsvSource({
        "order.placed,           order.placed",
        "order.line.added,       order.**",
        "order.paid,             order.*",
        "order,                  order.**",
        "order.line.cancelled,   order.*.cancelled",
        "order.item.cancelled,   order.*.cancelled",
        "order.item.cancelled.x, order.**",
        "invoice.placed,         *.placed",
        "invoice.paid,           **",
        "invoice,                **",
        "a.b.c.d.e,              a.*.c.**",
        "a.b.c,                  a.*.c.**",
        "a.b.x.d,                a.b.*.d",
        "a.b.c.d,                a.b.*.d",
        "a.b,                    a.b",
        "a..b,                   **",
        "order.,                 order.*",
        ".placed,                *.placed",
    })
    void theMostSpecificPatternWins(String type, String pattern) {
        String[] patterns = {
            "**", "*.placed", "order.**", "order.*", "order.placed", "order.*.cancelled", "a.*.c.**", "a.b.*.d", "a.b"
        };
        assertThat(handledBy(routes(patterns), type)).containsExactly(pattern);
        Collections.reverse(Arrays.asList(patterns));
        assertThat(handledBy(routes(patterns), type))
                .as("registered the other way round")
                .containsExactly(pattern);
    }

    @Test
    void aNameThatLeadsNowhereDoesNotHideAStar() {
        assertThat(handledBy(routes("a.b.c", "a.*.d"), "a.b.d")).containsExactly("a.*.d");
        assertThat(handledBy(routes("a.b.c", "*.b.d", "**"), "a.b.d")).containsExactly("*.b.d");
    }

    @Test
    void anEventWithoutATypeIsMatchedByTheRestAlone() {
        assertThat(handledBy(routes("*", "**"), null)).containsExactly("**");
        StepVerifier.create(routes("*").handle(event(null, "1"))).verifyError();
    }

    /** Against the plainest thing that can be right: look at all patterns, compare them segment by segment. */
    @Test
    void theTreeFindsWhatALookAtAllPatternsFinds() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            String[] patterns = IntStream.range(0, 1 + random.nextInt(12))
                    .mapToObj(i -> randomPattern(random))
                    .distinct()
                    .toArray(String[]::new);
            EventRouter router = routes(patterns).otherwise(noting("otherwise"));
            for (int i = 0; i < 20; i++) {
                String type = randomType(random);
                assertThat(handledBy(router, type))
                        .as("seed %d, %s among %s", seed, type, List.of(patterns))
                        .containsExactly(plainly(patterns, type));
            }
        }
    }

    private static String randomType(Random random) {
        return String.join(".", segments(random, "a", "b", "c"));
    }

    private static String randomPattern(Random random) {
        List<String> segments = new ArrayList<>(segments(random, "a", "b", "*"));
        if (random.nextInt(3) == 0) {
            segments.add("**");
        }
        return String.join(".", segments);
    }

    private static List<String> segments(Random random, String... names) {
        return IntStream.range(0, 1 + random.nextInt(4))
                .mapToObj(i -> names[random.nextInt(names.length)])
                .toList();
    }

    private static String plainly(String[] patterns, String type) {
        Map<String, String> byRank = new TreeMap<>();
        for (String pattern : patterns) {
            String regex = ("." + pattern)
                    .replace(".**", "(?:!.+)?")
                    .replace(".*", "\\.[^.]*")
                    .replace("!.+", "\\..*")
                    .replaceAll("\\.([abc])", "\\\\.$1");
            if (("." + type).matches(regex)) {
                byRank.put(rank(pattern), pattern);
            }
        }
        return byRank.isEmpty() ? "otherwise" : byRank.values().iterator().next();
    }

    /** Sorts as the patterns do: a name before any, any before the rest. */
    private static String rank(String pattern) {
        StringBuilder rank = new StringBuilder();
        for (String segment : pattern.split("\\.")) {
            rank.append(segment.equals("**") ? '3' : segment.equals("*") ? '2' : '1');
        }
        return rank.append(pattern.endsWith("**") ? "" : "0").toString();
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", ".", "a.", ".a", "a..b", "a*", "a.b*", "**.a", "a.**.b", "***", "a. .b"})
    void badPatternsAreRefused(@Nullable String pattern) {
        assertRefused(() -> new EventRouter().on(pattern, noting("never")));
    }

    private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(EventException.Invalid.class);
    }

    // == Handlers ==

    @Test
    void allHandlersOfTheWinningPatternRunInTheirOrderAndNoOthers() {
        EventRouter router = new EventRouter()
                .on("order.placed", noting("first"))
                .on("order.*", noting("less specific"))
                .on("order.placed", noting("second"))
                .on("order.placed", noting("third"));

        assertThat(handledBy(router, "order.placed")).containsExactly("first", "second", "third");
    }

    @Test
    void theOthersRunAlsoIfOneFailsAndTheFirstFailureIsTold() {
        EventRouter router = new EventRouter()
                .on("order.placed", message -> Mono.error(new IllegalStateException("first")))
                .on("order.placed", message -> {
                    throw new IllegalArgumentException("second");
                })
                .on("order.placed", noting("third"));

        StepVerifier.create(router.handle(event("order.placed", "1")))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(IllegalStateException.class)
                        .satisfies(first -> assertThat(first.getSuppressed()).hasSize(1)));
        assertThat(ran).containsExactly("third");
    }

    /** Thrown up the thread that ended the first handler, it would reach nobody who could end the handling. */
    @Test
    void anErrorThatIsThrownByALaterHandlerIsTold() {
        Sinks.Empty<Void> first = Sinks.empty();
        Error missing = new NoClassDefFoundError("missing");
        EventRouter router = new EventRouter()
                .on("order.placed", message -> first.asMono())
                .on("order.placed", message -> {
                    throw missing;
                })
                .on("order.placed", noting("third"));

        StepVerifier.create(router.handle(event("order.placed", "1")))
                .then(first::tryEmitEmpty)
                .verifyErrorSatisfies(error -> assertThat(error).isSameAs(missing));
        assertThat(ran).containsExactly("third");
    }

    @Test
    @SuppressWarnings("NullAway")
    void oneThatAnswersNullFailsAndTheOthersRun() {
        EventRouter router =
                new EventRouter().on("order.placed", message -> null).on("order.placed", noting("second"));

        StepVerifier.create(router.handle(event("order.placed", "1")))
                .verifyErrorSatisfies(error -> assertThat(error).hasMessageContaining("answered null"));
        assertThat(ran).containsExactly("second");
    }

    @Test
    void aFailureThatIsTheSameForEachEventDoesNotGrowByTheOthers() {
        Throwable always = new IllegalStateException("always");
        Throwable alwaysToo = new IllegalStateException("always, too");
        EventRouter router = new EventRouter()
                .on("order.placed", message -> Mono.error(always))
                .on("order.placed", message -> Mono.error(alwaysToo))
                .on("order.placed", message -> Mono.error(new IllegalArgumentException("a new one each time")));
        for (int i = 0; i < 100; i++) {
            StepVerifier.create(router.handle(event("order.placed", "1")))
                    .verifyErrorSatisfies(error -> assertThat(error).isSameAs(always));
        }

        assertThat(always.getSuppressed()).hasSizeLessThan(20).containsOnlyOnce(alwaysToo);
    }

    @Test
    void aTypedHandlerGetsThePayload() {
        EventRouter router = new EventRouter().on("order.placed", Integer.class, (number, message) -> {
            ran.add(message.type() + number);
            return Mono.empty();
        });
        router.handle(event("order.placed", "42")).block();

        assertThat(ran).containsExactly("order.placed42");
        assertThatThrownBy(
                        () -> router.handle(event("order.placed", "\"text\"")).block())
                .isInstanceOf(EventException.Undecodable.class);
    }

    @Test
    void whatNothingMatchesGoesToOtherwise() {
        EventRouter router = routes("order.*").otherwise(noting("otherwise"));

        assertThat(handledBy(router, "invoice")).containsExactly("otherwise");
        assertThat(handledBy(router, null)).containsExactly("otherwise");
        assertThat(handledBy(router, "order.placed")).containsExactly("order.*");
    }

    @Test
    void onABroadcastWhatNothingMatchesFailsWithTheReason() {
        StepVerifier.create(routes("order.*").handle(event("invoice.paid", "1")))
                .verifyErrorSatisfies(error -> assertThat(error).hasMessageContaining("\"invoice.paid\""));
    }

    // == Including ==

    @Test
    void anIncludedRoutersPatternsStandBehindThePrefix() {
        EventRouter router = routes("billing.eu.paid", "**").include("billing.eu", routes("*", "*.failed", "**"));

        assertThat(handledBy(router, "billing.eu.paid")).containsExactly("billing.eu.paid");
        assertThat(handledBy(router, "billing.eu.due")).containsExactly("*");
        assertThat(handledBy(router, "billing.eu.card.failed")).containsExactly("*.failed");
        assertThat(handledBy(router, "billing.eu")).containsExactly("**");
        assertThat(handledBy(router, "paid")).containsExactly("**");
    }

    @Test
    void handlersOfTheSamePatternFromBothRoutersRun() {
        EventRouter included = new EventRouter().on("paid", noting("included"));
        EventRouter router = new EventRouter().on("billing.paid", noting("own")).include("billing", included);

        assertThat(handledBy(router, "billing.paid")).containsExactly("own", "included");
    }

    @Test
    void anIncludedOtherwiseIsForItsPrefixAlone() {
        EventRouter included = routes("paid").otherwise(noting("billing's otherwise"));
        EventRouter router = routes("**").include("billing", included);

        assertThat(handledBy(router, "billing.paid")).containsExactly("paid");
        assertThat(handledBy(router, "billing.due")).containsExactly("billing's otherwise");
        assertThat(handledBy(router, "shipping.due")).containsExactly("**");
    }

    @Test
    void routersAreCompleteBeforeTheyAreUsed() {
        EventRouter included = routes("paid");
        EventRouter router = routes("order.*").include("billing", included);
        assertRefused(() -> included.on("late", noting("late")));
        handledBy(router, "order.placed");

        assertRefused(() -> router.on("late", noting("late")));
        assertRefused(() -> router.otherwise(noting("late")));
        assertRefused(() -> router.include("late", new EventRouter()));
    }

    @Test
    @SuppressWarnings("NullAway")
    void badRoutesAreRefused() {
        EventRouter router = new EventRouter();
        assertRefused(() -> router.include("billing", router));
        assertRefused(() -> router.include("billing.*", new EventRouter()));
        assertRefused(() -> router.include("", new EventRouter()));
        assertRefused(() -> router.include("billing", null));
        assertRefused(() -> router.on("a", null));
        assertRefused(() -> router.on("a", null, (payload, message) -> Mono.empty()));
        assertRefused(() -> router.on("a", String.class, null));
        assertRefused(() -> router.otherwise(null));
    }
}
