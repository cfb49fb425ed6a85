package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Publishers and consumers as of so many processes, on a server of their own, which counts their deadlocks. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class MariaDbTrafficTest {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Duration TRAFFIC = Duration.ofSeconds(Boolean.getBoolean("reactiveevents.soak") ? 60 : 10);
    private static final int PROCESSES = 8;

    private final AtomicInteger next = new AtomicInteger();
    private final Queue<Throwable> told = new ConcurrentLinkedQueue<>();
    private final Set<Integer> acked = ConcurrentHashMap.newKeySet();
    private final List<ConnectionPool> pools = new ArrayList<>();

    @Test
    void nobodyIsToldOfDeadlocksBetweenEightPublishersAndEightConsumers() {
        MariaDbServer.url(); // skipped where there is none
        try (MariaDbServer.Embedded server = new MariaDbServer.Embedded();
                MySqlQueue queue = new MySqlQueue(server.url())) {
            List<Disposable> consumers = IntStream.range(0, PROCESSES)
                    .mapToObj(i -> consume(process(queue)))
                    .toList();
            Flux.range(0, PROCESSES)
                    .flatMap(i -> publish(process(queue), i), PROCESSES)
                    .blockLast(TRAFFIC.plus(LIMIT));
            awaitThatAllAreAcked();
            String unsettled = "SELECT count(*) FROM " + MySqlQueue.TABLE + " WHERE status <> 'acked'";
            queue.database().await(unsettled, 0);
            consumers.forEach(Disposable::dispose);

            assertThat(told).isEmpty();
            assertThat(acked).hasSize(next.get());
            report(deadlocks(queue.database()));
            Flux.fromIterable(pools).flatMap(ConnectionPool::disposeLater).blockLast(LIMIT);
        }
    }

    /** Publishers may be faster for a minute; what they leave behind takes its time, but never stands still. */
    private void awaitThatAllAreAcked() {
        while (acked.size() < next.get()) {
            int goal = Math.min(next.get(), acked.size() + 1_000);
            Traffic.await(() -> acked.size() >= goal);
        }
    }

    private R2dbcEventChannel process(MySqlQueue queue) {
        ConnectionPool pool = queue.database().pool(4);
        pools.add(pool);
        return queue.open(Channels.tableQueue(pool).shutdownTimeout(Duration.ofMillis(200)));
    }

    /** Some alone, some together, and a third of them with one of a few keys. */
    private Mono<Void> publish(R2dbcEventChannel events, int publisher) {
        long end = System.nanoTime() + TRAFFIC.toNanos();
        return Flux.range(0, Integer.MAX_VALUE)
                .takeWhile(i -> System.nanoTime() - end < 0)
                .concatMap(
                        i -> i % 4 == publisher % 4
                                ? events.publishAll(IntStream.range(0, 20)
                                                .mapToObj(j -> event())
                                                .toList())
                                        .then()
                                : Flux.range(0, 8)
                                        .flatMap(j -> events.publish(event()))
                                        .then(),
                        0)
                .onErrorContinue((failure, value) -> told.add(failure))
                .then();
    }

    private Event event() {
        int number = next.getAndIncrement();
        Event event = Event.of("orders", number);
        return number % 3 == 0 ? event.withKey("key" + number % 30) : event;
    }

    /** A tenth of the events is given back once. */
    private Disposable consume(R2dbcEventChannel events) {
        return events.subscribe("orders").flatMap(this::handle, 256).subscribe(done -> {}, told::add);
    }

    private Mono<Boolean> handle(EventMessage message) {
        int number = message.payloadAs(Integer.class);
        Mono<Boolean> settled = number % 10 == 0 && message.attempts() == 1
                ? message.nack(Duration.ZERO)
                : message.ack().doOnNext(done -> acked.add(number));
        return settled.doOnError(told::add).onErrorReturn(false);
    }

    private static long deadlocks(TestDatabase database) {
        return database.number("SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS"
                + " WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'");
    }

    private void report(long deadlocks) {
        System.out.printf(
                "%d publishers and %d consumers, %s: %,d events, %,d deadlocks, %.1f per 10,000 events%n",
                PROCESSES, PROCESSES, TRAFFIC, next.get(), deadlocks, deadlocks * 10_000.0 / next.get());
    }
}
