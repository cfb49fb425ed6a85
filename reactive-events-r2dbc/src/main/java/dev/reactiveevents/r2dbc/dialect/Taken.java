package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import io.r2dbc.spi.Readable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The answer to one request of a claim, while its rows arrive. */
final class Taken {

    private final String channel;
    private final int limit;
    private final List<ClaimedEvent> events = new ArrayList<>();
    private final List<UUID> exhausted = new ArrayList<>();
    private final List<UUID> suspected = new ArrayList<>();
    private @Nullable Duration nextDue;
    private boolean passedOver;
    private boolean suspects;

    Taken(Claim.Request request) {
        this.channel = request.channel();
        this.limit = request.limit();
    }

    /** Adds a row that says in {@code becomes} what the claim makes of it: leased, suspected or dead. */
    Taken add(Readable row) {
        return add(read(row));
    }

    Taken add(Row row) {
        return add(row.becomes(), row.event());
    }

    Taken add(String becomes, ClaimedEvent event) {
        switch (becomes) {
            case "leased" -> events.add(event);
            case "dead" -> exhausted.add(event.eventId());
            default -> suspected.add(event.eventId());
        }
        return this;
    }

    /** A row that was read, and what the claim makes of it. */
    record Row(String becomes, ClaimedEvent event) {}

    Row read(Readable row) {
        ClaimedEvent event = new ClaimedEvent(
                Sql.requiredUuid(row, "event_id"),
                channel,
                row.get("type", String.class),
                row.get("event_key", String.class),
                Sql.required(row, "payload", String.class),
                row.get("metadata", String.class),
                Sql.required(row, "attempts", Integer.class),
                Sql.instant(row, "created_at"),
                Sql.instant(row, "deliver_at"),
                Sql.instant(row, "lease_expires_at"));
        return new Row(Sql.required(row, "becomes", String.class), event);
    }

    /** Reads what remains when these are taken. */
    Taken remains(Readable row) {
        return remains(Sql.micros(row, "next_due"), Sql.truth(row, "passed_over"), Sql.truth(row, "suspects"));
    }

    Taken remains(@Nullable Duration due, boolean others, boolean suspected) {
        if (events.size() < limit) {
            nextDue = due;
            passedOver = others;
        }
        suspects = suspected;
        return this;
    }

    boolean isPassedOver() {
        return passedOver;
    }

    @Nullable
    Duration nextDue() {
        return nextDue;
    }

    Stream<String> keys() {
        return events.stream().map(ClaimedEvent::key).filter(Objects::nonNull);
    }

    int size() {
        return events.size();
    }

    boolean isEmpty() {
        return events.isEmpty() && suspected.isEmpty() && exhausted.isEmpty();
    }

    UUID[] leased() {
        return events.stream().map(ClaimedEvent::eventId).toArray(UUID[]::new);
    }

    UUID[] suspected() {
        return suspected.toArray(UUID[]::new);
    }

    UUID[] exhausted() {
        return exhausted.toArray(UUID[]::new);
    }

    Claimed toClaimed() {
        return new Claimed(channel, List.copyOf(events), List.copyOf(exhausted), nextDue, passedOver, suspects);
    }
}
