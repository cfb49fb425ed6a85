package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.UpkeepStatements;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/** Puts a channel over queues of Oracle's together. Does not connect. */
final class QueueAssembly {

    /** As queues are made. */
    private static final Duration RETRY_DELAY = Duration.ofSeconds(1);

    private final R2dbcEventChannelBuilder builder;
    private final Dialect dialect;
    private final String name;
    private final QueueNames names;
    private final AdvancedQueueStatements queues;
    private final Failures failures;
    private final Database database;

    QueueAssembly(R2dbcEventChannelBuilder builder, Dialect dialect, String name) {
        this.builder = builder;
        this.dialect = dialect;
        this.name = name;
        this.names = builder.queueNames;
        this.queues = Objects.requireNonNull(dialect.advancedQueue(builder.table), "statements of advanced_queue");
        this.failures = new Failures(
                dialect,
                "the queue " + names + " or the table " + builder.table + " of its dead letters",
                queues.grant(names.toString()) + ", and " + dialect.grant(builder.table),
                "If it was a publish, trying again may put the event into the queue twice.");
        this.database = new Database(builder.connectionFactory, dialect, failures);
    }

    R2dbcEventChannel channel() {
        refuse(builder.retryPolicyGiven, "a retry policy", "how soon it comes again is an attribute of the queue");
        refuse(builder.retentionGiven, "a retention", "what is acknowledged is gone");
        ChannelOptions options = options();
        UpkeepStatements upkeep = Objects.requireNonNull(dialect.upkeep(builder.table), "statements for dead letters");
        AdvancedQueueBackend backend = new AdvancedQueueBackend(
                name,
                database,
                failures,
                queues,
                names,
                new QueueSessions(
                        builder.listenerConnections == null ? builder.connectionFactory : builder.listenerConnections,
                        dialect,
                        options.prefetch() + 1),
                builder.queueWait,
                Assembly.janitor(builder, dialect, database, dialect.statements(builder.table, builder.retention)),
                new AdvancedQueueUpkeep(
                        database, queues, upkeep, new TableUpkeep(database, upkeep, builder.table), names));
        return new R2dbcEventChannel(
                EventChannels.over(backend, options),
                options,
                EventSchema.withQueues(
                        database,
                        dialect,
                        builder.table,
                        Dialects.settings(dialect, builder.settings),
                        new QueueSchema(database, queues, names, List.of(), options.maxAttempts())),
                new ChannelState(BackendType.ADVANCED_QUEUE, false, null),
                new Transactions(builder.connectionFactory, dialect, null, failures, builder.options.publishTimeout()),
                new Outbox(
                        (connection, events, again) -> backend.publish(connection, events, builder.queueImmediately),
                        failures,
                        null,
                        false));
    }

    private void refuse(boolean given, String what, String why) {
        if (given) {
            throw new EventException.Unsupported("A channel on " + name + " was built with " + what + ", but there "
                    + why + "; leave it out, or choose BackendType.TABLE_QUEUE.");
        }
    }

    /**
     * Each event in hand has a connection of its own, so that there is one unless more are asked for. The policy is what the queue
     * does, for those who read of it.
     */
    private ChannelOptions options() {
        ChannelOptions options = builder.prefetchGiven ? builder.options : builder.options.withPrefetch(1);
        return options.withRetryPolicy(RetryPolicy.fixed(RETRY_DELAY))
                .withLease(builder.lease == null ? dialect.lease() : builder.lease)
                .withPollInterval(builder.pollInterval == null ? dialect.pollInterval() : builder.pollInterval);
    }
}
