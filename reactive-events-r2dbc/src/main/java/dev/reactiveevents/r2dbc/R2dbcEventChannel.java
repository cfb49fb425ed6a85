package dev.reactiveevents.r2dbc;

import dev.reactiveevents.CheckReturnValue;
import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.databind.json.JsonMapper;

/**
 * An event channel on a database. The tables are made by {@link EventSchema#migrate()}.
 *
 * <p>The connection factory stays the caller's: {@link #shutdown()} does not close it. Without a pool each statement opens a
 * connection of its own, which works and is slow. A pool of one is enough for the channel; at full speed it uses up to
 * eleven at once, and one more for each {@code publishAll} in flight. Backends with notifications open one more, which is not
 * from the pool.
 */
public final class R2dbcEventChannel implements EventChannel {

    private static final Duration LONGEST_RETENTION = Duration.ofDays(36_525);

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
    public static Builder builder(ConnectionFactory connectionFactory) {
        return new Builder(connectionFactory);
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
     * What this channel object can tell of itself: which backend it works with, whether notifications are heard, and what was
     * missed. Does not ask the database; cheap enough for a health check.
     *
     * @return a snapshot of this moment
     */
    public ChannelSnapshot snapshot() {
        return state.snapshot();
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
     * again when its lease lapses. If the connection breaks in the commit, the {@code Mono} fails with
     * {@link EventException.OutcomeUnknown}: both happened, or neither did, and then the event comes again.
     *
     * <p>Waiting for a connection is bounded by the publish timeout and fails with {@link EventException.Unavailable}. The
     * work is called on a thread of the driver, or where blocking is allowed if the driver blocks.
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
     * {@link Builder#wakeOnCommit(boolean)} says otherwise; elsewhere subscribers find the events within their poll interval.
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
     * How large an event is as a notification, which {@link BackendType#LISTEN_NOTIFY} publishes it as.
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

    /** Builds a channel. What is not set is as the dialect or {@link ChannelOptions#defaults()} has it. Not for many threads. */
    public static final class Builder {

        final ConnectionFactory connectionFactory;
        final Map<String, Number> settings = new LinkedHashMap<>();

        @Nullable
        Dialect dialect;

        @Nullable
        BackendType backend;

        boolean fallback = true;
        QueueTable table = new QueueTable(null, "reactive_event_queue");
        Duration retention = Duration.ofHours(24);

        @Nullable
        Duration deadRetention;

        String consumerName = thisProcess();
        ChannelOptions options = ChannelOptions.defaults();

        @Nullable
        ConnectionFactory listenerConnections;

        Duration probeInterval = Duration.ofSeconds(30);

        @Nullable
        Duration lease;

        @Nullable
        Duration pollInterval;

        boolean wakeOnCommit = true;
        boolean retryPolicyGiven;
        boolean prefetchGiven;

        /** Does not ask for the host's name, which may ask the network. */
        private static String thisProcess() {
            String host = System.getenv("HOSTNAME");
            return (host == null ? "" : host + '-') + ProcessHandle.current().pid();
        }

        private Builder(ConnectionFactory connectionFactory) {
            if (connectionFactory == null) {
                throw new EventException.Invalid("The connection factory of a channel was null; give the database's.");
            }
            this.connectionFactory = connectionFactory;
        }

        /**
         * Sets where events live.
         *
         * @param backend the backend
         * @return this builder
         */
        public Builder backend(BackendType backend) {
            this.backend = require("backend", backend);
            return this;
        }

        /**
         * Sets what happens where this kind of database lacks the backend.
         *
         * @param fallback true, the default, to take {@link BackendType#TABLE_QUEUE} with a warning; false to fail
         * @return this builder
         */
        public Builder fallback(boolean fallback) {
            this.fallback = fallback;
            return this;
        }

        /**
         * Sets the dialect, if it cannot be told from the connection factory.
         *
         * @param dialect the dialect
         * @return this builder
         */
        public Builder dialect(Dialect dialect) {
            this.dialect = require("dialect", dialect);
            return this;
        }

        /**
         * Sets the table. Names are taken letter by letter.
         *
         * @param queueTable {@code table} or {@code schema.table}, each of at most 48 letters, digits and underscores;
         *     {@code reactive_event_queue} by default. The table's name must not end in {@code _claim}, {@code _suspect},
         *     {@code _acked}, {@code _dead}, {@code _keys}, {@code _keyed}, {@code _held}, {@code _parked} or
         *     {@code _maintenance}, as what stands beside a queue does
         * @return this builder
         */
        public Builder queueTable(String queueTable) {
            this.table = QueueTable.of(queueTable);
            return this;
        }

        /**
         * Sets how long acknowledged events are kept. While one is kept, its id is not stored again.
         *
         * @param retention 24 hours by default; zero to delete events as they are acknowledged
         * @return this builder
         */
        public Builder retention(Duration retention) {
            if (retention == null || retention.isNegative() || retention.compareTo(LONGEST_RETENTION) > 0) {
                throw new EventException.Invalid("The retention of a channel was " + retention
                        + "; give a duration from zero to a hundred years.");
            }
            this.retention = retention;
            return this;
        }

        /**
         * Sets how long dead letters are kept. Those of all channels in the table go, whoever published them.
         *
         * @param deadRetention at least one second; without it they are kept until they are requeued or purged
         * @return this builder
         */
        public Builder deadRetention(Duration deadRetention) {
            if (deadRetention == null
                    || deadRetention.compareTo(Duration.ofSeconds(1)) < 0
                    || deadRetention.compareTo(LONGEST_RETENTION) > 0) {
                throw new EventException.Invalid("The retention of a channel's dead letters was " + deadRetention
                        + "; give a duration from one second to a hundred years, or leave it out to keep them.");
            }
            this.deadRetention = deadRetention;
            return this;
        }

        /**
         * Sets what is written to events that this channel leases, for people to read.
         *
         * @param consumerName a name that is not blank; host and process number by default
         * @return this builder
         */
        public Builder consumerName(String consumerName) {
            if (require("consumer name", consumerName).isBlank()) {
                throw new EventException.Invalid(
                        "The consumer name of a channel was blank; give one, or leave it out.");
            }
            this.consumerName = consumerName;
            return this;
        }

        /**
         * Sets where the connection is from that listens to notifications, if not from the channel's own factory: a direct
         * connection where that one goes through a pooler in transaction mode. A pool is passed by: its driver's factory
         * is asked.
         *
         * @param listenerConnections a factory of {@code org.postgresql:r2dbc-postgresql}
         * @return this builder
         */
        public Builder listenerConnections(ConnectionFactory listenerConnections) {
            this.listenerConnections = require("factory of listener connections", listenerConnections);
            return this;
        }

        /**
         * Sets how often it is tried whether notifications still arrive. A connection on which none does is replaced.
         *
         * @param probeInterval at least 100 ms; 30 seconds by default
         * @return this builder
         */
        public Builder probeInterval(Duration probeInterval) {
            if (probeInterval == null
                    || probeInterval.compareTo(Duration.ofMillis(100)) < 0
                    || probeInterval.compareTo(Duration.ofDays(1)) > 0) {
                throw new EventException.Invalid("The probe interval of a channel was " + probeInterval
                        + "; give a duration from 100 ms to one day.");
            }
            this.probeInterval = probeInterval;
            return this;
        }

        /**
         * Sets whether publishing by {@link R2dbcEventChannel#in} sends a NOTIFY with the caller's commit, where the backend has
         * notifications. PostgreSQL lets transactions that notify commit one after the other; without it events of such
         * transactions are found within the poll interval.
         *
         * @param wakeOnCommit true, the default, to notify
         * @return this builder
         */
        public Builder wakeOnCommit(boolean wakeOnCommit) {
            this.wakeOnCommit = wakeOnCommit;
            return this;
        }

        /**
         * Sets the lease, see {@link ChannelOptions#lease()}.
         *
         * @param lease at least 100 ms
         * @return this builder
         */
        public Builder lease(Duration lease) {
            this.lease = lease;
            return change(options -> options.withLease(lease));
        }

        /**
         * Sets the poll interval, see {@link ChannelOptions#pollInterval()}.
         *
         * @param pollInterval at least 1 ms
         * @return this builder
         */
        public Builder pollInterval(Duration pollInterval) {
            this.pollInterval = pollInterval;
            return change(options -> options.withPollInterval(pollInterval));
        }

        /**
         * Sets the prefetch, see {@link ChannelOptions#prefetch()}.
         *
         * @param prefetch at least 1
         * @return this builder
         */
        public Builder prefetch(int prefetch) {
            prefetchGiven = true;
            return change(options -> options.withPrefetch(prefetch));
        }

        /**
         * Sets the claim batch, see {@link ChannelOptions#claimBatch()}.
         *
         * @param claimBatch 1 to 10,000
         * @return this builder
         */
        public Builder claimBatch(int claimBatch) {
            return change(options -> options.withClaimBatch(claimBatch));
        }

        /**
         * Sets after how many failed deliveries an event becomes a dead letter.
         *
         * @param maxAttempts at least 1
         * @return this builder
         */
        public Builder maxAttempts(int maxAttempts) {
            return change(options -> options.withMaxAttempts(maxAttempts));
        }

        /**
         * Sets when a nacked event comes again.
         *
         * @param retryPolicy the policy
         * @return this builder
         */
        public Builder retryPolicy(RetryPolicy retryPolicy) {
            retryPolicyGiven = true;
            return change(options -> options.withRetryPolicy(retryPolicy));
        }

        /**
         * Sets what a dead letter means for the later events of its key. All who receive from a channel should say the same.
         *
         * @param deadLetterKeys whether they go on, as by default, or wait until it is requeued or purged
         * @return this builder
         */
        public Builder deadLetterKeys(DeadLetterKeys deadLetterKeys) {
            return change(options -> options.withDeadLetterKeys(deadLetterKeys));
        }

        /**
         * Sets the publish timeout, see {@link ChannelOptions#publishTimeout()}.
         *
         * @param publishTimeout at least 1 ms
         * @return this builder
         */
        public Builder publishTimeout(Duration publishTimeout) {
            return change(options -> options.withPublishTimeout(publishTimeout));
        }

        /**
         * Sets how long a shutdown waits for messages in hand.
         *
         * @param shutdownTimeout not negative
         * @return this builder
         */
        public Builder shutdownTimeout(Duration shutdownTimeout) {
            return change(options -> options.withShutdownTimeout(shutdownTimeout));
        }

        /**
         * Sets what writes and reads payloads.
         *
         * @param jsonMapper a mapper without default typing
         * @return this builder
         */
        public Builder jsonMapper(JsonMapper jsonMapper) {
            return change(options -> options.withJsonMapper(jsonMapper));
        }

        /**
         * Sets whether code that blocks may use the channel, see {@link EventChannel#allowsBlocking()}.
         *
         * @param blocking true, the default, to allow it; false to make {@code BlockingEventChannel.of} fail
         * @return this builder
         */
        public Builder blocking(boolean blocking) {
            return change(options -> options.withBlocking(blocking));
        }

        /**
         * Sets how full PostgreSQL packs the table's pages. Counts when the table is created.
         *
         * @param fillfactor 10 to 100; 85 by default
         * @return this builder
         */
        public Builder fillfactor(int fillfactor) {
            return setting("fillfactor", fillfactor);
        }

        /**
         * Sets how PostgreSQL vacuums and analyses the table. Counts when the table is created.
         *
         * @param parameter a storage parameter of PostgreSQL, such as {@code autovacuum_vacuum_scale_factor}
         * @param value its value
         * @return this builder
         */
        public Builder autovacuum(String parameter, Number value) {
            if (!require("autovacuum parameter", parameter).startsWith("autovacuum_")) {
                throw new EventException.Invalid("The autovacuum parameter " + parameter
                        + " does not begin with autovacuum_; give a storage parameter of PostgreSQL.");
            }
            return setting(parameter, require(parameter, value));
        }

        Builder setting(String name, Number value) {
            settings.put(name, value);
            return this;
        }

        /**
         * Sets options by the names under which configuration files have them: {@code events_backend, queue_table,
         * lease_seconds, retention_seconds, dead_retention_seconds, poll_interval} (in seconds), {@code dead_letter_keys}
         * ({@code free} or {@code park}), {@code portal_bridge} (whether code that blocks may use the channel),
         * {@code fillfactor} and {@code autovacuum_…}.
         *
         * @param options names and values
         * @return this builder
         * @throws EventException.Invalid if a name is unknown or a value wrong; the message gives the allowed range
         * @throws EventException.Unsupported if an option belongs to what is not there yet
         */
        public Builder options(Map<String, ?> options) {
            MapOptions.apply(require("map of options", options), this);
            return this;
        }

        /** Fails on a bad value here, where it is given. */
        private Builder change(UnaryOperator<ChannelOptions> change) {
            options = change.apply(options);
            return this;
        }

        private static <T> T require(String what, @Nullable T value) {
            if (value == null) {
                throw new EventException.Invalid("The " + what + " of a channel was null; give one, or leave it out.");
            }
            return value;
        }

        /**
         * Builds the channel. Does not connect.
         *
         * @return the channel
         * @throws EventException.Misconfigured if no dialect serves the connection factory
         * @throws EventException.Unsupported if the database or this version lacks what was asked for
         */
        public R2dbcEventChannel build() {
            return new Assembly(this).channel();
        }
    }
}
