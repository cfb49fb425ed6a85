package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.EventObserver.Activity;
import dev.reactiveevents.spi.EventObserver.End;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.util.context.ContextView;

/** One claimed event in the hands of one subscription: waiting in its buffer, or handed over as a message. */
final class Delivery extends ReceivedEvent {

    private static final Duration LONGEST = Duration.ofDays(3653);

    private final UUID token;
    private final EventSubscription owner;
    private final LeaseEnd leaseEnd;
    private final AtomicReference<@Nullable Settling> settling = new AtomicReference<>();
    private final AtomicBoolean holdsRoom = new AtomicBoolean(true);
    private final AtomicBoolean renewing = new AtomicBoolean();
    private volatile long handedOverAt;
    private volatile boolean handedOver;
    private volatile boolean givenUp;
    private volatile boolean settled;
    private volatile boolean lost;
    private volatile boolean takenBack;
    private volatile boolean withdrawn;

    Delivery(ClaimedEvent event, UUID token, EventSubscription owner, LeaseEnd leaseEnd) {
        super(event);
        this.token = token;
        this.owner = owner;
        this.leaseEnd = leaseEnd;
    }

    @Override
    PayloadCodec codec() {
        return owner.codec();
    }

    @Override
    public Instant leaseExpiresAt() {
        return leaseEnd.asTold(super.leaseExpiresAt());
    }

    @Override
    public boolean isLeaseLost() {
        return lost || (takenBack || !settled) && isLapsed(owner.time().nanos());
    }

    // == Actions ==

    @Override
    public Mono<Boolean> ack() {
        return settle(Outcome.ACK, Duration.ZERO, null);
    }

    @Override
    public Mono<Boolean> nack() {
        return Mono.defer(() -> retryAfter(owner.retry().delayAfter(attempts())));
    }

    @Override
    public Mono<Boolean> nack(Duration delay) {
        if (delay == null || delay.isNegative() || delay.compareTo(LONGEST) > 0) {
            return Mono.error(new EventException.Invalid("Event " + eventId() + " was to be given back with a delay of "
                    + delay + "; give a duration from zero to ten years."));
        }
        return owner.reschedules() ? retryAfter(Optional.of(delay)) : refused("given back with a delay", "nack()");
    }

    private Mono<Boolean> refused(String asked, String instead) {
        return Mono.error(new EventException.Unsupported("Event " + eventId() + " was to be " + asked
                + ", but its backend cannot be told when an event comes again; use " + instead
                + ", or choose another durable backend."));
    }

    private Mono<Boolean> retryAfter(Optional<Duration> delay) {
        int most = owner.maxAttempts();
        if (delay.isEmpty() || attempts() >= most) {
            return settle(Outcome.DEAD, Duration.ZERO, "given back at attempt " + attempts() + " of " + most);
        }
        return settle(Outcome.RETRY, delay.get(), null);
    }

    @Override
    public Mono<Boolean> reject(String reason) {
        if (reason == null) {
            return Mono.error(new EventException.Invalid("Event " + eventId()
                    + " was to be rejected without a reason; give one, it is kept with the event."));
        }
        return settle(Outcome.DEAD, Duration.ZERO, reason);
    }

    @Override
    public Mono<Boolean> extend(Duration duration) {
        if (duration == null || duration.isNegative() || duration.isZero() || duration.compareTo(LONGEST) > 0) {
            return Mono.error(new EventException.Invalid("The lease of event " + eventId() + " was to be extended by "
                    + duration + "; give a duration longer than zero, up to ten years."));
        }
        if (!owner.reschedules()) {
            return refused("kept for longer", "withRenewLeases(true) of the subscription");
        }
        return Prolonging.of(this, duration, () -> true);
    }

    @Override
    public Mono<Boolean> release() {
        return Mono.fromRunnable(this::letLapse).then(settle(Outcome.RELEASE, Duration.ZERO, null));
    }

    // == What the engine does with it ==

    /**
     * Gives back what was handed over and not settled in time, at once. The attempt counts, but for the last one: that its
     * consumer had to end makes no dead letter.
     */
    Mono<Boolean> giveBack() {
        return unlessCommitted(attempts() < owner.maxAttempts() ? retryAfter(Optional.of(Duration.ZERO)) : release());
    }

    /**
     * Takes it from a handler that was cancelled and may be at work all the same: it does not come again before its lease is
     * over, however soon its outcome would have it.
     */
    Mono<Boolean> takeBack(Mono<Boolean> outcome) {
        takenBack = true;
        return unlessCommitted(outcome);
    }

