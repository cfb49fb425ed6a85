package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.Dialect;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Wrapped;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/**
 * The connections on which messages are taken. They are not from a pool, where they would be missed by others and looked over by
 * it; some that are not in use are kept.
 */
final class QueueSessions {

    private final ConnectionFactory factory;
    private final Dialect dialect;
    private final int kept;
    private final Set<QueueSession> open = ConcurrentHashMap.newKeySet();
    private final Deque<QueueSession> unused = new ArrayDeque<>();
    private final Set<QueueSession> ending = new HashSet<>();
    private final Queue<Sinks.One<Optional<QueueSession>>> waiting = new ArrayDeque<>();
    private boolean closed;

    /**
     * Connections.
     *
     * @param kept how many that are not in use are kept
     */
    QueueSessions(ConnectionFactory factory, Dialect dialect, int kept) {
        this.factory = innermost(factory);
        this.dialect = dialect;
        this.kept = kept;
    }

    private static ConnectionFactory innermost(ConnectionFactory factory) {
        ConnectionFactory inner = factory;
        while (inner instanceof Wrapped<?> wrapped && wrapped.unwrap() instanceof ConnectionFactory next) {
            inner = next;
        }
        return inner;
    }

    /**
     * To be given back, or dropped. One that comes when nobody waits for it any more is kept. If one is about to come back, that
     * is waited for: the next claim is made before the last event is settled, and would open a connection each time.
     */
    Mono<QueueSession> take() {
        return Mono.defer(() -> {
            QueueSession last;
            Sinks.One<Optional<QueueSession>> turn = null;
            synchronized (this) {
                last = unused.pollFirst();
                if (last == null && ending.size() > waiting.size()) {
                    turn = Sinks.one();
                    waiting.add(turn);
                }
            }
            if (last != null) {
                return Mono.just(last);
            }
            return turn == null ? open() : waitFor(turn);
        });
    }

    private Mono<QueueSession> waitFor(Sinks.One<Optional<QueueSession>> turn) {
        return turn.asMono()
                .doOnCancel(() -> calledOff(turn))
                .flatMap(came -> came.map(Mono::just).orElseGet(this::open));
    }

    /** What was on its way to who waited is for others. */
    private void calledOff(Sinks.One<Optional<QueueSession>> turn) {
        boolean came;
        synchronized (this) {
            came = !waiting.remove(turn);
        }
        if (came) {
            turn.asMono().subscribe(session -> session.ifPresent(this::giveBack));
        }
    }

    /** It is about to be given back, or dropped. */
    synchronized void ends(QueueSession session) {
        ending.add(session);
    }

    /** It is not: who waits for it opens another one. */
    void stays(QueueSession session) {
        Sinks.One<Optional<QueueSession>> turn;
        synchronized (this) {
            turn = ending.remove(session) ? waiting.poll() : null;
        }
        if (turn != null) {
            turn.tryEmitValue(Optional.empty());
        }
    }

    private Mono<QueueSession> open() {
        Mono<QueueSession> opening = Mono.defer(() -> Mono.<Connection>from(factory.create()))
                .flatMap(connection -> QueueSession.on(connection, dialect))
                .doOnNext(open::add)
                .contextWrite(context -> Context.empty())
                .subscribeOn(Schedulers.boundedElastic())
                .cache();
        return opening.doOnCancel(() -> opening.subscribe(this::giveBack, failure -> {}));
    }

    /** Nothing must be open on it. */
    void giveBack(QueueSession session) {
        Sinks.One<Optional<QueueSession>> turn;
        boolean stays;
        synchronized (this) {
            turn = closed ? null : waiting.poll();
            stays = turn == null && !closed && unused.size() < kept;
            if (turn != null || stays) {
                ending.remove(session);
            }
            if (stays) {
                unused.addFirst(session);
            }
        }
        if (turn != null) {
            turn.tryEmitValue(Optional.of(session));
        } else if (!stays) {
            drop(session);
        }
    }

    /** A call on it has failed: those that are not in use may be lost with it, and are not tried one after the other. */
    void lost(QueueSession session) {
        List<QueueSession> others;
        synchronized (this) {
            others = List.copyOf(unused);
            unused.clear();
        }
        drop(session);
        others.forEach(this::drop);
    }

    void drop(QueueSession session) {
        open.remove(session);
        stays(session);
        session.close().subscribe();
    }

    /** Rolls back what is open, whoever holds it. */
    Mono<Void> close() {
        return Mono.defer(() -> {
            synchronized (this) {
                closed = true;
            }
            return Flux.fromIterable(open).flatMap(QueueSession::close, 64).then();
        });
    }
}
