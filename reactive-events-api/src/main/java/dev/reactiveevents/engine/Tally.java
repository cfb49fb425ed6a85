package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Settlement.Outcome;
import java.util.concurrent.atomic.LongAdder;

/** Counts what became of a subscription's events, as the database confirmed it. */
final class Tally {

    private final LongAdder acked = new LongAdder();
    private final LongAdder retried = new LongAdder();
    private final LongAdder dead = new LongAdder();
    private final LongAdder lost = new LongAdder();

    void answered(Outcome outcome, boolean held) {
        if (!held) {
            lost.increment();
            return;
        }
        switch (outcome) {
            case ACK -> acked.increment();
            case RETRY -> retried.increment();
            case DEAD -> dead.increment();
            case RELEASE, EXTEND -> {}
        }
    }

    void unanswered() {
        lost.increment();
    }

    long acked() {
        return acked.sum();
    }

    long retried() {
        return retried.sum();
    }

    long dead() {
        return dead.sum();
    }

    long lost() {
        return lost.sum();
    }
}
