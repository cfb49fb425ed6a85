package dev.reactiveevents.engine;

import java.time.Duration;

/** Counts what a subscription settled in the last quarter of a second, to an eighth of that. Guarded by its own lock. */
final class Pace {

    private static final int SLOTS = 8;
    private static final long SLOT_NANOS = Duration.ofMillis(250).toNanos() / SLOTS;

    private final int[] settled = new int[SLOTS];
    private long newest;

    Pace(long nanos) {
        newest = nanos / SLOT_NANOS;
    }

    synchronized void count(long nanos) {
        forgetUntil(nanos);
        settled[slot(newest)]++;
    }

    synchronized int recent(long nanos) {
        forgetUntil(nanos);
        int sum = 0;
        for (int count : settled) {
            sum += count;
        }
        return sum;
    }

    private void forgetUntil(long nanos) {
        long now = nanos / SLOT_NANOS;
        for (long slot = Math.max(newest + 1, now - SLOTS + 1); slot <= now; slot++) {
            settled[slot(slot)] = 0;
        }
        newest = Math.max(newest, now);
    }

    private static int slot(long number) {
        return Math.floorMod(number, SLOTS);
    }
}
