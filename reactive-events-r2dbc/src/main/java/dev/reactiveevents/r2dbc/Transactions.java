package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.TransactionalEventHandler;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.TransactionStatements;
import dev.reactiveevents.spi.Enlistment;
import dev.reactiveevents.spi.Settlement;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
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

    private final Connections connections;
    private final Dialect dialect;
    private final @Nullable TransactionStatements statements;
    private final Failures failures;
    private final Release release;
    private final Consumer<Settlement> news;

    /**
     * Transactions.
     *
     * @param statements what stands around handlers, if the dialect has it
     * @param connectionTimeout how long to wait for a connection
     * @param news told what was settled, once that is committed
     */
    Transactions(
            ConnectionFactory factory,
            Dialect dialect,
            @Nullable TransactionStatements statements,
            Failures failures,
            Duration connectionTimeout,
            Consumer<Settlement> news) {
        this.connections = new Connections(factory, dialect, failures, connectionTimeout);
        this.dialect = dialect;
        this.statements = statements;
        this.failures = failures;
        this.release = new Release(dialect.blocks());
        this.news = news;
    }

    ConnectionFactory database() {
        return connections.factory();
    }

    /** Answers {@code null} if the dialect has no statements for that. */
    @Nullable
    EventHandler handler(EventChannel channel, TransactionalHandler work) {
        TransactionStatements around = statements;
        return around == null ? null : new Handler(channel, around, work);
    }

    /** Runs work in a transaction of its own. What comes of it is handed out once it is committed. */
    <T> Mono<T> run(Function<Connection, Mono<T>> work) {
        return Mono.defer(() -> new Plain<>(work).outcome());
    }

    private <T> Mono<T> offloaded(Mono<T> mayBlock) {
        return dialect.blocks() ? mayBlock.subscribeOn(Schedulers.boundedElastic()) : mayBlock;
    }

    /** Handles each event in a transaction of its own, which other handlers of that event may share. */
    private final class Handler implements TransactionalEventHandler {

        private final EventChannel channel;
        private final TransactionStatements around;
        private final TransactionalHandler work;

        Handler(EventChannel channel, TransactionStatements around, TransactionalHandler work) {
            this.channel = channel;
            this.around = around;
            this.work = work;
        }

        @Override
        public Mono<Void> handle(EventMessage message) {
            return Mono.defer(() -> {
                Handled transaction = new Handled(channel, around, message, work);
                return transaction
                        .outcome()
                        .onErrorResume(failure -> transaction.failed(failure).then(UserCode.failed(failure)));
            });
        }

        @Override
        public EventHandler together(List<EventHandler> handlers) {
            return new Handler(
                    channel,
                    around,
                    (message, connection) -> Flux.fromIterable(handlers)
                            .concatMap(handler -> handler instanceof Handler other && other.owner() == owner()
                                    ? work(other.work, message, connection)
                                    : UserCode.call(
                                            () -> handler.handle(message),
                                            "The handler returned null; return a Mono, such as Mono.empty().")));
        }

        private Transactions owner() {
            return Transactions.this;
        }
    }

    private static Publisher<?> work(TransactionalHandler work, EventMessage message, Connection connection) {
        return UserCode.call(
                () -> work.handle(message, connection),
                "The transactional handler returned null; return a publisher, such as Mono.empty().");
    }

    /** One transaction on one connection, in which somebody's work is done. */
    private abstract class Transaction<T> {

        private final String attempted;
        private final String work;
        private volatile @Nullable GuardedConnection lent;
        private final Steps steps = new Steps();
        volatile boolean committed;
        volatile boolean rolledBack;

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
                            connections.lent(attempted),
                            this::run,
                            this::rollbackUnlessCommitted,
                            (connection, failure) -> rollbackUnlessCommitted(connection),
                            this::rollbackUnlessCommitted)
                    .onErrorMap(Failures.Conflict.class, Failures.Conflict::outcome);
        }

        /** Begins, works and commits. */
        abstract Mono<T> run(Connection connection);

        final GuardedConnection lend(Connection connection) {
            GuardedConnection guarded = new GuardedConnection(connection, attempted, work);
            lent = guarded;
            if (steps.areOver()) {
                guarded.end();
            }
            return guarded;
        }

        /** What runs is ended before anything else is done; {@code refused} is run if it must not begin: who cancelled hears nothing. */
        final <R> Mono<R> toItsEnd(
                Mono<R> cancellable, BiFunction<String, Throwable, Throwable> told, Runnable refused) {
            Mono<R> whole = offloaded(cancellable)
                    .contextWrite(context -> Context.empty())
                    .onErrorMap(failure -> told.apply(attempted, failure))
                    .cache();
            if (steps.begins(whole)) {
                return whole;
            }
            refused.run();
            return Mono.never();
        }

        /**
         * A connection that is lost in it may have committed.
         *
         * @param commit answers whether it did; if not, what was done is to be rolled back
         * @param then what is to be done at once if it did
         */
        final Mono<Boolean> commit(Mono<Boolean> commit, Runnable then) {
            GuardedConnection guarded = endWork();
            return toItsEnd(
                    commit.doOnNext(applied -> {
                        if (applied) {
                            committed = true;
                            then.run();
                            if (guarded != null) {
                                guarded.committed();
                            }
                        }
                    }),
                    failures::ofCommit,
                    () -> {});
        }

        /** The work may have ended a moment before it is told so: nothing of it is to come behind this. */
        private @Nullable GuardedConnection endWork() {
            GuardedConnection guarded = lent;
            if (guarded != null) {
                guarded.end();
            }
            return guarded;
        }

        private Mono<Void> rollbackUnlessCommitted(Connection connection) {
            return Mono.defer(() -> {
                Mono<Void> last = steps.end();
                endWork();
                return last.then(Mono.defer(() -> committed ? close(connection) : rollback(connection)));
            });
        }

        Mono<Void> rollback(Connection connection) {
            Mono<Void> rollback = Mono.defer(() -> dialect.rollback(connection)).doOnSuccess(done -> rolledBack = true);
            return release.after(rollback.then(restored(connection)), connection);
        }

        final Mono<Void> close(Connection connection) {
            return release.after(restored(connection), connection);
        }

        /** Puts back what was changed in the session beyond the transaction. */
        Mono<Void> restored(Connection connection) {
            return Mono.empty();
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
            return toItsEnd(Mono.defer(() -> Mono.from(connection.beginTransaction())), failures::ofUndone, () -> {})
                    .then(Mono.defer(() -> work(lend(connection))))
                    .singleOptional()
                    .flatMap(value -> commit(committing(connection), () -> {}).then(Mono.justOrEmpty(value)));
        }

        private Mono<T> work(GuardedConnection guarded) {
            Flux<T> called = UserCode.call(
                    () -> work.apply(guarded),
                    "The work of inTransaction returned null; return a Mono, such as Mono.empty().");
            return Mono.fromDirect(called).doFinally(end -> guarded.end());
        }

        /** Unlike a COMMIT of ours, the driver's is an error if a statement had failed and all is rolled back. */
        private Mono<Boolean> committing(Connection connection) {
            return Mono.defer(() -> Mono.from(connection.commitTransaction())).thenReturn(true);
        }
    }

    /** One handling of one event. */
    private final class Handled extends Transaction<Void> {

        private final EventChannel channel;
        private final TransactionStatements around;
        private final EventMessage message;
        private final TransactionalHandler work;
        private volatile @Nullable Enlistment enlistment;
        private volatile boolean locked;

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
                return toItsEnd(
                                around.open(
                                                connection,
                                                enlisted.eventId(),
                                                enlisted.leaseToken(),
                                                enlisted.maxProcessingTime())
                                        .doOnNext(held -> locked = held),
                                failures::ofUndone,
                                enlisted::refused)
                        .filter(held -> held)
                        .flatMap(held -> work(connection, enlisted).then(settleAndCommit(connection, enlisted)));
            });
        }

        private Mono<Void> settleAndCommit(Connection connection, Enlistment enlisted) {
            return Mono.defer(() -> {
                Settlement outcome = enlisted.outcome();
                return commit(around.settleAndCommit(connection, outcome), () -> {
                            around.committed(outcome);
                            enlisted.committed();
                            news.accept(outcome);
                        })
                        .flatMap(this::requireSettled);
            });
        }

        private Mono<Void> work(Connection connection, Enlistment enlisted) {
            GuardedConnection guarded = lend(connection);
            return enlisted.limited(Flux.defer(() -> Transactions.work(work, message, guarded))
                            .then())
                    .takeUntilOther(enlisted.abandoned()
                            .then(Mono.error(new EventException.Closed("The handler of event " + message.eventId()
                                    + " was cancelled and rolled back, because it took too long or was stopped."))))
                    .doFinally(end -> guarded.end());
        }

        private Mono<Void> requireSettled(boolean applied) {
            return applied
                    ? Mono.empty()
                    : Mono.error(new EventException.Invalid("Event " + message.eventId()
                            + " could not be settled by the transaction of its handler: the handler's own statements changed"
                            + " or ended it. What it did was rolled back; leave the event's row and the transaction's end"
                            + " to the channel."));
        }

        @Override
        Mono<Void> rollback(Connection connection) {
            Enlistment enlisted = enlistment;
            return enlisted == null
                    ? close(connection)
                    : super.rollback(connection).then(Mono.fromRunnable(() -> isReturned(enlisted)));
        }

        private void isReturned(Enlistment enlisted) {
            if (!rolledBack) {
                enlisted.lost();
            }
            if (locked) {
                enlisted.rolledBack();
            } else {
                enlisted.refused();
            }
        }

        @Override
        Mono<Void> restored(Connection connection) {
            return Mono.defer(() -> {
                Enlistment enlisted = enlistment;
                if (enlisted == null) {
                    return Mono.empty();
                }
                Mono<Void> ended = around.ended(connection);
                return committed
                        ? ended
                        : ended.then(Mono.defer(
                                () -> around.rolledBack(connection, enlisted.eventId(), enlisted.leaseToken())));
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
