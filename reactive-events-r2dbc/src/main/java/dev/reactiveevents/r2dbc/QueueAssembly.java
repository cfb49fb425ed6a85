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

    private final ChannelSettings settings;
    private final Dialect dialect;
    private final String name;
    private final QueueNames names;
    private final AdvancedQueueStatements queues;
    private final Failures failures;
    private final Database database;

    QueueAssembly(ChannelSettings settings, Dialect dialect, String name) {
        this.settings = settings;
        this.dialect = dialect;
        this.name = name;
        this.names = settings.queueNames;
        this.queues = Objects.requireNonNull(dialect.advancedQueue(settings.table), "statements of advanced_queue");
        this.failures = new Failures(
                dialect,
                "the queue " + names + " or the table " + settings.table + " of its dead letters",
                queues.grant(names.toString()) + ", and " + dialect.grant(settings.table),
                "If it was a publish, trying again may put the event into the queue twice.");
        this.database = new Database(settings.connectionFactory, dialect, failures);
    }

    R2dbcEventChannel channel() {
        refuse(settings.retryPolicyGiven, "a retry policy", "how soon it comes again is an attribute of the queue");
        refuse(settings.retentionGiven, "a retention", "what is acknowledged is gone");
        ChannelOptions options = options();
        UpkeepStatements upkeep = Objects.requireNonNull(dialect.upkeep(settings.table), "statements for dead letters");
        AdvancedQueueBackend backend = new AdvancedQueueBackend(
                name,
                database,
                failures,
                queues,
                names,
                new QueueSessions(
                        settings.listenerConnections == null
                                ? settings.connectionFactory
                                : settings.listenerConnections,
                        dialect,
                        options.prefetch() + 1),
                settings.queueWait,
                Assembly.janitor(settings, dialect, database, dialect.statements(settings.table, settings.retention)),
                new AdvancedQueueUpkeep(
                        database, queues, upkeep, new TableUpkeep(database, upkeep, settings.table), names));
        return new R2dbcEventChannel(
                EventChannels.over(backend, options),
                options,
                EventSchema.withQueues(
                        database,
                        dialect,
                        settings.table,
                        Dialects.settings(dialect, settings.ofTable),
                        new QueueSchema(database, queues, names, List.of(), options.maxAttempts())),
                new ChannelState(BackendType.ADVANCED_QUEUE, false, null),
                new Transactions(
                        settings.connectionFactory,
                        dialect,
                        null,
                        failures,
                        settings.options.publishTimeout(),
                        settled -> {}),
                new Outbox(
                        (connection, events, again) -> backend.publish(connection, events, settings.queueImmediately),
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
        ChannelOptions options = settings.prefetchGiven ? settings.options : settings.options.withPrefetch(1);
        return options.withRetryPolicy(RetryPolicy.fixed(RETRY_DELAY))
                .withLease(settings.lease == null ? dialect.lease() : settings.lease)
                .withPollInterval(settings.pollInterval == null ? dialect.pollInterval() : settings.pollInterval);
    }
}
