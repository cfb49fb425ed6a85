package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * A message in somebody's hands: a transaction that is open. Its lease is kept here, because Oracle knows none: when it lapses the
 * transaction is rolled back, so that a consumer that lost the message does not keep it and its connection for ever.
 */
final class QueueDelivery {

    private enum State {
        OPEN,
        SETTLING,
        UNKNOWN,
        OVER
    }

    private final ClaimedEvent event;
    private final QueueSession session;
    private final QueueSessions sessions;
    private final Runnable over;
    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);
    private final Disposable.Swap lease = Disposables.swap();
    private volatile @Nullable Throwable unknown;
    private long until;

    /**
     * A delivery.
     *
     * @param over is told when it is over
     */
    QueueDelivery(ClaimedEvent event, QueueSession session, QueueSessions sessions, Runnable over) {
        this.event = event;
        this.session = session;
        this.sessions = sessions;
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
            lease.update(Mono.delay(duration).subscribe(lapsed -> lapse()));
        }
        return true;
    }

    void lapse() {
        if (state.compareAndSet(State.UNKNOWN, State.OVER)) {
            over.run();
        }
        rollback().subscribe(done -> {}, failure -> {});
    }

    /** Of what may have been done nothing more can be said than that. */
    private Mono<Boolean> isOver() {
        Throwable failure = unknown;
        return failure == null ? Mono.just(false) : Mono.error(failure);
    }

    /** Answers false if it was over. A rollback that fails is one too: the connection is closed, or lost. */
    Mono<Boolean> rollback() {
        return Mono.defer(() -> {
            if (!state.compareAndSet(State.OPEN, State.SETTLING)) {
                return isOver();
            }
            return session.rollback()
                    .then(Mono.fromRunnable(this::end))
                    .onErrorResume(failure -> Mono.fromRunnable(this::drop))
                    .thenReturn(true);
        });
    }

    /** Answers false if it was over. */
    Mono<Boolean> commit(Function<Throwable, Throwable> unknown) {
        return Mono.defer(() -> state.compareAndSet(State.OPEN, State.SETTLING) ? committed(unknown) : isOver());
    }

    /** If it fails, whether it was done is not known, and no repetition helps. */
    private Mono<Boolean> committed(Function<Throwable, Throwable> told) {
        return session.commit()
                .doOnSuccess(done -> end())
                .thenReturn(true)
                .onErrorMap(told)
                .doOnError(failure -> {
                    unknown = failure;
                    state.set(State.UNKNOWN);
                    sessions.lost(session);
                });
    }

    /** Stores a dead letter and takes the message, in its transaction. What fails before the commit can be repeated. */
    Mono<Boolean> bury(
            AdvancedQueueStatements statements,
            @Nullable String reason,
            Function<Throwable, Throwable> undone,
            Function<Throwable, Throwable> unknown) {
        return Mono.defer(() -> {
            if (!state.compareAndSet(State.OPEN, State.SETTLING)) {
                return isOver();
            }
            return session.run(connection -> statements
                            .storeDead(connection, new DeadEvent(event, reason))
                            .thenReturn(true))
                    .onErrorMap(undone)
                    .doOnError(failure -> reopen())
                    .then(Mono.defer(() -> committed(unknown)));
        });
    }

    private synchronized void reopen() {
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
        session.rollback().subscribe(done -> {}, failure -> sessions.drop(session), () -> sessions.giveBack(session));
    }
}
