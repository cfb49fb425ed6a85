package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.TransactionStatements;
import dev.reactiveevents.spi.Enlistment;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;

/**
 * Runs handlers in transactions that settle their events. The event's row is locked first and settled last; in between the
 * engine leaves it alone. Our own statements run to their end, whoever cancels; the handler's work is cancelled.
 */
final class Transactions {

    private static final Logger LOG = Loggers.getLogger(Transactions.class);

    private final ConnectionFactory factory;
    private final Dialect dialect;
    private final TransactionStatements statements;
    private final Failures failures;
    private final Duration connectionTimeout;

    /**
     * Transactions.
     *
     * @param connectionTimeout how long to wait for a connection
     */
    Transactions(
            ConnectionFactory factory,
            Dialect dialect,
            TransactionStatements statements,
            Failures failures,
            Duration connectionTimeout) {
        this.factory = factory;
        this.dialect = dialect;
        this.statements = statements;
        this.failures = failures;
        this.connectionTimeout = connectionTimeout;
    }

    EventHandler handler(EventChannel channel, TransactionalHandler work) {
        return message -> Mono.defer(() -> {
            Transaction transaction = new Transaction(channel, message, work);
            return Mono.usingWhen(
                            connection(message),
                            transaction::run,
                            transaction::commit,
                            (connection, failure) -> transaction.rollback(connection),
                            transaction::rollback)
                    .onErrorMap(transaction::told)
                    .onErrorResume(failure -> transaction.failed(failure).then(Mono.error(failure)));
        });
    }

    /** Without the caller's context, because a factory that knows Spring would join the caller's transaction through it. */
    private Mono<Connection> connection(EventMessage message) {
        return offloaded(Mono.defer(() -> Mono.<Connection>from(factory.create())))
                .contextWrite(context -> Context.empty())
                .timeout(connectionTimeout)
                .onErrorMap(
                        TimeoutException.class,
                        late -> new EventException.Unavailable(
                                "The transaction for event " + message.eventId() + " got no connection within "
                                        + connectionTimeout
                                        + ". Each holds one while its handler runs, and the channel needs others: make the pool"
                                        + " larger or the concurrency of the handlers smaller.",
                                late))
                .onErrorMap(failure -> failures.ofUndone(attempted(message), failure));
    }

    private static String attempted(EventMessage message) {
        return "The transaction for event " + message.eventId();
    }

    private <T> Mono<T> offloaded(Mono<T> mayBlock) {
        return dialect.blocks() ? mayBlock.subscribeOn(Schedulers.boundedElastic()) : mayBlock;
    }

    /** One handling of one event. */
    private final class Transaction {

        private final EventChannel channel;
        private final EventMessage message;
        private final TransactionalHandler work;
        private @Nullable Enlistment enlistment;
        private @Nullable GuardedConnection lent;
        private volatile Mono<?> statement = Mono.empty();
        private volatile boolean settled;
        private volatile @Nullable Throwable commitFailure;

        Transaction(EventChannel channel, EventMessage message, TransactionalHandler work) {
            this.channel = channel;
            this.message = message;
            this.work = work;
        }

        /** What is settled already, or in other hands by now, is not worked on. */
        Mono<Void> run(Connection connection) {
            return Mono.defer(() -> {
                Enlistment enlisted = EventChannels.enlist(channel, message);
                if (enlisted == null) {
                    return Mono.empty();
                }
                enlistment = enlisted;
                return toItsEnd(statements.open(
                                connection, enlisted.eventId(), enlisted.leaseToken(), enlisted.maxProcessingTime()))
                        .filter(held -> held)
                        .flatMap(held -> work(connection, enlisted)
                                .then(Mono.defer(() -> toItsEnd(statements.settle(connection, enlisted.outcome())))))
                        .flatMap(this::requireSettled);
            });
        }

        /** What runs by now is ended before anything else is done on the connection. */
        private <T> Mono<T> toItsEnd(Mono<T> cancellable) {
            Mono<T> whole = offloaded(cancellable)
                    .contextWrite(context -> Context.empty())
                    .onErrorMap(failure -> failures.ofUndone(attempted(message), failure))
                    .cache();
            statement = whole;
            return whole;
        }

