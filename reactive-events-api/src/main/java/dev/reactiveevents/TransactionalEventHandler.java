package dev.reactiveevents;

import java.util.List;

/** A handler that works in a transaction, which other handlers of the same event can share. */
public interface TransactionalEventHandler extends EventHandler {

    /**
     * Joins handlers of which this is one.
     *
     * @param handlers all that are to work on an event, in their order; not all need a transaction
     * @return a handler that runs them one after the other in one transaction. The first failure ends and undoes it; those
     *     behind it do not run then
     */
    EventHandler together(List<EventHandler> handlers);
}
