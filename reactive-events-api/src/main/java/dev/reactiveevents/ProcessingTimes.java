package dev.reactiveevents;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How long events of a channel took: from when they were due to when their acknowledgement was stored. It contains the time
 * that they waited, behind others and behind an earlier event of their key too, that in which they were handed over, and that
 * of their handlers; of an event that came again by a retry, since it was due for the last time. The clock is the database's.
 *
 * @param channel the channel's name
 * @param events of how many this was taken
 * @param median what half of them did not exceed; {@code null} if there was none, as the others
 * @param percentile95 what 95 of a hundred did not exceed
 * @param longest that of the one which took longest
 */
public record ProcessingTimes(
        String channel,
        int events,
        @Nullable Duration median,
        @Nullable Duration percentile95,
        @Nullable Duration longest) {}
