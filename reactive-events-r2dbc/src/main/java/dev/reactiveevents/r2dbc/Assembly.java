package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.UpkeepStatements;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.EventObserver.Count;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;

/** Puts a channel together as its builder says. Does not connect. */
final class Assembly {

    private static final int EVENTS_THAT_WAIT_FOR_A_SUBSCRIBER = 1_024;
    private static final Duration POLL_INTERVAL_WHEN_WOKEN = Duration.ofSeconds(5);

    private final R2dbcEventChannelBuilder builder;
    private final Dialect dialect;
    private final BackendType chosen;
    private final String name;
    private final Database database;

    Assembly(R2dbcEventChannelBuilder builder) {
        this.builder = builder;
        this.dialect = builder.dialect == null ? Dialects.serving(builder.connectionFactory) : builder.dialect;
        this.chosen = Backends.choose(dialect, builder.backend, builder.fallback);
        this.name = chosen.optionName() + " on " + dialect.name();
        this.database = new Database(builder.connectionFactory, dialect, builder.table);
    }

    R2dbcEventChannel channel() {
        if (builder.queueOptionsGiven && builder.backend != BackendType.ADVANCED_QUEUE) {
            throw new EventException.Unsupported(
                    "A channel on " + name + " was built with options of advanced_queue; leave"
                            + " them out, or choose BackendType.ADVANCED_QUEUE.");
        }
        return switch (chosen) {
            case LISTEN_NOTIFY -> broadcast();
            case ADVANCED_QUEUE -> new QueueAssembly(builder, dialect, name).channel();
            default -> queue();
        };
    }

    private R2dbcEventChannel broadcast() {
        if (builder.retryPolicyGiven) {
            throw new EventException.Unsupported("A channel on " + name + " was built with a retry policy, but nothing"
                    + " comes again there; leave it out, or choose BackendType.LISTEN_NOTIFY_DURABLE.");
        }
        Notifier notifier = notifier();
        ChannelOptions options = builder.prefetchGiven
                ? builder.options
                : builder.options.withPrefetch(EVENTS_THAT_WAIT_FOR_A_SUBSCRIBER);
        ChannelState state = new ChannelState(chosen, false, notifier);
        return new R2dbcEventChannel(
                EventChannels.over(new ListenNotifyBackend(database, name, notifier), options, state::missed),
                options,
                EventSchema.notNeeded(database, dialect, builder.table),
                state,
                null,
                null);
    }

    private R2dbcEventChannel queue() {
        QueueStatements statements = dialect.statements(builder.table, builder.retention);
        Notifier notifier = chosen == BackendType.TABLE_QUEUE ? null : notifier();
        TableNews news = notifier == null ? null : new TableNews(notifier, builder.table);
        TableQueueBackend store = new TableQueueBackend(
                database,
                dialect,
                builder.table,
                statements,
                builder.consumerName,
                janitor(builder, dialect, database, statements));
        EventBackend backend = news == null ? store : new NotifyingBackend(store, name, news);
        ChannelOptions options = queueOptions();
        boolean fellBack = builder.backend != null && builder.backend != chosen;
        return new R2dbcEventChannel(
                EventChannels.over(backend, options),
                options,
                new EventSchema(database, dialect, builder.table, Dialects.settings(dialect, builder.settings)),
                new ChannelState(chosen, fellBack, notifier),
                transactions(statements),
                new Outbox(store::publish, new Failures(dialect, builder.table), news, builder.wakeOnCommit));
    }

    static Janitor janitor(
            R2dbcEventChannelBuilder builder, Dialect dialect, Database database, QueueStatements statements) {
        Duration dead = builder.deadRetention;
        if (dead == null) {
            return Janitor.of(database, statements, builder.table, builder.retention);
        }
        UpkeepStatements upkeep = dialect.upkeep(builder.table);
        if (upkeep == null) {
            throw new EventException.Unsupported("A retention of dead letters was asked for on " + dialect.name()
                    + ", whose dialect has no statements for them; leave it out.");
        }
        Duration shorter = dead.compareTo(builder.retention) < 0 ? dead : builder.retention;
        return Janitor.of(database, statements, builder.table, shorter).removingDead(upkeep, builder.table, dead);
    }

    private Transactions transactions(QueueStatements statements) {
        return new Transactions(
                builder.connectionFactory,
                dialect,
                dialect.transactions(builder.table, statements),
                new Failures(dialect, builder.table),
                builder.options.publishTimeout());
    }

    private Notifier notifier() {
        ConnectionFactory listening =
                builder.listenerConnections == null ? builder.connectionFactory : builder.listenerConnections;
        EventObserver observer = builder.options.observer();
        return Backends.notifier(
                listening,
                builder.probeInterval,
                database,
                () -> observer.count(Count.LISTENER_RECONNECT, null, 1),
                new Failures(dialect, builder.table));
    }

    private ChannelOptions queueOptions() {
        Duration usual = chosen == BackendType.TABLE_QUEUE ? dialect.pollInterval() : POLL_INTERVAL_WHEN_WOKEN;
        ChannelOptions options = builder.options
                .withLease(builder.lease == null ? dialect.lease() : builder.lease)
                .withPollInterval(builder.pollInterval == null ? usual : builder.pollInterval);
        return dialect.pollAfterActivity().compareTo(dialect.pollInterval()) < 0
                ? options.withPollAfterActivity(dialect.pollAfterActivity())
                : options;
    }
}
