package dev.reactiveevents.r2dbc;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/** The listeners of a topic, and what they were last told of it. Told by the loop, so that it is in order. */
final class Topic {

    private static final Logger LOG = Loggers.getLogger(Topic.class);

    private final List<Consumer<Notifier.Heard>> listeners = new CopyOnWriteArrayList<>();
    private final Queue<Consumer<Notifier.Heard>> newcomers = new ConcurrentLinkedQueue<>();
    private Notifier.@Nullable Heard state;

    Topic with(Consumer<Notifier.Heard> listener) {
        listeners.add(listener);
        newcomers.add(listener);
        return this;
    }

    @Nullable
    Topic without(Consumer<Notifier.Heard> listener) {
        listeners.remove(listener);
        newcomers.remove(listener);
        return listeners.isEmpty() ? null : this;
    }

    void is(Notifier.Heard now) {
        if (state == null || state.kind() != now.kind()) {
            state = now;
            newcomers.clear();
            tell(now);
        }
        Consumer<Notifier.Heard> newcomer;
        while ((newcomer = newcomers.poll()) != null) {
            tell(newcomer, now);
        }
    }

    void tell(Notifier.Heard heard) {
        listeners.forEach(listener -> tell(listener, heard));
    }

    /** An error of a listener is no loss of the connection, and harms no other. */
    private static void tell(Consumer<Notifier.Heard> listener, Notifier.Heard heard) {
        try {
            listener.accept(heard);
        } catch (Throwable thrown) {
            LOG.error("A listener threw an error when it was told a notification.", thrown);
        }
    }
}
