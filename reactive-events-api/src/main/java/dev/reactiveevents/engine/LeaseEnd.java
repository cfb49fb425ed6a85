package dev.reactiveevents.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;

/** Until when a delivery has its event at least, in the engine's time. */
final class LeaseEnd {

    private static final Duration A_MOMENT = Duration.ofSeconds(1);

    private final long first;
    private final long claimTook;
    private final AtomicLong end;
    private volatile boolean outOfReach;
    private volatile boolean wasLocked;
    private volatile long lockedUntil;

    /**
     * The end of a lease that a claim has taken.
     *
     * @param first when it ends at the earliest
     * @param claimTook how many nanoseconds passed until the claim was answered, in which the lease began
     */
    LeaseEnd(long first, long claimTook) {
        this.first = first;
        this.claimTook = claimTook;
        this.end = new AtomicLong(first);
    }

    /**
     * The database told the end of the first lease. What moved it since is known by the engine's time only, in which that
     * lease ended up to {@link #claimTook} later than is counted on.
     */
    Instant asTold(Instant firstEnd) {
        long moved = end.get() - first;
        return moved == 0
                ? firstEnd
                : firstEnd.plusNanos(moved > 0 ? Math.max(0, moved - claimTook) : moved - claimTook);
    }

    Duration left(long now) {
        return Duration.ofNanos(end.get() - now);
    }

    boolean isOver(long now) {
        return end.get() - now <= 0;
    }

    boolean isAtLeast(Duration duration, long now) {
        return end.get() - now >= duration.toNanos();
    }

    /** A transaction of ours that nobody uses any more may have the row. */
    void outOfReach() {
        outOfReach = true;
    }

    /** A transaction of ours had the row. */
    void wasLockedUntil(long time) {
        lockedUntil = time;
        wasLocked = true;
    }

    /** Nobody could take it while a transaction of ours had the row, however long the lease was over. */
    boolean othersMayHaveTheRow(long now) {
        boolean oursUntilNow = wasLocked && now - lockedUntil < A_MOMENT.toNanos();
        return outOfReach || isOver(now) && !oursUntilNow;
    }

    void notBefore(long time) {
        end.accumulateAndGet(time, Math::max);
    }

    void notAfter(long time) {
        end.accumulateAndGet(time, Math::min);
    }
}
