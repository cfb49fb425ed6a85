package dev.reactiveevents.test;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** One row of the store. Guarded by the store's lock. */
final class StoredEvent {

    static final Comparator<StoredEvent> BY_AVAILABILITY = Comparator.<StoredEvent, Instant>comparing(
                    event -> event.availableAt)
            .thenComparing(event -> event.seq);

    static final Comparator<StoredEvent> BY_PUBLISHING = Comparator.comparing(event -> event.seq);

    final NewEvent content;
    final long seq;
    final Instant createdAt;

    /** When it last became due; a claim does not touch it. */
    Instant deliverAt;

    /** Not before this: {@link #deliverAt}, or the end of its lease. */
    Instant availableAt;

    /** When it was acknowledged, for its retention. */
    Instant settledAt = Instant.MAX;

    int attempts;
    int lapses;
    boolean leased;

    /** The last lease's token, also after the lease. */
    @Nullable
    UUID leaseToken;

    /** What ended the last lease. */
    @Nullable
    Outcome outcome;

    /** What went wrong last, if that was said. */
    @Nullable
    String reason;

    private DeadEvent.@Nullable Place death;

    StoredEvent(NewEvent content, long seq, Instant createdAt, Instant deliverAt) {
        this.content = content;
        this.seq = seq;
        this.createdAt = createdAt;
        this.deliverAt = deliverAt;
        this.availableAt = deliverAt;
    }

    /** Whether it becomes a dead letter, if it is due. */
    boolean isExhausted(Claim.Request request) {
        return leased && attempts >= request.maxAttempts();
    }

    /** Whether it is delivered alone, if it is due. */
    boolean isSuspect(Claim.Request request) {
        return lapsesOnceDue() >= request.suspectAfter();
    }

    /** A lapse counts when the event is taken again; until then its holder can still settle it. */
    private int lapsesOnceDue() {
        return leased ? lapses + 1 : lapses;
    }

    void lease(UUID token, Instant until) {
        lapses = lapsesOnceDue();
        leased = true;
        leaseToken = token;
        outcome = null;
        attempts++;
        availableAt = until;
    }

    void endLease(@Nullable Outcome by) {
        leased = false;
        outcome = by;
    }

    boolean isLeasedUnder(UUID token) {
        return leased && token.equals(leaseToken);
    }

    boolean wasSettledUnder(UUID token, Outcome by) {
        return !leased && token.equals(leaseToken) && outcome == by;
    }

    void becomeDueAt(Instant time) {
        deliverAt = time;
        availableAt = time;
    }

    void failed(@Nullable String why) {
        reason = why == null ? reason : why;
    }

    void die(Instant now) {
        death = new DeadEvent.Place(now.truncatedTo(ChronoUnit.MICROS), seq);
    }

    boolean isDead() {
        return death != null;
    }

    DeadEvent.Place deathPlace() {
        return Objects.requireNonNull(death);
    }

    /** As if it had never been delivered. */
    void startAfresh(Instant now) {
        death = null;
        reason = null;
        leaseToken = null;
        outcome = null;
        attempts = 0;
        lapses = 0;
        becomeDueAt(now);
    }

    ClaimedEvent claimed() {
        return claimed(availableAt);
    }

    ClaimedEvent claimed(Instant leaseEnd) {
        return new ClaimedEvent(
                content.eventId(),
                content.channel(),
                content.type(),
                content.key(),
                content.payload(),
                content.metadata(),
                attempts,
                createdAt,
                deliverAt,
                leaseEnd);
    }
}
