package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.time.temporal.ChronoUnit;

/** Reads the rows of {@link UpkeepStatements}, which have the same columns in all dialects. */
final class UpkeepRows {

    private UpkeepRows() {}

    static DeadEvent.Found found(Readable row) {
        return new DeadEvent.Found(
                Sql.requiredUuid(row, "event_id"),
                row.get("type", String.class),
                new DeadEvent.Place(Sql.instant(row, "settled_at"), Sql.required(row, "seq", Long.class)));
    }

    static DeadEvent dead(Readable row) {
        return new DeadEvent(
                new ClaimedEvent(
                        Sql.requiredUuid(row, "event_id"),
                        Sql.required(row, "channel", String.class),
                        row.get("type", String.class),
                        row.get("event_key", String.class),
                        Sql.required(row, "payload", String.class),
                        row.get("metadata", String.class),
                        Sql.required(row, "attempts", Integer.class),
                        Sql.instant(row, "created_at"),
                        Sql.instant(row, "deliver_at"),
                        Sql.instant(row, "settled_at")),
                row.get("last_error", String.class));
    }

    static LeaseHolder lease(Readable row) {
        return new LeaseHolder(
                Sql.requiredUuid(row, "event_id").toString(),
                Sql.required(row, "channel", String.class),
                row.get("leased_by", String.class),
                Sql.required(row, "attempts", Integer.class),
                Sql.instant(row, "available_at"));
    }

    /** A database whose clock was set back may have acknowledged an event before it was due. */
    static Duration took(Readable row) {
        return Duration.of(Math.max(0, number(row, "took")), ChronoUnit.MICROS);
    }

    /** One more than the bound was counted, if there was one. What was looked at and is of another kind or channel counts too. */
    static ChannelCounts counts(Readable row, String channel, int bound) {
        boolean waitingExact = number(row, "waiting") <= bound;
        boolean ackedExact = number(row, "acked_seen") <= bound;
        long leased = Math.min(number(row, "leased"), bound);
        long delayed = Math.min(number(row, "waiting"), bound) - leased;
        return new ChannelCounts(
                channel,
                count(number(row, "ready"), bound),
                new ChannelCounts.Count(delayed, waitingExact),
                new ChannelCounts.Count(leased, waitingExact),
                new ChannelCounts.Count(Math.min(number(row, "acked"), bound), ackedExact),
                count(number(row, "dead"), bound),
                Sql.micros(row, "oldest_ready"));
    }

    private static ChannelCounts.Count count(long counted, int bound) {
        return new ChannelCounts.Count(Math.min(counted, bound), counted <= bound);
    }

    private static long number(Readable row, String column) {
        return Sql.required(row, column, Long.class);
    }
}
