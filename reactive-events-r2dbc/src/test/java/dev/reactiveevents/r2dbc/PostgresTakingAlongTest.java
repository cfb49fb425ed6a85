package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/** Many keys with many events each: their acknowledgements take the next events along. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class PostgresTakingAlongTest {

    private static final Duration LIMIT = Duration.ofMinutes(1);
    private static final Duration NEVER_LAPSES = Duration.ofMinutes(2);
    private static final String TAKES_ALONG = "EXECUTE reactive_events_claim_next_";
    private static final int KEYS = 100;
    private static final int OF_EACH = 40;

    private final PostgresQueue queue = new PostgresQueue();
    private final String consumer = "consumer-" + UUID.randomUUID();
    private final Sinks.Empty<Void> takenAlong = Sinks.empty();
    private final LosingAnswers answers = new LosingAnswers();

    @AfterEach
    void close() {
        queue.close();
    }

    private R2dbcEventChannel open(Duration lease) {
        ConnectionPool pool = queue.pool(consumer, 6);
        ConnectionFactory losing = new ConnectionFactory() {
            @Override
            public Mono<Connection> create() {
                return answers.change(pool.create());
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return pool.getMetadata();
            }
        };
        return queue.open(
                queue.builder(Statements.noted(losing, this::note)).lease(lease).pollInterval(Duration.ofMillis(100)));
    }

    private void note(String sql) {
        if (sql.contains(TAKES_ALONG)) {
            takenAlong.tryEmitEmpty();
        }
    }

    private void publish() {
        R2dbcEventChannel events = queue.open(queue.builder(queue.direct()));
        events.publishAll(IntStream.range(0, KEYS * OF_EACH)
                        .mapToObj(i -> Event.of("orders", i / KEYS).withKey("key" + i % KEYS))
                        .toList())
                .block(LIMIT);
    }

    private long left() {
        return queue.number("SELECT count(*) FROM ${table} WHERE status IN ('ready', 'leased')");
    }

    private void awaitEmpty() {
        Mono.fromSupplier(this::left)
                .subscribeOn(Schedulers.boundedElastic())
                .filter(left -> left == 0)
                .repeatWhenEmpty(looks -> looks.delayElements(Duration.ofMillis(50)))
                .block(LIMIT);
    }

    private void awaitTakenAlong() {
        takenAlong.asMono().block(LIMIT);
    }

    private static void assertHandledInOrder(Map<String, ? extends Collection<Integer>> handled) {
        assertThat(handled).hasSize(KEYS);
        assertThat(handled.values())
                .allSatisfy(numbers -> assertThat(numbers)
                        .containsExactlyElementsOf(
                                IntStream.range(0, OF_EACH).boxed().toList()));
    }

    // == Order ==

    @Test
    void twoConsumersKeepTheOrderOfEachKeyAndGetEachEventOnce() {
        publish();
        Map<String, List<Integer>> handled = new ConcurrentHashMap<>();
        AtomicInteger refused = new AtomicInteger();
        Flux.just(open(NEVER_LAPSES), open(NEVER_LAPSES))
                .flatMap(events -> events.subscribe("orders"))
                .flatMap(message -> {
                    int number = message.payloadAs(Integer.class);
                    if (message.attempts() == 1 && number % 10 == 3) {
                        refused.incrementAndGet();
                        return message.nack();
                    }
                    handled.computeIfAbsent(String.valueOf(message.key()), key -> new ArrayList<>())
                            .add(number);
                    return message.ack();
                })
                .take(KEYS * OF_EACH + KEYS * OF_EACH / 10)
                .collectList()
                .block(LIMIT);
        awaitEmpty();

        assertThat(refused).hasValue(KEYS * OF_EACH / 10);
        assertHandledInOrder(handled);
        awaitTakenAlong();
    }

    // == Faults ==

    /** What lapses comes again, before what follows it. */
    private void assertOrderInSpiteOf(Runnable fault) {
        publish();
        Map<String, Set<Integer>> handled = new ConcurrentHashMap<>();
        AtomicInteger count = new AtomicInteger();
        Disposable drain = open(Duration.ofSeconds(2))
                .subscribe("orders")
                .flatMap(message -> {
                    handled.computeIfAbsent(
                                    String.valueOf(message.key()),
                                    key -> Collections.synchronizedSet(new LinkedHashSet<>()))
                            .add(message.payloadAs(Integer.class));
                    count.incrementAndGet();
                    return message.ack().onErrorComplete();
                })
                .subscribe();
        for (int faults = 1; faults <= 5; faults++) {
            int enough = faults * KEYS * OF_EACH / 8;
            Mono.fromSupplier(count::get)
                    .filter(handledSoFar -> handledSoFar >= enough)
                    .repeatWhenEmpty(looks -> looks.delayElements(Duration.ofMillis(2)))
                    .block(LIMIT);
            fault.run();
        }
        awaitEmpty();
        drain.dispose();

        assertHandledInOrder(handled);
        awaitTakenAlong();
    }

    @Test
    void whatALostAnswerHadTakenAlongComesAgainInOrder() {
        assertOrderInSpiteOf(() -> answers.loseNextOf(TAKES_ALONG));
        assertThat(answers.hasLost()).isTrue();
    }

    @Test
    void whatAConnectionThatWasKilledHadTakenAlongComesAgainInOrder() {
        assertOrderInSpiteOf(() -> queue.kill(consumer));
    }

    // == Others ==

    /** Hot keys always have a next event, and all the room if there is little: who has just published waits for a moment only. */
    @ParameterizedTest
    @ValueSource(ints = {5, 256})
    void whoHasHotKeysLooksForOthersToo(int prefetch) {
        R2dbcEventChannel events = open(NEVER_LAPSES);
        R2dbcEventChannel elsewhere = queue.open(queue.builder(queue.direct()));
        elsewhere
                .publishAll(IntStream.range(0, 20 * 50)
                        .mapToObj(i -> Event.of("orders", "hot").withKey("hot" + i % 20))
                        .toList())
                .block(LIMIT);
        Mono<EventMessage> cold = events.subscribe(
                        "orders", SubscribeOptions.defaults().withPrefetch(prefetch))
                .flatMap(message -> String.valueOf(message.key()).equals("cold")
                        ? Mono.just(message)
                        : message.ack()
                                .then(events.publish(Event.of("orders", "hot").withKey(String.valueOf(message.key()))))
                                .then(Mono.empty()))
                .next()
                .cache();
        cold.subscribe();
        awaitTakenAlong();
        elsewhere.publish(Event.of("orders", "cold").withKey("cold")).block(LIMIT);

        assertThat(cold.block(Duration.ofSeconds(10))).isNotNull();
    }
}
