package dev.reactiveevents.r2dbc;

import static dev.reactiveevents.r2dbc.ChannelSettings.require;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.EventObserver;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Map;
import java.util.function.UnaryOperator;
import tools.jackson.databind.json.JsonMapper;

/** Builds a channel. What is not set is as the dialect or {@link ChannelOptions#defaults()} has it. Not for many threads. */
public final class R2dbcEventChannelBuilder {

    private final ChannelSettings settings;

    R2dbcEventChannelBuilder(ConnectionFactory connectionFactory) {
        this.settings = new ChannelSettings(connectionFactory);
    }

    /**
     * Sets where events live.
     *
     * @param backend the backend
     * @return this builder
     */
    public R2dbcEventChannelBuilder backend(BackendType backend) {
        settings.backend = require("backend", backend);
        return this;
    }

    /**
     * Sets what happens where this kind of database lacks the backend.
     *
     * @param fallback true, the default, to take {@link BackendType#TABLE_QUEUE} with a warning; false to fail
     * @return this builder
     */
    public R2dbcEventChannelBuilder fallback(boolean fallback) {
        settings.fallback = fallback;
        return this;
    }

    /**
     * Sets the dialect, if it cannot be told from the connection factory.
     *
     * @param dialect the dialect
     * @return this builder
     */
    public R2dbcEventChannelBuilder dialect(Dialect dialect) {
        settings.dialect = require("dialect", dialect);
        return this;
    }

    /**
     * Sets the table. Names are taken letter by letter.
     *
     * @param queueTable {@code table} or {@code schema.table}, each of at most 48 letters, digits and underscores;
     *     {@code reactive_event_queue} by default. The table's name must not end in {@code _claim}, {@code _suspect},
     *     {@code _acked}, {@code _dead}, {@code _keys}, {@code _keyed}, {@code _held}, {@code _parked} or
     *     {@code _maintenance}, as what stands beside a queue does, and must not be a single letter or one of the words that
     *     the statements use for something else, such as {@code due}
     * @return this builder
     */
    public R2dbcEventChannelBuilder queueTable(String queueTable) {
        settings.table = QueueTable.of(queueTable);
        return this;
    }

    /**
     * Sets how long acknowledged events are kept. While one is kept, its id is not stored again.
     *
     * @param retention 24 hours by default; zero to delete events as they are acknowledged
     * @return this builder
     */
    public R2dbcEventChannelBuilder retention(Duration retention) {
        settings.retention(retention);
        return this;
    }

    /**
     * Sets how long dead letters are kept. Those of all channels in the table go, whoever published them.
     *
     * @param deadRetention at least one second; without it they are kept until they are requeued or purged
     * @return this builder
     */
    public R2dbcEventChannelBuilder deadRetention(Duration deadRetention) {
        settings.deadRetention(deadRetention);
        return this;
    }

    /**
     * Sets what is written to events that this channel leases, for people to read.
     *
     * @param consumerName a name that is not blank; host and process number by default
     * @return this builder
     */
    public R2dbcEventChannelBuilder consumerName(String consumerName) {
        settings.consumerName(consumerName);
        return this;
    }

    /**
     * Sets where the connection is from that listens to notifications, if not from the channel's own factory: a direct
     * connection where that one goes through a pooler in transaction mode. A pool is passed by: its driver's factory
     * is asked. Of {@link BackendType#ADVANCED_QUEUE}: where the connections are from on which events are taken.
     *
     * @param listenerConnections a factory of {@code org.postgresql:r2dbc-postgresql}, or of Oracle's driver
     * @return this builder
     */
    public R2dbcEventChannelBuilder listenerConnections(ConnectionFactory listenerConnections) {
        settings.listenerConnections = require("factory of listener connections", listenerConnections);
        return this;
    }

