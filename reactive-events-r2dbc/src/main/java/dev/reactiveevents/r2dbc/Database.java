package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ValidationDepth;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;
import reactor.util.retry.Retry;

/**
 * Runs work on connections: one connection for each, never while another is held, and closed whatever happens. Work that is
 * in conflict with others is done again; other failures become the exceptions of this library. The caller's Reactor Context
 * is left out, because a factory that knows Spring would join the caller's transaction through it.
 */
final class Database {

    private static final Retry AFTER_CONFLICT = Retry.backoff(8, Duration.ofMillis(5))
            .maxBackoff(Duration.ofMillis(500))
            .jitter(0.75)
            .filter(Failures.Conflict.class::isInstance)
            .onRetryExhaustedThrow((spec, signal) -> signal.failure());

    private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(1);

    private final ConnectionFactory factory;
    private final Dialect dialect;
    private final Failures failures;
    private final Release release;
    private volatile boolean verified;

    Database(ConnectionFactory factory, Dialect dialect, QueueTable table) {
        this(factory, dialect, new Failures(dialect, table));
    }

    Database(ConnectionFactory factory, Dialect dialect, Failures failures) {
        this.factory = factory;
        this.dialect = dialect;
        this.failures = failures;
        this.release = new Release(dialect.blocks());
    }

    /**
     * Runs one statement, which commits by itself, or is committed where the session was told not to. The sentence of an error
     * begins with what was attempted.
     */
    <T> Mono<T> statement(String attempted, Function<Connection, Mono<T>> work) {
        return again(Mono.usingWhen(
                connect(attempted),
                lent -> lent.run(offloaded(onceVerified(attempted, lent.connection, () -> work.apply(lent.connection))
                        .onErrorMap(failure -> failures.ofCommit(attempted, failure)))),
                lent -> lent.connection.isAutoCommit() ? close(lent) : commit(attempted, lent),
                (lent, failure) -> closeWhenOver(lent),
                this::closeWhenOver));
    }

    /** Runs work in a transaction. */
    <T> Mono<T> transaction(String attempted, Function<Connection, Mono<T>> work) {
        return again(Mono.usingWhen(
                connect(attempted),
                lent -> lent.run(
                        offloaded(onceVerified(attempted, lent.connection, () -> dialect.begin(lent.connection))
                                .then(Mono.defer(() -> work.apply(lent.connection)))
                                .onErrorMap(failure -> failures.ofUndone(attempted, failure)))),
                lent -> commit(attempted, lent),
                (lent, failure) -> rollback(lent),
                lent -> lent.ended().then(rollback(lent))));
    }

    /** Runs a claim or settlements in a transaction, if they are not one. */
    <T> Mono<T> atOnce(String attempted, Function<Connection, Mono<T>> work) {
        return dialect.transactsAtOnce() ? ended(attempted, work) : transaction(attempted, work);
    }

    /** Runs work that commits by itself, and is rolled back if it does not. */
    private <T> Mono<T> ended(String attempted, Function<Connection, Mono<T>> work) {
        return again(Mono.usingWhen(
                connect(attempted),
                lent -> lent.run(offloaded(onceVerified(attempted, lent.connection, () -> work.apply(lent.connection))
                        .onErrorMap(failure -> failures.ofCommit(attempted, failure)))),
                this::close,
                (lent, failure) -> rollback(lent),
                lent -> lent.ended().then(rollback(lent))));
    }

    /**
     * A connection, and the work that runs on it. Who cancels leaves at once, and the work is not interrupted but awaited:
     * otherwise a rollback could overtake it, and the next to use the connection meet it.
     */
    private static final class Lent {

        private final Connection connection;
        private volatile Mono<?> work = Mono.empty();

        Lent(Connection connection) {
            this.connection = connection;
        }

        <T> Mono<T> run(Mono<T> cancellable) {
            Mono<T> toItsEnd = cancellable.cache();
            work = toItsEnd;
            return toItsEnd;
        }

        Mono<Void> ended() {
            return Mono.defer(() -> work.then().onErrorComplete());
        }
    }

