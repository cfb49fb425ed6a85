package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/** Which backend a channel gets. */
final class Backends {

    private static final Logger LOG = Loggers.getLogger(R2dbcEventChannel.class);
    private static final String REMEDY =
            " Build the channel with R2dbcEventChannel.builder(…).backend(BackendType.TABLE_QUEUE).";

    private Backends() {}

    /** What the kind of database lacks falls back to the table; what this version lacks does not. */
    static BackendType choose(Dialect dialect, @Nullable BackendType asked, boolean fallback) {
        String wanted = asked == null ? dialect.backends().get(0) : asked.optionName();
        if (wanted.equals(BackendType.TABLE_QUEUE.optionName())) {
            return BackendType.TABLE_QUEUE;
        }
        if (asked == null) {
            throw new EventException.Unsupported("The default backend of " + dialect.name() + " will be " + wanted
                    + ", which is to come; this version has table_queue." + REMEDY);
        }
        if (dialect.backends().contains(wanted)) {
            throw new EventException.Unsupported(
                    "The backend " + wanted + " is to come; this version has table_queue." + REMEDY);
        }
        if (!fallback) {
            throw new EventException.Unsupported("The backend " + wanted + " does not exist on " + dialect.name()
                    + ", and a fallback was ruled out." + REMEDY);
        }
        LOG.warn(
                "The backend {} does not exist on {}; table_queue takes its place: each event is stored and goes to one of"
                        + " the subscribers that compete for its channel, not to all, and is seen within a poll interval.",
                wanted,
                dialect.name());
        return BackendType.TABLE_QUEUE;
    }
}
