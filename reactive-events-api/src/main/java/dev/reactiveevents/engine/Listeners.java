package dev.reactiveevents.engine;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.EventObserver.Count;
import dev.reactiveevents.spi.EventOutlet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The listeners of a channel object, until they have ended. */
final class Listeners {

    private final EventOutlet backend;
    private final ChannelOptions options;
    private final EngineTime time;
    private final BiFunction<String, SubscribeOptions, Flux<EventMessage>> subscribe;
    private final Observed observed;
    private final Map<String, Listener> all = new ConcurrentHashMap<>();
    private final Drained ended = new Drained();

    Listeners(
            EventOutlet backend,
            ChannelOptions options,
            EngineTime time,
            BiFunction<String, SubscribeOptions, Flux<EventMessage>> subscribe,
            Observed observed) {
        this.backend = backend;
        this.options = options;
        this.time = time;
        this.subscribe = subscribe;
        this.observed = observed;
    }

    /** Refuses what a backend that does not try again would ignore. */
    static void requireRetries(EventOutlet backend, SubscribeOptions options) {
        if ((options.maxAttempts() != null || options.retry() != null)
                && !backend.capabilities().containsAll(Set.of(Capability.RETRY, Capability.RESCHEDULING))) {
            throw new EventException.Unsupported("Attempts or a retry policy were set, but " + backend.name()
                    + " delivers no event again, or not when it is told to; choose a durable backend with a table for"
                    + " that, or leave them out.");
        }
    }

    EventListener listen(String channel, EventHandler handler, ListenOptions listenOptions) {
        EventChannel.requireValidName(channel);
        if (handler == null) {
            throw BackendChannel.nothing("handler of a listener");
        }
        if (listenOptions == null) {
            throw BackendChannel.nothing("options of a listener");
        }
        requireRetries(backend, listenOptions.subscription());
        Integer own = listenOptions.subscription().prefetch();
        int prefetch = own != null ? own : options.prefetch();
        if (prefetch < listenOptions.concurrency()) {
            throw new EventException.Invalid("A listener of channel \"" + channel + "\" was to handle "
                    + listenOptions.concurrency() + " events at the same time with a prefetch of " + prefetch
                    + "; give a prefetch that is not less than the concurrency.");
        }
        Listener listener = new Listener(channel, handler, listenOptions, prefetch, time, observed, this::hasEnded);
        all.put(listener.id(), listener);
        observed.count(Count.LISTENER_START, channel, 1);
        listener.start(subscription -> subscribe.apply(channel, subscription));
        return listener;
    }

    private void hasEnded(Listener listener) {
        all.remove(listener.id());
        observed.count(Count.LISTENER_STOP, listener.channel(), 1);
        ended.check();
    }

    Mono<Boolean> stop(@Nullable String id) {
        if (id == null) {
            return Mono.error(BackendChannel.nothing("id of a listener to be stopped"));
        }
        return Mono.defer(() -> {
            Listener listener = all.get(id);
            return listener == null
                    ? Mono.just(false)
                    : listener.stop(options.shutdownTimeout()).thenReturn(true);
        });
    }

    /** Completes once none is left. Their subscriptions are ended by who owns them. */
    Mono<Void> ended() {
        return ended.whenZero(all::size);
    }

    void stopHandlers() {
        all.values().forEach(Listener::stopHandlers);
    }
}
