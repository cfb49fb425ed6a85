package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

/** Two listeners in JVMs of their own, which only notifications can wake in time, and a publisher here. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
@Isolated("needs both cores for its processes")
class PostgresListenersTest {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final int COUNT = 10_000;
    private static final List<Integer> ALL = IntStream.range(0, COUNT).boxed().toList();

    private final PostgresQueue queue = new PostgresQueue();

    @AfterEach
    void close() {
        queue.close();
    }

    @Test
    void eachDurableEventGoesToOneOfTheProcesses() {
        Flux<Integer> arrived = arrivals(BackendType.LISTEN_NOTIFY_DURABLE).take(COUNT);

        assertThat(arrived.collectSortedList().block(LIMIT)).isEqualTo(ALL);
    }

    @Test
    void eachBroadcastEventGoesToBothProcesses() {
        Flux<Integer> arrived = arrivals(BackendType.LISTEN_NOTIFY).take(2L * COUNT);
        List<Integer> twice =
                ALL.stream().flatMap(number -> List.of(number, number).stream()).toList();

        assertThat(arrived.collectSortedList().block(LIMIT)).isEqualTo(twice);
    }

    /** What two processes print of the events that are published once both are ready. */
    private Flux<Integer> arrivals(BackendType backend) {
        R2dbcEventChannel publisher =
                queue.open(queue.builder(queue.pool("publisher", 4)).backend(backend));
        AtomicInteger ready = new AtomicInteger();
        return Flux.using(() -> listeners(backend), ListenerLines::linesOfBoth, ListenerLines::close)
                .doOnNext(line -> {
                    if (line.equals("ready") && ready.incrementAndGet() == 2) {
                        publisher
                                .publishAll(Flux.fromIterable(ALL).map(number -> Event.of("orders", number)))
                                .subscribe();
                    }
                })
                .filter(line -> !line.equals("ready"))
                .map(Integer::valueOf);
    }

    private ListenerLines listeners(BackendType backend) {
        return new ListenerLines(listener(backend), listener(backend));
    }

    private ChildProcess listener(BackendType backend) {
        return ChildProcess.run(ListenerProcess.class, queue.url(), backend.optionName(), queue.table(), "orders");
    }

    private record ListenerLines(ChildProcess one, ChildProcess other) {

        Flux<String> linesOfBoth() {
            return Flux.just(one, other)
                    .flatMap(process -> Flux.fromStream(process::lines).subscribeOn(Schedulers.boundedElastic()));
        }

        void close() {
            one.close();
            other.close();
        }
    }
}
