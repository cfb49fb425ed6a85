package dev.reactiveevents.blocking;

import dev.reactiveevents.EventMessage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** The Reactor Context of the handler that a thread runs: its calls have it too, so that what it publishes keeps the chain. */
final class HandlerContext {

    private static final ThreadLocal<@Nullable ContextView> CURRENT = new ThreadLocal<>();

    private HandlerContext() {}

    static void run(ContextView context, Consumer<? super EventMessage> handler, EventMessage message) {
        CURRENT.set(context);
        try {
            handler.accept(message);
        } finally {
            CURRENT.remove();
        }
    }

    static Context addTo(Context context) {
        ContextView current = CURRENT.get();
        return current == null ? context : context.putAll(current);
    }
}
