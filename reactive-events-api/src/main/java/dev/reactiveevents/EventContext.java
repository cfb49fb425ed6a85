package dev.reactiveevents;

import java.util.List;
import java.util.Map;
import reactor.util.context.Context;

/**
 * What travels with an event from the Reactor Context of who publishes it, through its metadata, to the Reactor Context of its
 * handler, in whatever process. Where the handler publishes in turn, it travels on.
 *
 * <p>An entry of the context whose key is one of {@link #NAMES} becomes an entry of the metadata of the same name, unless the
 * event has one already. {@link EventChannel#listen} gives it to its handlers; who subscribes does so by {@link #of}.
 */
public final class EventContext {

    /** The key, in context and metadata, of an id that all have in common that came of the same cause. */
    public static final String CORRELATION_ID = "correlation_id";

    /**
     * The keys of what travels: {@link #CORRELATION_ID}, and those of the W3C for traces. A channel with a tracer sets the
     * latter itself; others pass them on, so that no trace breaks on its way through them.
     */
    public static final List<String> NAMES = List.of(CORRELATION_ID, "traceparent", "tracestate", "baggage");

    private EventContext() {}

    /**
     * What travelled with an event, for {@code contextWrite}.
     *
     * @param message the event
     * @return a context with an entry, a string, for each name that the metadata has
     * @throws EventException.Undecodable if the metadata cannot be read
     */
    public static Context of(EventMessage message) {
        if (message == null) {
            throw new EventException.Invalid("The context of a message was asked for, and the message was null.");
        }
        Map<String, Object> metadata = message.metadata();
        Context context = Context.empty();
        for (String name : NAMES) {
            Object value = metadata.get(name);
            if (value != null) {
                context = context.put(name, value.toString());
            }
        }
        return context;
    }
}
