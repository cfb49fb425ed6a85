package dev.reactiveevents.benchmarks;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Sends from this process to another one. What is sent must arrive, otherwise the round fails. */
abstract class BetweenProcesses implements Contestant {

    private final Lab lab;
    private final Way.Kind kind;
    private final String table;
    private final OtherProcess receiver;
    final Way way;

    private BetweenProcesses(Lab lab, Way.Kind kind, String table) {
        this.lab = lab;
        this.kind = kind;
        this.table = table;
        if (kind.needsTable()) {
            lab.createTable(table);
        }
        this.way = kind.open(lab, table);
        this.receiver = OtherProcess.start(Receiver.class, lab.url(), kind.name(), table);
    }

    /** Waits until so many have arrived. */
    void awaitReceived(int count) {
        receiver.ask(Integer.toString(count));
    }

    /** The median of the milliseconds that those were on their way. */
    double median() {
        return Double.parseDouble(receiver.ask(Receiver.MEDIAN));
    }

    @Override
    public void close() {
        receiver.close();
        way.close();
        if (kind.needsTable()) {
            lab.execute("DROP TABLE " + table);
        }
    }

    /** From the call of publish to the handler, 200 times a second, one at a time: the median in milliseconds. */
    static final class Latency extends BetweenProcesses {

        private static final Duration INTERVAL = Duration.ofMillis(5);

        Latency(Lab lab, Way.Kind kind, String table) {
            super(lab, kind, table);
        }

        @Override
        public double measure(Duration window) {
            long sent = Flux.interval(INTERVAL)
                    .take(window)
                    .onBackpressureDrop()
                    .concatMap(
                            tick -> Mono.defer(() -> way.send(List.of(Parcel.number(0))))
                                    .thenReturn(tick),
                            0)
                    .count()
                    .block();
            awaitReceived((int) sent);
            return median();
        }
    }

    /** As many as one caller gets there in transactions of 500. */
    static final class Throughput extends BetweenProcesses {

        private static final int TOGETHER = 500;

        Throughput(Lab lab, Way.Kind kind, String table) {
            super(lab, kind, table);
        }

        @Override
        public double measure(Duration window) {
            long start = System.nanoTime();
            long end = start + window.toNanos();
            int sent = Mono.defer(() -> way.send(parcels()).thenReturn(TOGETHER))
                    .repeat(() -> System.nanoTime() < end)
                    .reduce(0, Integer::sum)
                    .block();
            awaitReceived(sent);
            return sent * 1e9 / (System.nanoTime() - start);
        }

        /** Numbered: of equal notifications of one transaction the server keeps one. */
        private static List<Parcel> parcels() {
            return IntStream.range(0, TOGETHER).mapToObj(Parcel::number).toList();
        }
    }
}
