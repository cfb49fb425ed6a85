package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.Logger;
import reactor.util.Loggers;

/** Which backend a channel gets. */
final class Backends {

    private static final Logger LOG = Loggers.getLogger(R2dbcEventChannel.class);
    private static final String REMEDY =
            " Build the channel with R2dbcEventChannel.builder(…).backend(BackendType.TABLE_QUEUE).";

    private static final String WHAT_THE_DEFAULT_PROMISES =
            "The channel uses listen_notify, the default of PostgreSQL: every subscriber that is connected gets every event,"
                    + " at most once, and nothing is stored. For events that must not be lost choose"
                    + " BackendType.LISTEN_NOTIFY_DURABLE.";
    private static final String INSTEAD_OF_BROADCAST =
            "each event is stored and goes to one of the subscribers that compete for its channel, not to all, and is seen"
                    + " within a poll interval.";
    private static final String INSTEAD_OF_OTHERS =
            "the promise is the same, but events of other processes are seen within a poll interval, not at once.";
    private static final String INSTEAD_OF_QUEUES =
            "events live in a table instead of a queue, are leased instead of held in a transaction, come again as the retry"
                    + " policy says, and those of other processes are seen within a poll interval.";
    private static final String POSTGRES_CONNECTION = "io.r2dbc.postgresql.api.PostgresqlConnection";

    private Backends() {}

    /** What the kind of database lacks falls back to the table; what this version lacks does not. */
    static BackendType choose(Dialect dialect, @Nullable BackendType asked, boolean fallback) {
        String wanted = asked == null ? dialect.backends().get(0) : asked.optionName();
        BackendType known = known(wanted);
        if (dialect.backends().contains(wanted)) {
            if (known == null) {
                throw new EventException.Unsupported(
                        "The backend " + wanted + " is to come; this version does not have it." + REMEDY);
            }
            if (asked == null && known == BackendType.LISTEN_NOTIFY) {
                LOG.info(WHAT_THE_DEFAULT_PROMISES);
            }
            return known;
        }
        if (!fallback) {
            throw new EventException.Unsupported("The backend " + wanted + " does not exist on " + dialect.name()
                    + ", and a fallback was ruled out." + REMEDY);
        }
        LOG.warn(
                "The backend {} does not exist on {}; table_queue takes its place: {}",
                wanted,
                dialect.name(),
                instead(wanted));
        return BackendType.TABLE_QUEUE;
    }

    private static String instead(String wanted) {
        return wanted.equals(BackendType.LISTEN_NOTIFY.optionName())
                ? INSTEAD_OF_BROADCAST
                : wanted.equals(BackendType.ADVANCED_QUEUE.optionName()) ? INSTEAD_OF_QUEUES : INSTEAD_OF_OTHERS;
    }

    private static @Nullable BackendType known(String wanted) {
        return Arrays.stream(BackendType.values())
                .filter(type -> type.optionName().equals(wanted))
                .findAny()
                .orElse(null);
    }

    static Notifier notifier(
            ConnectionFactory listening,
            Duration probeInterval,
            Database database,
            Runnable onReconnect,
            Failures failures) {
        try {
            Class.forName(POSTGRES_CONNECTION, false, Backends.class.getClassLoader());
        } catch (ClassNotFoundException missing) {
            throw new EventException.Misconfigured(
                    "Notifications of PostgreSQL were asked for without org.postgresql:r2dbc-postgresql; put that driver on"
                            + " the class path, or choose another backend." + REMEDY,
                    missing);
        }
        return new PostgresNotifier(
                listening,
                probeInterval,
                (topic, payload) -> database.statement(
                        "Notifying " + topic, connection -> notification(connection, topic, payload)),
                onReconnect,
                failure -> failures.ofUndone("Listening to notifications", failure));
    }

    private static Mono<Void> notification(Connection connection, String topic, String payload) {
        return Flux.from(connection
                        .createStatement("SELECT pg_notify($1, $2)")
                        .bind(0, topic)
                        .bind(1, payload)
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }
}
