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
        Flux<Arrival> arrived = arrivals(BackendType.LISTEN_NOTIFY_DURABLE).take(COUNT);

        assertThat(arrived.map(Arrival::number).collectSortedList().block(LIMIT))
                .isEqualTo(ALL);
        assertThat(queue.number("SELECT count(*) FROM ${table} WHERE attempts <> 1"))
                .isZero();
    }

    @Test
    void eachBroadcastEventGoesToBothProcesses() {
        List<Arrival> arrived = arrivals(BackendType.LISTEN_NOTIFY)
                .take(2L * COUNT)
                .collectList()
                .block(LIMIT);

        for (int process = 0; process < 2; process++) {
            int at = process;
            assertThat(arrived.stream()
                            .filter(arrival -> arrival.process() == at)
                            .map(Arrival::number))
                    .containsExactlyElementsOf(ALL);
        }
    }

    private record Arrival(int process, int number) {}

    /** What two processes print of the events that are published once both are ready. */
    private Flux<Arrival> arrivals(BackendType backend) {
        R2dbcEventChannel publisher =
                queue.open(queue.builder(queue.pool("publisher", 4)).backend(backend));
        AtomicInteger ready = new AtomicInteger();
        return Flux.using(() -> listeners(backend), ListenerLines::linesOfBoth, ListenerLines::close)
                .doOnNext(line -> {
                    if (line.text().equals("ready") && ready.incrementAndGet() == 2) {
                        publisher
                                .publishAll(Flux.fromIterable(ALL).map(number -> Event.of("orders", number)))
                                .subscribe();
                    }
                })
                .filter(line -> !line.text().equals("ready"))
                .map(line -> new Arrival(line.process(), Integer.parseInt(line.text())));
    }

    private ListenerLines listeners(BackendType backend) {
        return new ListenerLines(listener(backend), listener(backend));
    }

    private ChildProcess listener(BackendType backend) {
        return ChildProcess.run(ListenerProcess.class, queue.url(), backend.optionName(), queue.table(), "orders");
    }

    private record Line(int process, String text) {}

    private record ListenerLines(ChildProcess one, ChildProcess other) {

        Flux<Line> linesOfBoth() {
            return Flux.merge(lines(0, one), lines(1, other));
        }

        private static Flux<Line> lines(int number, ChildProcess process) {
            return Flux.fromStream(process::lines)
                    .subscribeOn(Schedulers.boundedElastic())
                    .map(text -> new Line(number, text));
        }

        void close() {
            one.close();
            other.close();
        }
    }
}
