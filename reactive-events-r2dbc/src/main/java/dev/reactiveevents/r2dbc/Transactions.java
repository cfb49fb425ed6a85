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
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;

/**
 * Runs work of others in transactions of ours, above all handlers in transactions that settle their events: the event's row is
 * locked first and settled last; in between the engine leaves it alone. Our own statements run to their end, whoever cancels;
 * the work is cancelled.
 */
final class Transactions {

    private static final Logger LOG = Loggers.getLogger(Transactions.class);

    private final ConnectionFactory factory;
    private final Dialect dialect;
    private final @Nullable TransactionStatements statements;
    private final Failures failures;
    private final Duration connectionTimeout;

    /**
     * Transactions.
     *
     * @param statements what stands around handlers, if the dialect has it
     * @param connectionTimeout how long to wait for a connection
     */
    Transactions(
            ConnectionFactory factory,
            Dialect dialect,
            @Nullable TransactionStatements statements,
            Failures failures,
            Duration connectionTimeout) {
        this.factory = factory;
        this.dialect = dialect;
        this.statements = statements;
        this.failures = failures;
        this.connectionTimeout = connectionTimeout;
    }

    /** Answers {@code null} if the dialect has no statements for that. */
    @Nullable
    EventHandler handler(EventChannel channel, TransactionalHandler work) {
        TransactionStatements around = statements;
        return around == null ? null : handler(channel, around, work);
    }

    private EventHandler handler(EventChannel channel, TransactionStatements around, TransactionalHandler work) {
        return message -> Mono.defer(() -> {
            Handled transaction = new Handled(channel, around, message, work);
            return transaction
                    .outcome()
                    .onErrorResume(failure -> transaction.failed(failure).then(Mono.error(failure)));
        });
    }

    /** Runs work in a transaction of its own. What comes of it is handed out once it is committed. */
    <T> Mono<T> run(Function<Connection, Mono<T>> work) {
        return Mono.defer(() -> new Plain<>(work).outcome());
    }

    /** Without the caller's context, because a factory that knows Spring would join the caller's transaction through it. */
    private Mono<Connection> connection(String attempted) {
        return offloaded(Mono.defer(() -> Mono.<Connection>from(factory.create())))
                .contextWrite(context -> Context.empty())
                .timeout(connectionTimeout)
                .onErrorMap(
                        TimeoutException.class,
                        late -> new EventException.Unavailable(
                                attempted + " got no connection within " + connectionTimeout
                                        + ". Each holds one while its work runs, and the channel needs others: make the pool"
                                        + " larger or the concurrency of the handlers smaller.",
                                late))
                .onErrorMap(failure -> failures.ofUndone(attempted, failure));
    }

    private <T> Mono<T> offloaded(Mono<T> mayBlock) {
        return dialect.blocks() ? mayBlock.subscribeOn(Schedulers.boundedElastic()) : mayBlock;
    }

    /** One transaction on one connection, in which somebody's work is done. */
    private abstract class Transaction<T> {

        private final String attempted;
        private final String work;
        private @Nullable GuardedConnection lent;
        private volatile Mono<?> statement = Mono.empty();
        private volatile @Nullable Throwable commitFailure;

        /**
         * A transaction.
         *
         * @param attempted which it is, for messages
         * @param work what is done in it, for messages
         */
        Transaction(String attempted, String work) {
            this.attempted = attempted;
            this.work = work;
        }

        Mono<T> outcome() {
            return Mono.usingWhen(
                            connection(attempted),
                            this::run,
                            this::end,
                            (connection, failure) -> rollback(connection),
                            this::rollback)
                    .onErrorMap(this::told);
        }

        /** Begins, and works. */
        abstract Mono<T> run(Connection connection);

        /** Commits, unless there is nothing to be committed. */
        Mono<Void> end(Connection connection) {
            return commit(connection);
        }

        abstract Mono<Void> commitOn(Connection connection);

        abstract void committed();

        final GuardedConnection lend(Connection connection) {
            GuardedConnection guarded = new GuardedConnection(connection, sentencePart(attempted), work);
            lent = guarded;
            return guarded;
        }

        private String sentencePart(String sentence) {
            return Character.toLowerCase(sentence.charAt(0)) + sentence.substring(1);
        }

        /** What runs by now is ended before anything else is done on the connection. */
        final <R> Mono<R> toItsEnd(Mono<R> cancellable) {
            Mono<R> whole = offloaded(cancellable)
                    .contextWrite(context -> Context.empty())
                    .onErrorMap(failure -> failures.ofUndone(attempted, failure))
                    .cache();
            statement = whole;
            return whole;
        }