        private Mono<Void> work(Connection connection, Enlistment enlisted) {
            GuardedConnection guarded = new GuardedConnection(connection, enlisted.eventId());
            lent = guarded;
            Duration limit = enlisted.maxProcessingTime();
            return Flux.defer(() -> Objects.requireNonNull(
                            work.handle(message, guarded),
                            "The transactional handler returned null; return a publisher, such as Mono.empty()."))
                    .then()
                    .timeout(limit)
                    .onErrorMap(
                            TimeoutException.class,
                            late -> new EventException.Unavailable(
                                    "The handler of event " + message.eventId() + " did not end within " + limit
                                            + "; what it did was rolled back. Make it faster, or the maximum processing time longer.",
                                    late))
                    .takeUntilOther(enlisted.abandoned()
                            .then(Mono.error(new EventException.Closed("The handler of event " + message.eventId()
                                    + " was cancelled and rolled back, because its channel is being shut down."))))
                    .doFinally(end -> guarded.end());
        }

        private Mono<Void> requireSettled(boolean applied) {
            settled = applied;
            return applied
                    ? Mono.empty()
                    : Mono.error(new EventException.Invalid("Event " + message.eventId()
                            + " could not be settled by the transaction of its handler: the handler's own statements changed"
                            + " or ended it. What it did was rolled back; leave the event's row and the transaction's end"
                            + " to the channel."));
        }

        Mono<Void> commit(Connection connection) {
            if (!settled) {
                return rollback(connection);
            }
            return offloaded(Mono.defer(() -> dialect.commit(connection)))
                    .onErrorMap(failure -> failures.ofCommit(attempted(message), failure))
                    .doOnSuccess(done -> committed())
                    .onErrorResume(failure -> {
                        commitFailure = failure;
                        return rollback(connection).then(Mono.error(failure));
                    })
                    .then(ended(connection));
        }

        private void committed() {
            Enlistment enlisted = Objects.requireNonNull(enlistment);
            statements.committed(enlisted.outcome());
            enlisted.committed();
        }

        /** The failure of a commit comes wrapped, because it is the end of a {@code usingWhen}. */
        Throwable told(Throwable failure) {
            Throwable told = commitFailure == null ? failure : commitFailure;
            return told instanceof Failures.Conflict conflict ? conflict.outcome() : told;
        }

        Mono<Void> rollback(Connection connection) {
            return Mono.defer(() -> {
                GuardedConnection guarded = lent;
                if (guarded != null) {
                    guarded.end();
                }
                Enlistment enlisted = enlistment;
                return enlisted == null
                        ? close(connection)
                        : statement
                                .then()
                                .onErrorComplete()
                                .then(harmless(Mono.defer(() -> dialect.rollback(connection))))
                                .then(ended(connection))
                                .then(Mono.fromRunnable(enlisted::rolledBack));
            });
        }

        private Mono<Void> ended(Connection connection) {
            return harmless(Mono.defer(() -> statements.ended(connection))).then(close(connection));
        }

        private Mono<Void> close(Connection connection) {
            return harmless(Mono.defer(() -> Mono.from(connection.close())));
        }

        private Mono<Void> harmless(Mono<Void> ending) {
            return offloaded(ending).contextWrite(context -> Context.empty()).onErrorResume(failure -> {
                LOG.debug("A connection could not be given back in order.", failure);
                return Mono.empty();
            });
        }

        /** In a statement of its own, which may fail as any other: then the event comes again when its lease lapses. */
        Mono<Void> failed(Throwable failure) {
            return Mono.defer(() -> {
                        Enlistment enlisted = enlistment;
                        return enlisted == null ? Mono.<Boolean>empty() : enlisted.failed(failure);
                    })
                    .onErrorResume(unrecorded -> {
                        LOG.warn("The failure of event {} could not be recorded: {}", message.eventId(), unrecorded);
                        return Mono.empty();
                    })
                    .then();
        }
    }
}