    /** A transaction that works on it is given up first. One that begins in this moment takes itself back: said again then. */
    private Mono<Boolean> unlessCommitted(Mono<Boolean> outcome) {
        return Mono.defer(() -> {
            withdrawn = true;
            Mono<Boolean> next = Mono.defer(() -> isDecided() ? Mono.empty() : unlessCommitted(outcome));
            return settling.get() instanceof Enlisted enlisted
                    ? enlisted.abandon().then(next)
                    : outcome.flatMap(held -> isDecided() ? Mono.just(held) : next);
        });
    }

    // == What a transaction does with it ==

    EventSubscription owner() {
        return owner;
    }

    UUID token() {
        return token;
    }

    /** Leaves it to a transaction, unless something was said of it already or it is not its consumer's any more. */
    @Nullable
    Enlisted enlist() {
        Enlisted enlisted = new Enlisted(this, !leaseEnd.isOver(owner.time().nanos()));
        Settling first = settling.compareAndExchange(null, enlisted);
        if (first instanceof Enlisted) {
            throw new EventException.Invalid(
                    "Event " + eventId() + " was to be handled in a transaction while another one"
                            + " works on it; register transactional handlers under one pattern of a router, where they share one,"
                            + " and after a cancellation wait until the event comes again.");
        }
        if (first == null && !withdrawn) {
            owner.deliveries().add(this); // again, if its lease has lapsed: the database decides whether that matters
            return enlisted;
        }
        enlisted.refused(); // whoever withdraws it may have met it
        return null;
    }

    boolean isEnlisted() {
        return settling.get() instanceof Enlisted;
    }

    void settledElsewhere(Enlisted enlisted, Settlement settlement) {
        Settling done = new Settling(settlement.outcome());
        done.answer(true);
        if (settling.compareAndSet(enlisted, done)) {
            settleSent(settlement);
            applied(settlement, new Settler.Answer(SettleResult.APPLIED, settlement.frees()));
            owner.drain();
        }
    }

    /** Its row may be locked by a transaction of ours that nobody uses any more. */
    void outOfReach() {
        leaseEnd.outOfReach();
    }

    void returned(Enlisted enlisted, boolean hadTheRow) {
        if (hadTheRow) {
            leaseEnd.wasLockedUntil(owner.time().nanos());
        }
        settling.compareAndSet(enlisted, null);
    }

    /** After which delay it comes again if its handler failed by this; empty if it does not. */
    Optional<Duration> comesAgainAfter(Throwable failure) {
        boolean isFinal = failure instanceof EventException.Undecodable || attempts() >= owner.maxAttempts();
        return isFinal
                ? Optional.empty()
                : owner.retry().delayAfter(attempts(), failure).map(this::notTooSoon);
    }

    private Duration notTooSoon(Duration delay) {
        Duration left = leaseEnd.left(owner.time().nanos());
        return takenBack && left.compareTo(delay) > 0 ? left : delay;
    }

    /** Gives back what failed: to come again after a delay, or as a dead letter. */
    Mono<Boolean> failed(Optional<Duration> again, String reason) {
        if (takenBack && again.isPresent() && !owner.reschedules()) {
            letLapse(); // it would come again at once
            return Mono.empty();
        }
        return again.isPresent()
                ? settle(Outcome.RETRY, again.get(), reason)
                : settle(Outcome.DEAD, Duration.ZERO, reason);
    }

    /** It waits again, as before its hand-over. */
    void setAside() {
        handedOver = false;
    }

    /** Nobody does anything for it any more: it is not renewed. */
    void letLapse() {
        givenUp = true;
    }

    void handOver(long now) {
        handedOverAt = now;
        handedOver = true;
    }

    boolean isHandedOver() {
        return handedOver;
    }

    /** Whether its outcome was said, and not only left to a transaction that is under way. */
    boolean isDecided() {
        return isBeingSettled() && !isEnlisted();
    }

    boolean isBeingSettled() {
        return settling.get() != null;
    }

    /** While a transaction works on it nobody can claim it: its row is locked. */
    boolean isLapsed(long now) {
        return leaseEnd.isOver(now) && !isEnlisted();
    }

    /** Whether its consumer would own it for at least this long. */
    boolean isLeasedFor(Duration duration, long now) {
        return leaseEnd.isAtLeast(duration, now);
    }

    /** Whether the engine is to keep its lease alive. */
    boolean isRenewed(long now) {
        boolean inTime = now - handedOverAt < owner.maxProcessingTime().toNanos();
        return !givenUp && !isBeingSettled() && (!handedOver || owner.renewsLeases() && inTime);
    }