        final Mono<Void> commit(Connection connection) {
            endWork();
            return offloaded(Mono.defer(() -> commitOn(connection)))
                    .contextWrite(context -> Context.empty())
                    .onErrorMap(failure -> failures.ofCommit(attempted, failure))
                    .doOnSuccess(done -> {
                        committed();
                        GuardedConnection guarded = lent;
                        if (guarded != null) {
                            guarded.committed();
                        }
                    })
                    .onErrorResume(failure -> {
                        commitFailure = failure;
                        return rollback(connection).then(Mono.error(failure));
                    })
                    .then(close(connection));
        }

        /** The failure of a commit comes wrapped, because it is the end of a {@code usingWhen}. */
        private Throwable told(Throwable failure) {
            Throwable told = commitFailure == null ? failure : commitFailure;
            return told instanceof Failures.Conflict conflict ? conflict.outcome() : told;
        }

        /** The work may have ended a moment before it is told so: nothing of it is to come behind this. */
        private void endWork() {
            GuardedConnection guarded = lent;
            if (guarded != null) {
                guarded.end();
            }
        }

        Mono<Void> rollback(Connection connection) {
            return Mono.defer(() -> {
                endWork();
                return statement
                        .then()
                        .onErrorComplete()
                        .then(harmless(Mono.defer(() -> dialect.rollback(connection))))
                        .then(close(connection));
            });
        }

        final Mono<Void> close(Connection connection) {
            return harmless(Mono.defer(() -> Mono.from(connection.close())));
        }

        private Mono<Void> harmless(Mono<Void> ending) {
            return offloaded(ending).contextWrite(context -> Context.empty()).onErrorResume(failure -> {
                LOG.debug("A connection could not be given back in order.", failure);
                return Mono.empty();
            });
        }
    }

    /** One that is about nothing but its work: begun, and ended, as the driver does it. */
    private final class Plain<T> extends Transaction<T> {

        private final Function<Connection, Mono<T>> work;

        Plain(Function<Connection, Mono<T>> work) {
            super("The transaction of inTransaction", "work");
            this.work = work;
        }

        @Override
        Mono<T> run(Connection connection) {
            return toItsEnd(Mono.defer(() -> Mono.from(connection.beginTransaction())))
                    .then(Mono.defer(() -> {
                        GuardedConnection guarded = lend(connection);
                        return Objects.requireNonNull(
                                        work.apply(guarded),
                                        "The work of inTransaction returned null; return a Mono, such as Mono.empty().")
                                .doFinally(end -> guarded.end());
                    }));
        }

        /** Unlike a COMMIT of ours, the driver's is an error if a statement had failed and all is rolled back. */
        @Override
        Mono<Void> commitOn(Connection connection) {
            return Mono.from(connection.commitTransaction());
        }

        @Override
        void committed() {}
    }

    /** One handling of one event. */
    private final class Handled extends Transaction<Void> {

        private final EventChannel channel;
        private final TransactionStatements around;
        private final EventMessage message;
        private final TransactionalHandler work;
        private @Nullable Enlistment enlistment;
        private volatile boolean settled;

        Handled(EventChannel channel, TransactionStatements around, EventMessage message, TransactionalHandler work) {
            super("The transaction for event " + message.eventId(), "handler");
            this.channel = channel;
            this.around = around;
            this.message = message;
            this.work = work;
        }

        /** What is settled already, or in other hands by now, is not worked on. */
        @Override
        Mono<Void> run(Connection connection) {
            return Mono.defer(() -> {
                Enlistment enlisted = EventChannels.enlist(channel, message);
                if (enlisted == null) {
                    return Mono.empty();
                }
                enlistment = enlisted;
                return toItsEnd(around.open(
                                connection, enlisted.eventId(), enlisted.leaseToken(), enlisted.maxProcessingTime()))
                        .filter(held -> held)
                        .flatMap(held -> work(connection, enlisted)
                                .then(Mono.defer(() -> toItsEnd(around.settle(connection, enlisted.outcome())))))
                        .flatMap(this::requireSettled);
            });
        }

        private Mono<Void> work(Connection connection, Enlistment enlisted) {
            GuardedConnection guarded = lend(connection);
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

        @Override
        Mono<Void> end(Connection connection) {
            return settled ? commit(connection) : rollback(connection);
        }

        @Override
        Mono<Void> commitOn(Connection connection) {
            return dialect.commit(connection);
        }

        @Override
        void committed() {
            Enlistment enlisted = Objects.requireNonNull(enlistment);
            around.committed(enlisted.outcome());
            enlisted.committed();
        }

        @Override
        Mono<Void> rollback(Connection connection) {
            return Mono.defer(() -> {
                Enlistment enlisted = enlistment;
                return enlisted == null
                        ? close(connection)
                        : super.rollback(connection).then(Mono.fromRunnable(enlisted::rolledBack));
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
