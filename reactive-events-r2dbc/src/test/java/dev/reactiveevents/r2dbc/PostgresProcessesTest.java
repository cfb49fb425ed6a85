package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Consumers in JVMs of their own. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
@Isolated("needs both cores for its processes")
class PostgresProcessesTest {

    private static final Duration LIMIT = Duration.ofMinutes(2);

    private final PostgresQueue queue = new PostgresQueue();
    private final R2dbcEventChannel events = queue.open(queue.builder(queue.pool("publisher", 4)));

    @AfterEach
    void close() {
        queue.close();
    }

    private void publish(int count) {
        events.publishAll(IntStream.range(0, count)
                        .mapToObj(i -> Event.of("orders", i))
                        .toList())
                .block(LIMIT);
    }

    private ChildProcess consumer(int prefetch, int leaseMillis, int maxAttempts, String... deadly) {
        Stream<String> arguments =
                Stream.of(queue.url(), queue.table(), "orders", "" + prefetch, "" + leaseMillis, "" + maxAttempts);
        return ChildProcess.run(
                ConsumerProcess.class,
                Stream.concat(arguments, Stream.of(deadly)).toArray(String[]::new));
    }

    private static Flux<String> linesOf(ChildProcess process) {
        return Flux.fromStream(process::lines).subscribeOn(Schedulers.boundedElastic());
    }

    @Test
    void twoProcessesGetEachEventOnceBetweenThem() {
        int count = 20_000;
        Set<String> acked = ConcurrentHashMap.newKeySet();
        AtomicInteger twice = new AtomicInteger();
        AtomicInteger ready = new AtomicInteger();
        try (ChildProcess one = consumer(100, 30_000, 10);
                ChildProcess other = consumer(100, 30_000, 10)) {
            List<Long> shares = Flux.just(one, other)
                    .flatMap(process -> linesOf(process)
                            .doOnNext(line -> {
                                if (line.equals("ready") && ready.incrementAndGet() == 2) {
                                    publish(count);
                                } else if (!line.equals("ready") && !acked.add(line)) {
                                    twice.incrementAndGet();
                                }
                            })
                            .takeUntilOther(printed(acked, count).then(allAre("acked", count)))
                            .count())
                    .collectList()
                    .block(LIMIT);
            assertThat(shares).hasSize(2).allMatch(share -> share > count / 20);
        }

        assertThat(acked).hasSize(count);
        assertThat(twice).hasValue(0);
        assertThat(queue.number("SELECT count(*) FROM ${table} WHERE attempts <> 1"))
                .isZero();
    }

    private static Mono<Integer> printed(Set<String> lines, int count) {
        return Mono.fromSupplier(lines::size)
                .filter(printed -> printed == count)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(100)));
    }

    /** Completes once so many rows have this status, and what was printed of them has had time to arrive. */
    private Mono<Long> allAre(String status, int count) {
        String sql = "SELECT count(*) FROM ${table} WHERE status = '" + status + "'";
        return Mono.fromSupplier(() -> queue.number(sql))
                .subscribeOn(Schedulers.boundedElastic())
                .filter(rows -> rows == count)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(100)))
                .delayElement(Duration.ofSeconds(1));
    }

    @Test
    void anEventThatEndsItsConsumerEachTimeTakesNobodyWithIt() {
        int count = 100;
        int deadly = 37;
        publish(count);
        AtomicInteger deaths = new AtomicInteger();
        Mono<Integer> settled =
                allAre("acked", count - 1).then(allAre("dead", 1)).thenReturn(0);
        Mono<Integer> dying = Mono.defer(() -> {
                    ChildProcess process = consumer(count, 1_000, 4, "" + deadly);
                    linesOf(process).subscribe();
                    return Mono.fromFuture(process.exit()).doFinally(end -> process.close());
                })
                .doOnNext(code -> deaths.incrementAndGet())
                .repeat()
                .then(Mono.never());
        Mono.firstWithSignal(settled, dying).block(LIMIT);

        assertThat(queue.query(
                        "SELECT payload::text FROM ${table} WHERE status = 'dead'", row -> row.get(0, String.class)))
                .containsExactly("" + deadly);
        assertThat(queue.number("SELECT attempts FROM ${table} WHERE status = 'dead'"))
                .isEqualTo(4);
        assertThat(deaths).hasValueBetween(4, 5);
    }
}