    /** Prolongs, unless that is under way already. If it fails, the keeper tries again. */
    Mono<Boolean> renew(Duration duration) {
        return renewing.compareAndSet(false, true)
                ? Prolonging.of(this, duration, () -> isRenewed(owner.time().nanos()))
                        .doFinally(end -> renewing.set(false))
                : Mono.empty();
    }

    /** What is not ours any more, or soon not to be, counts for nothing; an outcome may still be tried. */
    boolean prolonged(boolean applied, long until) {
        if (applied) {
            leaseEnd.notBefore(until);
            register();
        } else {
            leaseEnd.notAfter(owner.time().nanos());
            owner.deliveries().remove(this);
            freeRoom();
        }
        owner.drain();
        return applied;
    }

    private void register() {
        owner.deliveries().add(this);
        if (settled) { // by an answer that overtook that of a renewal
            owner.deliveries().remove(this);
        }
    }

    /** The same if its lease is over. Answers false also if it is prolonged, or left to a transaction, in this moment. */
    boolean lapses(long now) {
        if (!isLapsed(now)) {
            return false;
        }
        owner.deliveries().remove(this);
        boolean lapsed = isLapsed(owner.time().nanos());
        if (lapsed) {
            freeRoom();
            owner.drain();
        } else {
            register();
        }
        return lapsed;
    }

    private Mono<Boolean> settle(Outcome outcome, Duration after, @Nullable String reason) {
        return Mono.deferContextual(caller -> {
            Settlement said = settlement(outcome, after, reason);
            Settling mine = new Settling(outcome);
            Settling first = settling.compareAndExchange(null, mine);
            if (first != null) {
                return first.answerTo(said);
            }
            send(mine, said, caller);
            return mine.answerTo(said);
        });
    }

    Settlement settlement(Outcome outcome, Duration after, @Nullable String reason) {
        Duration bounded = after.compareTo(LONGEST) > 0 ? LONGEST : after;
        String kept = reason == null ? null : Reasons.storable(reason);
        return new Settlement(outcome, channel(), id(), key(), token, bounded, kept);
    }

    /** Detached from who asked: an outcome that was said is sent, whether or not somebody waits for the answer. */
    private void send(Settling mine, Settlement settlement, ContextView caller) {
        Activity activity = owner.observed().settling(this, settlement.outcome(), caller);
        boolean isLate = leaseEnd.othersMayHaveTheRow(owner.time().nanos());
        owner.settler()
                .settle(settlement, () -> settleSent(settlement), isLate)
                .map(answer -> applied(settlement, answer))
                .subscribe(
                        held -> {
                            activity.end(held ? End.DONE : End.LOST, null);
                            mine.answer(held);
                        },
                        error -> {
                            activity.end(End.FAILED, error);
                            owner.tally().unanswered();
                            owner.observed().settled(channel(), settlement.outcome(), false);
                            settling.set(null);
                            mine.fail(error);
                        });
    }

    /** What is released was not worked: it says nothing of the consumer's pace. */
    private void settleSent(Settlement settlement) {
        if (handedOver && settlement.outcome() != Outcome.RELEASE && holdsRoom.get()) {
            owner.countPace();
        }
        freeRoom();
    }

    private void freeRoom() {
        if (holdsRoom.compareAndSet(true, false)) {
            owner.roomFreed();
        }
    }

    /**
     * The truth about this delivery. A row that is gone while our lease had not lapsed was deleted by us, since nobody else
     * may: an acknowledgement that was tried again after its answer was lost. Later anybody may have had it.
     */
    private boolean applied(Settlement settlement, Settler.Answer answer) {
        SettleResult result = answer.result();
        boolean lapsed = isLapsed(owner.time().nanos());
        if (result == SettleResult.GONE && settlement.outcome() == Outcome.ACK && lapsed) {
            throw new EventException.OutcomeUnknown(
                    "Event " + eventId() + " was to be acknowledged after its lease had lapsed, and its row is gone:"
                            + " it was acknowledged, by this delivery or by a later one.",
                    null);
        }
        settled = true;
        owner.deliveries().remove(this);
        if (result == SettleResult.APPLIED && answer.frees()) {
            owner.wake(channel());
        }
        boolean held =
                result == SettleResult.APPLIED || result == SettleResult.GONE && settlement.outcome() == Outcome.ACK;
        lost = !held;
        owner.tally().answered(settlement.outcome(), held);
        owner.observed().settled(channel(), settlement.outcome(), held);
        return held;
    }
}
