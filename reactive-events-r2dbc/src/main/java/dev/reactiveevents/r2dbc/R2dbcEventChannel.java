package dev.reactiveevents.r2dbc;

import dev.reactiveevents.CheckReturnValue;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * An event channel on a database. The tables are made by {@link EventSchema#migrate()}.
 *
 * <p>The connection factory stays the caller's: {@link #shutdown()} does not close it. Without a pool each statement opens a
 * connection of its own, which works and is slow. A pool of one is enough for the channel; at full speed it uses up to
 * eleven at once, and one more for each {@code publishAll} in flight. Backends with notifications open one more, which is not
 * from the pool.
 */
public final class R2dbcEventChannel implements EventChannel {

    private final EventChannel channel;
    private final ChannelOptions options;
    private final EventSchema schema;
    private final ChannelState state;
    private final @Nullable Transactions transactions;
    private final @Nullable Outbox outbox;

    R2dbcEventChannel(
            EventChannel channel,
            ChannelOptions options,
            EventSchema schema,
            ChannelState state,
            @Nullable Transactions transactions,
            @Nullable Outbox outbox) {
        this.channel = channel;
        this.options = options;
        this.schema = schema;
        this.state = state;
        this.transactions = transactions;
        this.outbox = outbox;
    }

    /**
     * A channel with the defaults of its database: {@link BackendType#LISTEN_NOTIFY} on PostgreSQL, which keeps no events,
     * {@link BackendType#TABLE_QUEUE} elsewhere. Does not connect.
     *
     * @param connectionFactory the database, preferably a pool
     * @return the channel
     * @throws EventException.Misconfigured if no dialect serves this factory
     */
    public static R2dbcEventChannel create(ConnectionFactory connectionFactory) {
        return builder(connectionFactory).build();
    }

    /**
     * Builds a channel step by step.
     *
     * @param connectionFactory the database, preferably a pool
     * @return a builder
     */
    public static R2dbcEventChannelBuilder builder(ConnectionFactory connectionFactory) {
        return new R2dbcEventChannelBuilder(connectionFactory);
    }

    EventSchema schema() {
        return schema;
    }

    @Override
    @CheckReturnValue
    public Mono<String> publish(Event event) {
        return channel.publish(event);
    }

    @Override
    @CheckReturnValue
    public Mono<List<String>> publishAll(Collection<Event> events) {
        return channel.publishAll(events);
    }

    @Override
    @CheckReturnValue
    public Flux<String> publishAll(Publisher<Event> events) {
        return channel.publishAll(events);
    }

    @Override
    @CheckReturnValue
    public Flux<EventMessage> subscribe(Collection<String> channels, SubscribeOptions options) {
        return channel.subscribe(channels, options);
    }

    @Override
    @CheckReturnValue
    public Mono<EventMessage> receive(String channel, Duration timeout) {
        return this.channel.receive(channel, timeout);
    }

    @Override
    public EventListener listen(String channel, EventHandler handler, ListenOptions options) {
        return this.channel.listen(channel, handler, options);
    }

    @Override
    @CheckReturnValue
    public Mono<Boolean> stopListener(String id) {
        return channel.stopListener(id);
    }

    @Override
    @CheckReturnValue
    public Mono<List<Boolean>> ackAll(Collection<EventMessage> messages) {
        return channel.ackAll(messages);
    }

    @Override
    @CheckReturnValue
    public Mono<Boolean> ack(String eventId) {
        return channel.ack(eventId);
    }

    @Override
    @CheckReturnValue
    public Mono<Boolean> nack(String eventId) {
        return channel.nack(eventId);
    }

    @Override
    public boolean allowsBlocking() {
        return channel.allowsBlocking();
    }

    @Override
    public int prefetch() {
        return channel.prefetch();
    }

    @Override
    @CheckReturnValue
    public Mono<Boolean> withdraw(String eventId) {
        return channel.withdraw(eventId);
    }

    @Override
    public DeadLetters deadLetters(String channel) {
        return this.channel.deadLetters(channel);
    }

    @Override
    public Inspection inspect() {
        return channel.inspect();
    }

    @Override
    @CheckReturnValue
    public Mono<Void> shutdown() {
        return channel.shutdown();
    }

    /**
     * What this channel object can tell of itself: which backend it works with, whether notifications are heard, what
     * it has done, and what was missed. Does not ask the database; cheap enough for a health check.
     *
     * @return a snapshot of this moment
     */
    public ChannelSnapshot snapshot() {
        return state.snapshot(EventChannels.totals(channel));
    }

    /**
     * A handler whose work and whose event commit together: the effect in this database is exactly once. For messages of this
     * channel object, in {@link #listen}, in {@code subscribe(…).concatMap(handler::handle)} and wherever an
     * {@link EventHandler} goes.
     *
     * <p>Each event has a connection of its own and, on it, a transaction that begins by locking the event. If the delivery is
     * not ours any more, the work is not run and the handler's {@code Mono} completes. While the work runs, {@code ack},
     * {@code nack} and {@code reject}, by the message or by its id, answer true at once and become the outcome of the
     * transaction, the first one counts; without any it is an acknowledgement. {@code extend} answers true and does nothing,
     * as nobody can take the event meanwhile.
     *
     * <p>If the work fails, or does not end within {@link SubscribeOptions#maxProcessingTime()}, all it did is rolled back,
     * then the failure is recorded with the event, which comes again as the retry policy of the listener or the channel says
     * or becomes a dead letter, and the handler's {@code Mono} fails with that error. If it is cancelled, it is rolled back, and the event comes
     * again when its lease lapses, or as a listener that has cancelled it says. If the connection breaks in the commit, the {@code Mono} fails with
     * {@link EventException.OutcomeUnknown}: both happened, or neither did, and then the event comes again.
     *
     * <p>Handlers that an {@link EventRouter} has under the same pattern share one transaction, plain ones among them included;
     * a second transaction for an event on which one works fails with {@link EventException.Invalid}.
     *
     * <p>Waiting for a connection is bounded by the publish timeout and fails with {@link EventException.Unavailable}, which is
     * recorded with the event by nobody but a listener. The work is called on a thread of the driver, or where blocking is allowed if the driver blocks.
     *
     * @param work what is done with an event, on the connection of its transaction
     * @return the handler
     * @throws EventException.Unsupported if the backend keeps no events, or its dialect has no such transactions
     */
    public EventHandler transactional(TransactionalHandler work) {
        if (work == null) {
            throw new EventException.Invalid("A transactional handler was null; give one.");
        }
        EventHandler handler = transactions == null ? null : transactions.handler(channel, work);
        if (handler == null) {
            throw new EventException.Unsupported(
                    "A transactional handler was asked for on a backend that cannot settle events in a transaction; choose"
                            + " BackendType.TABLE_QUEUE or LISTEN_NOTIFY_DURABLE.");
        }
        return handler;
    }

    /**
     * Publishes in a transaction of the caller's: the events are stored if it commits, and never were if it rolls back. Each
     * publish and each batch is one statement on the connection (a {@code publishAll} of more than a thousand is several),
     * sent when its {@code Mono} is subscribed to; nothing here begins, commits, rolls back or closes. Without a transaction the
     * statement commits by itself.
     *
     * <p>The {@code Mono} completes when the statement is done, which is before the commit. If it fails, roll back: what else
     * the transaction did is still in it, and PostgreSQL would refuse to go on. Subscribing again to the same {@code Mono}, in
     * this transaction or another one, stores the event once.
     *
     * <p>On {@link BackendType#LISTEN_NOTIFY_DURABLE} a NOTIFY goes with the statement and travels with the commit, unless
     * {@link R2dbcEventChannelBuilder#wakeOnCommit(boolean)} says otherwise; elsewhere subscribers find the events within their poll interval.
     * On the connection of {@link #inTransaction} or of a {@link #transactional} handler subscribers are woken after the commit.
     *
     * @param connection a connection to this channel's database, whose transaction has begun; also one that a framework hands
     *     out. Statements run as the caller's own on it would, on the same threads
     * @return a publisher for as long as the connection is the caller's; after a {@link #shutdown()} it refuses
     * @throws EventException.Unsupported if the backend keeps no events
     */
    public EventPublisher in(Connection connection) {
        if (connection == null) {
            throw new EventException.Invalid(
                    "The connection to publish in was null; give one whose transaction has begun.");
        }
        return outbox().in(channel, connection);
    }

    /**
     * Publishes in the transaction that a framework has begun around whoever subscribes, as {@link #in(Connection)} does on its
     * connection. Since the framework tells of the commit, subscribers are woken after it as by any publish, on every backend,
     * and no NOTIFY is part of the transaction.
     *
     * @param transactions where the framework keeps it
     * @return a publisher for any number of transactions; after a {@link #shutdown()} it refuses
     * @throws EventException.Unsupported if the backend keeps no events
     */
    public EventPublisher joining(AmbientTransactions transactions) {
        if (transactions == null) {
            throw new EventException.Invalid("Where a framework keeps its transactions was null; give a function.");
        }
        Outbox publishers = outbox();
        ConnectionFactory database = Objects.requireNonNull(this.transactions).database();
        return new AmbientPublisher(
                Mono.defer(() -> transactions.current(database)), current -> publishers.in(channel, current));
    }

    /**
     * Works and publishes in a transaction of its own: takes a connection, begins, runs the work, commits, and then wakes
     * subscribers as any publish does. If the work fails, or is cancelled, all of it is rolled back.
     *
     * <p>The connection does not join the caller's ambient transaction, also under a Spring-aware connection factory. Waiting
     * for it is bounded by the publish timeout; the work itself is not. The work is called on a thread of the driver, or where
     * blocking is allowed if the driver blocks.
     *
     * @param work what is done and published
     * @param <T> what comes of it
     * @return what came of the work, once it is committed. Cold: each subscription is a transaction of its own, with new event
     *     ids unless they are given. Fails as the work does; with {@link EventException.Unavailable} if nothing was committed;
     *     with {@link EventException.OutcomeUnknown} if the connection broke in the commit: both happened, or neither did
     * @throws EventException.Unsupported if the backend keeps no events
     */
    @CheckReturnValue
    public <T> Mono<T> inTransaction(TransactionalWork<T> work) {
        if (work == null) {
            throw new EventException.Invalid("The work for a transaction was null; give some.");
        }
        Outbox publishers = outbox();
        return Objects.requireNonNull(transactions)
                .run(connection -> work.work(connection, publishers.in(channel, connection)));
    }

    private Outbox outbox() {
        if (outbox == null) {
            throw new EventException.Unsupported(
                    "Publishing in a transaction was asked for on a backend that keeps no events;"
                            + " choose BackendType.TABLE_QUEUE or LISTEN_NOTIFY_DURABLE.");
        }
        return outbox;
    }

    /**
     * How large an event is as a notification, which {@link BackendType#LISTEN_NOTIFY} publishes it as; without what travels
     * with it from the publisher's Reactor Context, see {@link dev.reactiveevents.EventContext}.
     *
     * @param event the event
     * @return the bytes of its envelope
     * @throws EventException.Invalid if it cannot be written as JSON or be stored
     */
    public int measure(Event event) {
        return Envelope.measure(EventChannels.encode(event, options));
    }

    /**
     * Whether an event is small enough for {@link BackendType#LISTEN_NOTIFY}: 7,999 bytes at most.
     *
     * @param event the event
     * @return whether it is
     * @throws EventException.Invalid if it cannot be written as JSON or be stored
     */
    public boolean fits(Event event) {
        return measure(event) <= Envelope.LARGEST;
    }
}
