package dev.reactiveevents.benchmarks;

import java.time.Duration;

/** Ours: a small backlog is filled and drained, again and again; only the draining counts. */
final class DrainingFills implements Contestant {

    private final Draining draining;
    private final int fill;

    DrainingFills(Lab lab, String table, int fill) {
        this.fill = fill;
        this.draining = new Draining(lab, table, Duration.ZERO, (where, name) -> where.refill(name, fill)).allOfThem();
    }

    @Override
    public double measure(Duration window) {
        double seconds = 0;
        long events = 0;
        while (seconds < window.toNanos() / 1e9) {
            draining.prepare();
            seconds += fill / draining.measure(window);
            events += fill;
        }
        return events / seconds;
    }

    @Override
    public void close() {
        draining.close();
    }
}
