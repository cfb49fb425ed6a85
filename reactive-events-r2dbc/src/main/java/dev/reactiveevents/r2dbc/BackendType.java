package dev.reactiveevents.r2dbc;

import java.util.Locale;

/** Where events live and how subscribers learn of them. Each makes its own promise. */
public enum BackendType {

    /**
     * PostgreSQL's LISTEN and NOTIFY alone: every subscriber that is connected gets every event, at most once; nothing is
     * stored, and there are no delays, retries or dead letters.
     */
    LISTEN_NOTIFY,

    /**
     * A table, with LISTEN and NOTIFY to wake subscribers at once: the promise of {@link #TABLE_QUEUE}, sooner. PostgreSQL.
     */
    LISTEN_NOTIFY_DURABLE,

    /**
     * A table that subscribers look into at intervals: each event is stored durably and goes to one of the subscribers that
     * compete for its channel, at least once, in the order in which events become due. Every database.
     */
    TABLE_QUEUE,

    /**
     * Oracle's Advanced Queuing: each event goes to one of the subscribers that compete for its channel, at least once, in the
     * order of priority and publishing. A delivery is an open transaction on a connection of its own: an acknowledgement commits
     * it, and what is given back is rolled back, and comes again after the queue's retry delay. Oracle; not yet run on a server.
     */
    ADVANCED_QUEUE;

    /** {@return its name in options: this name in lower case} */
    String optionName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
