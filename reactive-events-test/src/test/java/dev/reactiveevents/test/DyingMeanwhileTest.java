package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import dev.reactiveevents.spi.StoreUpkeep;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** After each step that looks at dead letters or changes them, what lives dies at once, and as much again dies besides. */
class DyingMeanwhileTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final int MANY = 2_500;
    private static final String TYPE = "order.placed";
    private static final DeadLetterQuery ALL = DeadLetterQuery.oldest(Long.MAX_VALUE);
    private static final Set<String> STEPS = Set.of("requeueDead", "purgeDead", "findDead");

    private Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private Duration tick = Duration.ofNanos(1_000);
    private int steps;
    private final InMemoryBackend store = InMemoryBackend.create(this::tick, Duration.ofHours(1));

    private Instant tick() {
        now = now.plus(tick);
        return now;
    }

    private void killAll() {
        UUID token = UUID.randomUUID();
        Claim claim = new Claim(
                token, Duration.ofMinutes(1), false, List.of(new Claim.Request("orders", Integer.MAX_VALUE, 10)));
        List<Settlement> deaths = Objects.requireNonNull(store.claim(claim).block()).get(0).events().stream()
                .map(event -> death(event, token))
                .toList();
        store.settle(deaths).block();
    }

    private static Settlement death(ClaimedEvent event, UUID token) {
        return new Settlement(Outcome.DEAD, "orders", event.eventId(), token, Duration.ZERO, "dies");
    }

    private void publishToTheDead(int count) {
        List<NewEvent> events = Stream.generate(UUID::randomUUID)
                .limit(count)
                .map(id -> new NewEvent(id, true, "orders", TYPE, null, "1", null, Duration.ZERO, null))
                .toList();
        store.publish(events).block();
        killAll();
    }

    /** What never ends fails instead: all of this is on one thread, which no time limit stops. */
    private void step() {
        assertThat(++steps).as("steps").isLessThan(50);
        publishToTheDead(1_000);
    }

    private DeadLetters many() {
        publishToTheDead(MANY);
        ForwardingBackend deadly = new ForwardingBackend(store) {
            @Override
            public StoreUpkeep upkeep() {
                StoreUpkeep upkeep = super.upkeep();
                return (StoreUpkeep) Proxy.newProxyInstance(
                        getClass().getClassLoader(), new Class<?>[] {StoreUpkeep.class}, (proxy, method, arguments) -> {
                            Mono<?> answer = (Mono<?>) method.invoke(upkeep, arguments);
                            return STEPS.contains(method.getName()) ? answer.doOnNext(done -> step()) : answer;
                        });
            }
        };
        return EventChannels.over(deadly, ChannelOptions.defaults()).deadLetters("orders");
    }

    private static long await(Mono<Long> answer) {
        return Objects.requireNonNull(answer.block(LIMIT));
    }

    @Test
    void aRequeueEndsWithWhatWasDeadWhenItBegan() {
        assertThat(await(many().requeue(ALL))).isEqualTo(MANY);
    }

    @Test
    void soItDoesWhereAllDieInTheSameMoment() {
        tick = Duration.ZERO;
        assertThat(await(many().requeue(ALL))).isEqualTo(MANY);
    }

    @Test
    void soItDoesByType() {
        DeadLetters dead = many();
        assertThat(await(dead.requeue(ALL.withType(TYPE)))).isEqualTo(MANY);
        assertThat(await(dead.requeue(DeadLetterQuery.oldest(5).withType("another"))))
                .isZero();
    }

    @Test
    void soItDoesBackwards() {
        assertThat(await(many().requeue(DeadLetterQuery.latest(Long.MAX_VALUE))))
                .isEqualTo(MANY);
    }

    @Test
    void aPurgeEndsWithWhatWasDeadWhenItBegan() {
        assertThat(await(many().purge(ALL))).isEqualTo(MANY);
    }

    @Test
    void soItDoesAfterACursorAndBeforeATime() {
        DeadLetters dead = many();
        DeadLetter fifth =
                Objects.requireNonNull(dead.browse(DeadLetterQuery.oldest(5)).blockLast(LIMIT));
        assertThat(await(dead.purge(ALL.withDiedBefore(fifth.diedAt())))).isZero();
        assertThat(await(dead.purge(ALL.after(fifth.cursor()).withDiedBefore(now))))
                .isGreaterThanOrEqualTo(MANY - 5);
    }

    @Test
    void whoReadsThemComesToAnEnd() {
        assertThat(await(many().browse(ALL).count())).isEqualTo(MANY);
    }

    @Test
    void toCountSomeOfATypeThatThereIsNotComesToAnEnd() {
        assertThat(await(many().count(DeadLetterQuery.oldest(5).withType("another"))))
                .isZero();
    }

    /** One step is enough, which sees what is there. */
    @Test
    void aBoundedNumberIsWhatItWas() {
        DeadLetters dead = many();
        assertThat(await(dead.requeue(DeadLetterQuery.oldest(1_000)))).isEqualTo(1_000);
        assertThat(await(dead.requeue(DeadLetterQuery.oldest(2_000)))).isEqualTo(2_000);
    }
}
