package dev.reactiveevents.r2dbc;

import dev.reactiveevents.ChannelTotals;

/**
 * What a channel object can tell of itself in this moment. The numbers count from when it was built and never fall.
 *
 * @param backend the backend it works with
 * @param fellBack whether that takes the place of one that this kind of database lacks, see
 *     {@link R2dbcEventChannelBuilder#fallback(boolean)}
 * @param notifications whether what other processes tell is heard
 * @param totals what it has published, delivered and settled: the numbers of the meters, see {@code docs/observability.md}
 * @param reconnects how often the connection that listens was opened again after it had been lost
 * @param cutOffs how often a subscriber was told that events may have been missed while nothing was heard; only a broadcast
 *     misses any. One interruption counts once for each subscriber
 * @param dropped how many events were dropped because a subscriber of a broadcast did not ask for them in time
 */
public record ChannelSnapshot(
        BackendType backend,
        boolean fellBack,
        Notifications notifications,
        ChannelTotals totals,
        long reconnects,
        long cutOffs,
        long dropped) {

    /** Whether what other processes tell is heard. */
    public enum Notifications {
        /** Nobody subscribes, or this backend has none. */
        UNUSED,
        /** They are heard. */
        HEARD,
        /**
         * They are not: the connection is not open yet, or is lost and tried again, or passes none on. Durable backends poll
         * meanwhile; a broadcast misses what is published.
         */
        NOT_HEARD
    }
}