    private Mono<Lent> connect(String attempted) {
        return offloaded(Mono.defer(() -> Mono.<Connection>from(factory.create())), dialect.blocksToConnect())
                .map(Lent::new)
                .onErrorMap(failure -> failures.ofUndone(attempted, failure));
    }

    /** The work, once it is known that the dialect can work with this database. */
    private <T> Mono<T> onceVerified(String attempted, Connection connection, Supplier<Mono<T>> work) {
        Mono<T> deferred = Mono.defer(work);
        return verified
                ? deferred
                : Mono.defer(() -> dialect.verify(factory, connection))
                        .doOnSuccess(done -> verified = true)
                        .onErrorMap(failure -> failures.ofUndone(attempted, failure))
                        .then(deferred);
    }

    private Mono<Void> commit(String attempted, Lent lent) {
        return offloaded(Mono.defer(() -> dialect.commit(lent.connection)))
                .onErrorMap(failure -> failures.ofCommit(attempted, failure))
                .onErrorResume(failure -> rollback(lent).then(Mono.error(failure)))
                .then(close(lent));
    }

    private Mono<Void> rollback(Lent lent) {
        return release.after(Mono.defer(() -> dialect.rollback(lent.connection)), lent.connection);
    }

    private Mono<Void> close(Lent lent) {
        return release.of(lent.connection);
    }

    /**
     * A server may tell of the end of a connection before it closes it: a pool that had it back in between would lend it again.
     * So it is asked for a sign of life first, as a rollback asks for one. In a session that does not commit by itself the
     * statement is in a transaction, which may have failed, and nobody else is to go on with.
     */
    private Mono<Void> closeWhenOver(Lent lent) {
        Mono<Void> sign = lent.work
                .then()
                .onErrorResume(failure -> mayBeLost(failure) ? signOfLife(lent.connection) : Mono.empty());
        Mono<Void> last = isAutoCommit(lent) ? sign : sign.then(Mono.defer(() -> dialect.rollback(lent.connection)));
        return lent.ended().then(release.after(last, lent.connection));
    }

    /** Some drivers do not answer this of a connection that is closed. */
    private static boolean isAutoCommit(Lent lent) {
        try {
            return lent.connection.isAutoCommit();
        } catch (RuntimeException closed) {
            return true;
        }
    }

    private static boolean mayBeLost(Throwable failure) {
        return failure instanceof EventException.OutcomeUnknown || failure instanceof EventException.Unavailable;
    }

    private static Mono<Void> signOfLife(Connection connection) {
        return Mono.from(connection.validate(ValidationDepth.REMOTE))
                .timeout(SIGN_OF_LIFE)
                .then();
    }

    private <T> Mono<T> offloaded(Mono<T> mayBlock) {
        return offloaded(mayBlock, dialect.blocks());
    }

    private static <T> Mono<T> offloaded(Mono<T> mayBlock, boolean blocks) {
        return blocks ? mayBlock.subscribeOn(Schedulers.boundedElastic()) : mayBlock;
    }

    private static <T> Mono<T> again(Mono<T> once) {
        Mono<T> unwrapped = once.onErrorMap(Database::unwrapped);
        return unwrapped
                .onErrorResume(Failures.Conflict.class, conflict -> afterConflict(conflict, unwrapped))
                .contextWrite(context -> Context.empty());
    }

    /** Made only when it is needed: to be ready for it would cost each small statement more than anything else here. */
    private static <T> Mono<T> afterConflict(Failures.Conflict conflict, Mono<T> again) {
        AtomicBoolean first = new AtomicBoolean(true);
        return Mono.defer(() -> first.getAndSet(false) ? Mono.<T>error(conflict) : again)
                .retryWhen(AFTER_CONFLICT)
                .onErrorMap(Failures.Conflict.class, Failures.Conflict::outcome);
    }

    /** The failure of a commit comes wrapped, because it is the end of a {@code usingWhen}. */
    private static Throwable unwrapped(Throwable failure) {
        boolean known = failure instanceof EventException || failure instanceof Failures.Conflict;
        return known || failure.getCause() == null ? failure : failure.getCause();
    }
}
