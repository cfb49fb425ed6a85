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
import org.jspecify.annotations.Nullable;

/** Puts a channel together as its settings say. Does not connect. */
final class Assembly {

    private static final int EVENTS_THAT_WAIT_FOR_A_SUBSCRIBER = 1_024;
    private static final Duration POLL_INTERVAL_WHEN_WOKEN = Duration.ofSeconds(5);

    private final ChannelSettings settings;
    private final Dialect dialect;
    private final BackendType chosen;
    private final String name;
    private final Database database;

    Assembly(ChannelSettings settings) {
        this.settings = settings;
        this.dialect = settings.dialect == null ? Dialects.serving(settings.connectionFactory) : settings.dialect;
        this.chosen = Backends.choose(dialect, settings.backend, settings.fallback);
        this.name = chosen.optionName() + " on " + dialect.name();
        this.database = new Database(settings.connectionFactory, dialect, settings.table);
    }

    R2dbcEventChannel channel() {
        if (settings.queueOptionsGiven && settings.backend != BackendType.ADVANCED_QUEUE) {
            throw new EventException.Unsupported(
                    "A channel on " + name + " was built with options of advanced_queue; leave"
                            + " them out, or choose BackendType.ADVANCED_QUEUE.");
        }
        return switch (chosen) {
            case LISTEN_NOTIFY -> broadcast();
            case ADVANCED_QUEUE -> new QueueAssembly(settings, dialect, name).channel();
            default -> queue();
        };
    }

    private R2dbcEventChannel broadcast() {
        if (settings.retryPolicyGiven) {
            throw new EventException.Unsupported("A channel on " + name + " was built with a retry policy, but nothing"
                    + " comes again there; leave it out, or choose BackendType.LISTEN_NOTIFY_DURABLE.");
        }
        Notifier notifier = notifier();
        ChannelOptions options = settings.prefetchGiven
                ? settings.options
                : settings.options.withPrefetch(EVENTS_THAT_WAIT_FOR_A_SUBSCRIBER);
        ChannelState state = new ChannelState(chosen, false, notifier);
        return new R2dbcEventChannel(
                EventChannels.over(new ListenNotifyBackend(database, name, notifier), options, state::missed),
                options,
                EventSchema.notNeeded(database, dialect, settings.table),
                state,
                null,
                null);
    }

    private R2dbcEventChannel queue() {
        QueueStatements statements = dialect.statements(settings.table, settings.retention);
        Notifier notifier = chosen == BackendType.TABLE_QUEUE ? null : notifier();
        TableNews news = notifier == null ? null : new TableNews(notifier, settings.table);
        TableQueueBackend store = new TableQueueBackend(
                database,
                dialect,
                settings.table,
                statements,
                settings.consumerName,
                janitor(settings, dialect, database, statements));
        EventBackend backend = news == null ? store : new NotifyingBackend(store, name, news);
        ChannelOptions options = queueOptions();
        boolean fellBack = settings.backend != null && settings.backend != chosen;
        return new R2dbcEventChannel(
                EventChannels.over(backend, options),
                options,
                new EventSchema(database, dialect, settings.table, Dialects.settings(dialect, settings.ofTable)),
                new ChannelState(chosen, fellBack, notifier),
                transactions(statements, news),
                new Outbox(store::publish, new Failures(dialect, settings.table), news, settings.wakeOnCommit));
    }

    static Janitor janitor(ChannelSettings settings, Dialect dialect, Database database, QueueStatements statements) {
        Duration dead = settings.deadRetention;
        if (dead == null) {
            return Janitor.of(database, statements, settings.table, settings.retention);
        }
        UpkeepStatements upkeep = dialect.upkeep(settings.table);
        if (upkeep == null) {
            throw new EventException.Unsupported("A retention of dead letters was asked for on " + dialect.name()
                    + ", whose dialect has no statements for them; leave it out.");
        }
        Duration shorter = dead.compareTo(settings.retention) < 0 ? dead : settings.retention;
        return Janitor.of(database, statements, settings.table, shorter).removingDead(upkeep, settings.table, dead);
    }

    private Transactions transactions(QueueStatements statements, @Nullable TableNews news) {
        return new Transactions(
                settings.connectionFactory,
                dialect,
                dialect.transactions(settings.table, statements),
                new Failures(dialect, settings.table),
                settings.options.publishTimeout(),
                news == null ? settled -> {} : news::tell);
    }

    private Notifier notifier() {
        ConnectionFactory listening =
                settings.listenerConnections == null ? settings.connectionFactory : settings.listenerConnections;
        EventObserver observer = settings.options.observer();
        return Backends.notifier(
                listening,
                settings.probeInterval,
                database,
                () -> observer.count(Count.LISTENER_RECONNECT, null, 1),
                new Failures(dialect, settings.table));
    }

    private ChannelOptions queueOptions() {
        Duration usual = chosen == BackendType.TABLE_QUEUE ? dialect.pollInterval() : POLL_INTERVAL_WHEN_WOKEN;
        ChannelOptions options = settings.options
                .withLease(settings.lease == null ? dialect.lease() : settings.lease)
                .withPollInterval(settings.pollInterval == null ? usual : settings.pollInterval);
        return dialect.pollAfterActivity().compareTo(dialect.pollInterval()) < 0
                ? options.withPollAfterActivity(dialect.pollAfterActivity())
                : options;
    }
}