    /**
     * Sets how often it is tried whether notifications still arrive. A connection on which none does is replaced.
     *
     * @param probeInterval at least 100 ms; 30 seconds by default
     * @return this builder
     */
    public R2dbcEventChannelBuilder probeInterval(Duration probeInterval) {
        settings.probeInterval(probeInterval);
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
    public R2dbcEventChannelBuilder wakeOnCommit(boolean wakeOnCommit) {
        settings.wakeOnCommit = wakeOnCommit;
        return this;
    }

    /**
     * Sets the lease, see {@link ChannelOptions#lease()}.
     *
     * @param lease at least 100 ms
     * @return this builder
     */
    public R2dbcEventChannelBuilder lease(Duration lease) {
        settings.lease = lease;
        return change(options -> options.withLease(lease));
    }

    /**
     * Sets the poll interval, see {@link ChannelOptions#pollInterval()}.
     *
     * @param pollInterval at least 1 ms
     * @return this builder
     */
    public R2dbcEventChannelBuilder pollInterval(Duration pollInterval) {
        settings.pollInterval = pollInterval;
        return change(options -> options.withPollInterval(pollInterval));
    }

    /**
     * Sets the prefetch, see {@link ChannelOptions#prefetch()}.
     *
     * @param prefetch at least 1
     * @return this builder
     */
    public R2dbcEventChannelBuilder prefetch(int prefetch) {
        settings.prefetchGiven = true;
        return change(options -> options.withPrefetch(prefetch));
    }

    /**
     * Sets the claim batch, see {@link ChannelOptions#claimBatch()}.
     *
     * @param claimBatch 1 to 10,000
     * @return this builder
     */
    public R2dbcEventChannelBuilder claimBatch(int claimBatch) {
        return change(options -> options.withClaimBatch(claimBatch));
    }

    /**
     * Sets after how many failed deliveries an event becomes a dead letter.
     *
     * @param maxAttempts at least 1
     * @return this builder
     */
    public R2dbcEventChannelBuilder maxAttempts(int maxAttempts) {
        return change(options -> options.withMaxAttempts(maxAttempts));
    }

    /**
     * Sets when a nacked event comes again.
     *
     * @param retryPolicy the policy
     * @return this builder
     */
    public R2dbcEventChannelBuilder retryPolicy(RetryPolicy retryPolicy) {
        settings.retryPolicyGiven = true;
        return change(options -> options.withRetryPolicy(retryPolicy));
    }

    /**
     * Sets what a dead letter means for the later events of its key. All who receive from a channel should say the same.
     *
     * @param deadLetterKeys whether they go on, as by default, or wait until it is requeued or purged
     * @return this builder
     */
    public R2dbcEventChannelBuilder deadLetterKeys(DeadLetterKeys deadLetterKeys) {
        return change(options -> options.withDeadLetterKeys(deadLetterKeys));
    }

    /**
     * Sets the publish timeout, see {@link ChannelOptions#publishTimeout()}.
     *
     * @param publishTimeout at least 1 ms
     * @return this builder
     */
    public R2dbcEventChannelBuilder publishTimeout(Duration publishTimeout) {
        return change(options -> options.withPublishTimeout(publishTimeout));
    }

    /**
     * Sets how long a shutdown waits for messages in hand.
     *
     * @param shutdownTimeout not negative
     * @return this builder
     */
    public R2dbcEventChannelBuilder shutdownTimeout(Duration shutdownTimeout) {
        return change(options -> options.withShutdownTimeout(shutdownTimeout));
    }

    /**
     * Sets what writes and reads payloads.
     *
     * @param jsonMapper a mapper without default typing
     * @return this builder
     */
    public R2dbcEventChannelBuilder jsonMapper(JsonMapper jsonMapper) {
        return change(options -> options.withJsonMapper(jsonMapper));
    }

    /**
     * Sets whether code that blocks may use the channel, see {@link EventChannel#allowsBlocking()}.
     *
     * @param blocking true, the default, to allow it; false to make {@code BlockingEventChannel.of} fail
     * @return this builder
     */
    public R2dbcEventChannelBuilder blocking(boolean blocking) {
        return change(options -> options.withBlocking(blocking));
    }

    /**
     * Sets who hears what the channel does, for meters and traces: {@code MicrometerObserver} of
     * {@code dev.reactiveevents.micrometer}, or one of your own.
     *
     * @param observer the observer; by default nobody
     * @return this builder
     */
    public R2dbcEventChannelBuilder observer(EventObserver observer) {
        return change(options -> options.withObserver(observer));
    }

    /**
     * Sets how full PostgreSQL packs the table's pages. Counts when the table is created.
     *
     * @param fillfactor 10 to 100; 85 by default
     * @return this builder
     */
    public R2dbcEventChannelBuilder fillfactor(int fillfactor) {
        return setting("fillfactor", fillfactor);
    }

    /**
     * Sets how PostgreSQL vacuums and analyses the table. Counts when the table is created.
     *
     * @param parameter a storage parameter of PostgreSQL, such as {@code autovacuum_vacuum_scale_factor}
     * @param value its value
     * @return this builder
     */
    public R2dbcEventChannelBuilder autovacuum(String parameter, Number value) {
        settings.autovacuum(parameter, value);
        return this;
    }

    /**
     * Whether Oracle is asked to keep the queue table in its In-Memory column store too. That is for analysis, an option that is
     * licensed, and of no use to a queue: no, unless it is needed for other queries. Where the server does not have it nothing
     * happens. Counts when the table is created.
     *
     * @param inMemory false by default
     * @return this builder
     */
    public R2dbcEventChannelBuilder inMemory(boolean inMemory) {
        settings.inMemory(inMemory);
        return this;
    }

    /**
     * Sets the queue of {@link BackendType#ADVANCED_QUEUE}.
     *
     * @param queue {@code queue} or {@code owner.queue}, letters, digits and underscores, 22 at most without the owner, which
     *     Oracle has in capitals; {@code reactive_events_queue} by default, for all channels. With <code>{channel}</code> in it
     *     each channel has a queue of its own
     * @return this builder
     */
    public R2dbcEventChannelBuilder queue(String queue) {
        settings.queue(queue);
        return this;
    }

    /**
     * Sets for how long a dequeue of {@link BackendType#ADVANCED_QUEUE} waits in the database before it is asked again.
     *
     * @param queueWait whole seconds, from 1 to 60; 5 by default
     * @return this builder
     */
    public R2dbcEventChannelBuilder queueWait(Duration queueWait) {
        settings.queueWait(queueWait);
        return this;
    }

    /**
     * Sets whether events that are published in a transaction of the caller's are in the queue of
     * {@link BackendType#ADVANCED_QUEUE} at once, whatever becomes of that transaction.
     *
     * @param queueImmediately false, the default, to commit or vanish with it
     * @return this builder
     */
    public R2dbcEventChannelBuilder queueImmediately(boolean queueImmediately) {
        settings.queueImmediately(queueImmediately);
        return this;
    }

    R2dbcEventChannelBuilder setting(String name, Number value) {
        settings.ofTable.put(name, value);
        return this;
    }

    /**
     * Sets options by the names under which configuration files have them: {@code events_backend, queue_table,
     * lease_seconds, retention_seconds, dead_retention_seconds, poll_interval} (in seconds), {@code dead_letter_keys}
     * ({@code free} or {@code park}), {@code portal_bridge} (whether code that blocks may use the channel),
     * {@code fillfactor} and {@code autovacuum_…}; of Oracle {@code in_memory, aq_queue, aq_wait_seconds} and
     * {@code aq_visibility} ({@code on_commit} or {@code immediate}).
     *
     * @param options names and values
     * @return this builder
     * @throws EventException.Invalid if a name is unknown or a value wrong; the message gives the allowed range
     */
    public R2dbcEventChannelBuilder options(Map<String, ?> options) {
        MapOptions.apply(require("map of options", options), this);
        return this;
    }

    private R2dbcEventChannelBuilder change(UnaryOperator<ChannelOptions> change) {
        settings.change(change);
        return this;
    }

    /**
     * Builds the channel. Does not connect.
     *
     * @return the channel
     * @throws EventException.Misconfigured if no dialect serves the connection factory
     * @throws EventException.Unsupported if the database or this version lacks what was asked for
     */
    public R2dbcEventChannel build() {
        return new Assembly(settings).channel();
    }
}
