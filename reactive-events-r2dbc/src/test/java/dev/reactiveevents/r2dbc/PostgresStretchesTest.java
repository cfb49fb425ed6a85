package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A channel with so many events that it is claimed by stretches, on two connections at once. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class PostgresStretchesTest {

    private static final Duration LIMIT = Duration.ofMinutes(1);
    private static final Duration NEVER_LAPSES = Duration.ofMinutes(2);
    private static final int COUNT = 20_000;
    private static final int BATCH = 100;

    private final PostgresQueue queue = new PostgresQueue();
    private final String consumer = "consumer-" + UUID.randomUUID();

    @AfterEach
    void close() {
        queue.close();
    }

    /** What lapses comes again, and later than what follows it. */
    private R2dbcEventChannel open(Duration lease) {
        return queue.open(queue.builder(queue.pool(consumer, 6))
                .claimBatch(BATCH)
                .lease(lease)
                .pollInterval(Duration.ofMillis(100)));
    }

    private void publish() {
        R2dbcEventChannel events = queue.open(queue.builder(queue.direct()));
        events.publishAll(IntStream.range(0, COUNT)
                        .mapToObj(number -> Event.of("orders", number))
                        .toList())
                .block(LIMIT);
    }

    /** The numbers as they come, each acknowledged in the background. */
    private static Flux<Integer> numbers(R2dbcEventChannel events) {
        return events.subscribe("orders", SubscribeOptions.defaults().withPrefetch(10 * BATCH))
                .doOnNext(message -> message.ack().subscribe(settled -> {}, failure -> {}))
                .map(message -> message.payloadAs(Integer.class));
    }

    private void awaitEmpty() {
        Mono.fromSupplier(() -> queue.number("SELECT count(*) FROM ${table} WHERE status IN ('ready', 'leased')"))
                .subscribeOn(Schedulers.boundedElastic())
                .filter(left -> left == 0)
                .repeatWhenEmpty(looks -> looks.delayElements(Duration.ofMillis(50)))
                .block(LIMIT);
    }

    private boolean twoClaimsWait() {
        return queue.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" + consumer
                        + "' AND wait_event_type = 'Lock' AND query LIKE '%EXECUTE reactive\\_events\\_claim\\_%'")
                == 2;
    }

    /** While a claim measures, no other one runs: so it is looked more than once. */
    private boolean twoClaimsRunAtOnce() {
        try (PostgresQueue.Lock lock = queue.lock()) {
            boolean two = Flux.interval(Duration.ofMillis(20), Schedulers.boundedElastic())
                    .take(25)
                    .map(tick -> twoClaimsWait())
                    .any(seen -> seen)
                    .block(LIMIT);
            lock.rollback();
            return two;
        }
    }

    @Test
    void itIsClaimedOnTwoConnectionsAtOnceAndStaysInOrder() {
        publish();
        List<Integer> numbers = Collections.synchronizedList(new ArrayList<>());
        Mono<Void> drained = numbers(open(NEVER_LAPSES))
                .take(COUNT)
                .doOnNext(numbers::add)
                .then()
                .cache();
        drained.subscribe();
        boolean two = false;
        while (!two && numbers.size() < COUNT) {
            two = twoClaimsRunAtOnce();
        }
        drained.block(LIMIT);

        assertThat(two).isTrue();
        assertThat(numbers)
                .containsExactlyElementsOf(IntStream.range(0, COUNT).boxed().toList());
    }

    @Test
    void twoConsumersThatMeetGetEachEventOnce() {
        publish();
        List<Integer> numbers = Flux.merge(numbers(open(NEVER_LAPSES)), numbers(open(NEVER_LAPSES)))
                .take(COUNT)
                .collectList()
                .block(LIMIT);
        awaitEmpty();

        assertThat(numbers)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, COUNT).boxed().toList());
    }

    @Test
    void whatAConnectionWasClaimingWhenItWasKilledIsClaimedAgain() {
        publish();
        Set<Integer> numbers = ConcurrentHashMap.newKeySet();
        Mono<Void> drained = numbers(open(Duration.ofSeconds(2)))
                .doOnNext(numbers::add)
                .takeUntil(number -> numbers.size() == COUNT)
                .then()
                .cache();
        drained.subscribe();
        for (int kills = 1; kills <= 5; kills++) {
            int enough = kills * COUNT / 8;
            Mono.fromSupplier(numbers::size)
                    .filter(size -> size >= enough)
                    .repeatWhenEmpty(looks -> looks.delayElements(Duration.ofMillis(2)))
                    .block(LIMIT);
            queue.kill(consumer);
        }
        drained.block(LIMIT);
    }
}
