package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.Dialect;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Wrapped;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
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
    private final ConcurrentLinkedDeque<QueueSession> unused = new ConcurrentLinkedDeque<>();
    private final AtomicInteger count = new AtomicInteger();
    private volatile boolean closed;

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

    /** To be given back, or dropped. One that comes when nobody waits for it any more is kept. */
    Mono<QueueSession> take() {
        return Mono.defer(() -> {
            QueueSession last = unused.pollFirst();
            if (last == null) {
                return open();
            }
            count.decrementAndGet();
            return Mono.just(last);
        });
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
        if (closed || count.get() >= kept) {
            drop(session);
        } else {
            count.incrementAndGet();
            unused.addFirst(session);
        }
    }

    /** A call on it has failed: those that are not in use may be lost with it, and are not tried one after the other. */
    void lost(QueueSession session) {
        drop(session);
        QueueSession other;
        while ((other = unused.pollFirst()) != null) {
            count.decrementAndGet();
            drop(other);
        }
    }

    void drop(QueueSession session) {
        open.remove(session);
        session.close().subscribe();
    }

    /** Rolls back what is open, whoever holds it. */
    Mono<Void> close() {
        return Mono.defer(() -> {
            closed = true;
            return Flux.fromIterable(open).flatMap(QueueSession::close, 64).then();
        });
    }
}
