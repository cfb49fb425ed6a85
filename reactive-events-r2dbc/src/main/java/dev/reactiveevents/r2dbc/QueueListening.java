package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Incoming;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * What is taken from the queue of one channel. At most one dequeue of it waits; what that brings is kept for the next claim, or
 * given back if none comes.
 */
final class QueueListening {

    private static final Logger LOG = Loggers.getLogger(QueueListening.class);

    /** A claim comes as soon as it is told of the arrival, unless nobody wants the event any more. */
    private static final Duration KEPT = Duration.ofMillis(500);

    private final String channel;
    private final QueueNames names;
    private final AdvancedQueueStatements statements;
    private final QueueSessions sessions;
    private final Failures failures;
    private final Duration wait;
    private final News news;
    private @Nullable Waiting waiting;
    private boolean stopped;
    private @Nullable Arrival arrived;
    private @Nullable Throwable failed;

    /** Where it is told that a claim would find something. */
    interface News {
        void tell();

        /** {@return whether anybody hears it} */
        boolean isHeard();
    }

    /** A dequeue that waits. To dispose of it is to call it off, and its session goes with it. */
    private record Waiting(QueueSession session, Disposable.Swap call) {}

    /** A message whose transaction is open. */
    record Arrival(String channel, Incoming message, QueueSession session) {}

    /**
     * The dequeues of a channel.
     *
     * @param news what is told that a claim would find something
     */
    QueueListening(
            String channel,
            QueueNames names,
            AdvancedQueueStatements statements,
            QueueSessions sessions,
            Failures failures,
            Duration wait,
            News news) {
        this.channel = channel;
        this.names = names;
        this.statements = statements;
        this.sessions = sessions;
        this.failures = failures;
        this.wait = wait;
        this.news = news;
    }

    /** The next message; empty if there is none, and then one is waited for. Fails as the last wait did. */
    Mono<Arrival> next() {
        return Mono.defer(() -> {
            Arrival kept;
            Throwable failure;
            boolean busy;
            synchronized (this) {
                kept = arrived;
                arrived = null;
                failure = failed;
                failed = null;
                busy = waiting != null || stopped;
            }
            if (kept != null) {
                return Mono.just(kept);
            }
            if (failure != null) {
                return Mono.error(told(failure));
            }
            return busy ? Mono.empty() : dequeue();
        });
    }

    private Throwable told(Throwable failure) {
        return Failures.outcome(failures.ofUndone("Taking events from " + names, failure));
    }

    /** Runs to its end: what comes when nobody waits for it any more is given back. */
    private Mono<Arrival> dequeue() {
        Mono<Arrival> whole = sessions.take()
                .flatMap(session -> dequeue(session, Duration.ZERO)
                        .doOnError(failure -> sessions.lost(session))
                        .switchIfEmpty(Mono.fromRunnable(() -> waitOn(session))))
                .onErrorMap(this::told)
                .cache();
        return whole.doOnCancel(() -> whole.subscribe(
                late -> QueueDelivery.giveBack(late.session(), sessions), failure -> LOG.debug("Too late.", failure)));
    }

    private Mono<Arrival> dequeue(QueueSession session, Duration wait) {
        Function<Connection, Mono<Incoming>> call =
                connection -> statements.dequeue(connection, names.of(channel), names.correlation(channel), wait);
        return (wait.isZero() ? session.run(call) : session.runUntilCancelled(call))
                .map(message -> new Arrival(channel, message, session));
    }

    /**
     * Nobody waits for this: what comes of it is told. It may be called off before it has begun; its session is closed behind it
     * nevertheless, because a dequeue that comes after the rollback of a close would be committed by it.
     */
    private void waitOn(QueueSession session) {
        Waiting own = new Waiting(session, Disposables.swap());
        if (!begins(own) || !news.isHeard() && ends(own, null)) {
            sessions.giveBack(session);
            return;
        }
        Disposable dequeue = dequeue(session, wait)
                .map(Optional::of)
                .defaultIfEmpty(Optional.empty())
                .subscribe(found -> ended(own, found.orElse(null)), failure -> failed(own, failure));
        own.call().update(() -> {
            dequeue.dispose();
            sessions.drop(session);
        });
    }

    private synchronized boolean begins(Waiting own) {
        boolean begins = waiting == null && arrived == null && !stopped;
        waiting = begins ? own : waiting;
        return begins;
    }

    /** Answers false if it was called off. */
    private synchronized boolean ends(Waiting own, @Nullable Arrival arrival) {
        boolean ends = own.equals(waiting);
        if (ends) {
            waiting = null;
            arrived = arrival;
        }
        return ends;
    }

    /** A claim finds out whether somebody still wants one. */
    private void ended(Waiting own, @Nullable Arrival arrival) {
        if (!ends(own, arrival)) {
            return;
        }
        if (arrival == null) {
            sessions.giveBack(own.session());
        }
        news.tell();
        if (arrival != null && news.isHeard()) {
            Mono.delay(KEPT).subscribe(late -> giveBack(arrival));
        } else if (arrival != null) {
            giveBack(arrival);
        }
    }

    private void failed(Waiting own, Throwable failure) {
        synchronized (this) {
            if (!own.equals(waiting)) {
                return;
            }
            waiting = null;
            failed = failure;
        }
        LOG.debug("A dequeue that waited has failed.", failure);
        sessions.lost(own.session());
        news.tell();
    }

    private void giveBack(Arrival arrival) {
        synchronized (this) {
            if (!arrival.equals(arrived)) {
                return;
            }
            arrived = null;
        }
        QueueDelivery.giveBack(arrival.session(), sessions);
    }

    /** Nobody subscribes any more: what is on its way is called off, as far as the driver can do so. */
    void rest() {
        Arrival kept;
        Waiting calledOff;
        synchronized (this) {
            kept = arrived;
            calledOff = waiting;
            waiting = null;
            failed = null;
        }
        if (kept != null) {
            giveBack(kept);
        }
        if (calledOff != null) {
            calledOff.call().dispose();
        }
    }

    void stop() {
        synchronized (this) {
            stopped = true;
        }
        rest();
    }
}
