package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.Dialect;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.function.Function;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * A connection on which one message at a time is taken, and held until its transaction ends. What it is asked runs to its end,
 * whoever leaves, unless it says otherwise. Before it is closed it is rolled back, always: Oracle commits what is open on a connection that is closed.
 */
final class QueueSession {

    private static final Logger LOG = Loggers.getLogger(QueueSession.class);

    /** A connection that does not answer is left to itself. */
    static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Connection connection;

    private QueueSession(Connection connection) {
        this.connection = connection;
    }

    static Mono<QueueSession> on(Connection connection, Dialect dialect) {
        QueueSession session = new QueueSession(connection);
        return dialect.begin(connection)
                .thenReturn(session)
                .onErrorResume(failure -> session.close().then(Mono.error(failure)));
    }

    /** Is called off with its subscription, as far as the driver can do so; then it is of use for nothing but to be closed. */
    <T> Mono<T> runUntilCancelled(Function<Connection, Mono<T>> work) {
        return Mono.defer(() -> work.apply(connection));
    }

    <T> Mono<T> run(Function<Connection, Mono<T>> work) {
        return toItsEnd(Mono.defer(() -> work.apply(connection)));
    }

    Mono<Void> commit() {
        return toItsEnd(Mono.defer(() -> Mono.from(connection.commitTransaction())));
    }

    Mono<Void> rollback() {
        return toItsEnd(Mono.defer(() -> Mono.from(connection.rollbackTransaction())));
    }

    static <T> Mono<T> toItsEnd(Mono<T> work) {
        Mono<T> cached = work.cache();
        return Mono.defer(() -> {
            cached.subscribe(done -> {}, failure -> {});
            return cached;
        });
    }

    /**
     * Completes when it is closed, or after a while. With a call on its way the driver may wait for that, and for its locks: so
     * this is done where it may, and goes on when nobody waits any more.
     */
    Mono<Void> close() {
        return toItsEnd(Mono.defer(() -> Mono.from(connection.rollbackTransaction()))
                        .then()
                        .onErrorComplete()
                        .then(Mono.defer(() -> Mono.from(connection.close())))
                        .doOnError(failure -> LOG.debug("A connection could not be closed in order.", failure))
                        .onErrorComplete()
                        .subscribeOn(Schedulers.boundedElastic()))
                .timeout(PATIENCE, Mono.empty());
    }
}
