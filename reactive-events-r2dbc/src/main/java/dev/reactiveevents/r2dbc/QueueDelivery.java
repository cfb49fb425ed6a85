package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * A message in somebody's hands: a transaction that is open and holds it. What was worked on is removed before the transaction
 * ends, so that a rollback is counted; what nobody was given is only let go. Its lease is kept here, because Oracle knows none: a
 * consumer that lost the message does not keep it and its connection for ever.
 */
final class QueueDelivery {

    private enum State {
        OPEN,
        SETTLING,
        OVER
    }

    private final QueueSession session;
    private final QueueSessions sessions;
    private final Function<Connection, Mono<Void>> removal;
    private final Runnable over;
    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);
    private final Disposable.Swap lease = Disposables.swap();
    private volatile @Nullable Throwable unknown;
    private volatile Duration leased = Duration.ZERO;
    private long until;

    /**
     * A delivery.
     *
     * @param removal removes the message
     * @param over is told when it is over
     */
    QueueDelivery(
            QueueSession session, QueueSessions sessions, Function<Connection, Mono<Void>> removal, Runnable over) {
        this.session = session;
        this.sessions = sessions;
        this.removal = removal;
        this.over = over;
    }

    /** Keeps it for as long from now, if it would not be kept for longer anyway. {@return whether it is still held} */
    synchronized boolean lease(Duration duration) {
        if (state.get() != State.OPEN) {
            return state.get() == State.SETTLING;
        }
        long end = System.nanoTime() + duration.toNanos();
        if (until == 0 || end - until > 0) {
            until = end;
            leased = duration;
            lease.update(Mono.delay(duration).subscribe(lapsed -> lapse()));
        }
        return true;
    }

    void lapse() {
        retry().subscribe(done -> {}, failure -> {});
    }

    /** Of what may have been done nothing more can be said than that. */
    private Mono<Boolean> isOver() {
        Throwable failure = unknown;
        return failure == null ? Mono.just(false) : Mono.error(failure);
    }

    /** Gives it back, which Oracle counts. Answers false if it was over. */
    Mono<Boolean> retry() {
        return giveBack(Mono.defer(() -> remove(connection -> Mono.empty())).then());
    }

    /** Gives it back as if it had never been taken. Answers false if it was over. */
    Mono<Boolean> release() {
        return giveBack(Mono.empty());
    }

    /** What fails is a rollback too: the connection is closed, or lost. */
    private Mono<Boolean> giveBack(Mono<Void> before) {
        return settled(before.then(session.rollback())
                .then(Mono.fromRunnable(this::end))
                .onErrorResume(failure -> Mono.fromRunnable(this::drop))
                .thenReturn(true));
    }

    private Mono<Boolean> settled(Mono<Boolean> settling) {
        return QueueSession.toItsEnd(Mono.defer(() -> {
            if (!state.compareAndSet(State.OPEN, State.SETTLING)) {
                return isOver();
            }
            sessions.ends(session);
            return settling;
        }));
    }

    private Mono<Boolean> remove(Function<Connection, Mono<Void>> before) {
        return session.run(connection -> before.apply(connection)
                .then(Mono.defer(() -> removal.apply(connection)))
                .thenReturn(true));
    }

    /**
     * Takes it out of the queue. Answers false if it was over, as it is with the connection. What else fails before the commit
     * can be repeated.
     *
     * @param before is done in the same transaction
     * @param attempted what is done, for messages
     */
    Mono<Boolean> take(Function<Connection, Mono<Void>> before, Failures failures, String attempted) {
        return settled(Mono.defer(() -> remove(before))
                .map(removed -> committed(failures, attempted))
                .onErrorResume(failure -> Mono.just(undone(failure, failures, attempted)))
                .flatMap(outcome -> outcome));
    }

    private Mono<Boolean> undone(Throwable failure, Failures failures, String attempted) {
        if (failures.isLost(failure)) {
            finish();
            sessions.lost(session);
            return Mono.just(false);
        }
        reopen();
        return Mono.error(Failures.outcome(failures.ofUndone(attempted, failure)));
    }

    /** If it fails, whether it was done is not known, and no repetition helps: each is told so while there may be some. */
    private Mono<Boolean> committed(Failures failures, String attempted) {
        return session.commit()
                .doOnSuccess(done -> end())
                .thenReturn(true)
                .onErrorMap(failure -> Failures.outcome(failures.ofCommit(attempted, failure)))
                .doOnError(failure -> {
                    unknown = failure;
                    state.set(State.OVER);
                    sessions.lost(session);
                    lease.update(Mono.delay(askedAgain()).subscribe(late -> over.run()));
                });
    }

    /** The engine repeats for a lease, and gives up after two and a second. */
    private Duration askedAgain() {
        return leased.multipliedBy(2).plusSeconds(1);
    }

    private synchronized void reopen() {
        sessions.stays(session);
        state.set(State.OPEN);
        if (System.nanoTime() - until >= 0) {
            lapse();
        }
    }

    private void end() {
        finish();
        sessions.giveBack(session);
    }

    private void drop() {
        finish();
        sessions.drop(session);
    }

    private void finish() {
        state.set(State.OVER);
        lease.dispose();
        over.run();
    }

    /** Rolls back what nobody wants. */
    static void giveBack(QueueSession session, QueueSessions sessions) {
        sessions.ends(session);
        session.rollback().subscribe(done -> {}, failure -> sessions.drop(session), () -> sessions.giveBack(session));
    }
}
