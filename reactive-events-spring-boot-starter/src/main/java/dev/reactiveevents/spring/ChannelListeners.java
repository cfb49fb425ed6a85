package dev.reactiveevents.spring;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.context.SmartLifecycle;
import reactor.core.publisher.Mono;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The application's listeners: found when its beans are there, started after its web server and stopped before it, so that
 * requests which are still answered can publish, and nothing is handled any more by what is about to go.
 */
final class ChannelListeners implements SmartLifecycle, SmartInitializingSingleton {

    /** Above the web server's graceful end, which is 1,024 below the last. */
    static final int PHASE = DEFAULT_PHASE - 512;

    private static final Logger LOG = Loggers.getLogger(ChannelListeners.class);

    private final EventChannel events;
    private final ObjectProvider<DeclaredListener> declared;
    private final AnnotatedListeners annotated;
    private final boolean autoStartup;
    private final Duration readyTimeout;
    private final Duration shutdownTimeout;

    private List<DeclaredListener> wanted = List.of();
    private volatile List<EventListener> running = List.of();
    private volatile boolean started;

    ChannelListeners(
            EventChannel events,
            ObjectProvider<DeclaredListener> declared,
            AnnotatedListeners annotated,
            ReactiveEventsProperties.Listeners properties,
            Duration shutdownTimeout) {
        this.events = events;
        this.declared = declared;
        this.annotated = annotated;
        this.autoStartup = properties.autoStartup();
        this.readyTimeout = properties.readyTimeout();
        this.shutdownTimeout = shutdownTimeout;
    }

    @Override
    public void afterSingletonsInstantiated() {
        wanted = Stream.concat(annotated.find().stream(), declared.orderedStream())
                .toList();
        if (!isBroadcast()) {
            requireOneEach(wanted);
        }
    }

    private boolean isBroadcast() {
        return events instanceof R2dbcEventChannel channel && channel.snapshot().backend() == BackendType.LISTEN_NOTIFY;
    }

    private static void requireOneEach(List<DeclaredListener> listeners) {
        Set<String> seen = new HashSet<>();
        for (DeclaredListener listener : listeners) {
            if (!seen.add(listener.channel())) {
                throw new EventException.Invalid("Two listeners of this application are for the channel \""
                        + listener.channel() + "\", and each event would go to only one of them; declare one"
                        + " DeclaredListener with an EventRouter instead, or raise the concurrency of one.");
            }
        }
    }

    /** {@return those that were started, also if they have ended by themselves} */
    List<EventListener> listeners() {
        return running;
    }

    // == Lifecycle ==

    @Override
    public boolean isAutoStartup() {
        return autoStartup;
    }

    @Override
    public int getPhase() {
        return PHASE;
    }

    @Override
    public boolean isRunning() {
        return started;
    }

    /** Fails if a listener ends at once, such as for want of a table. If the database is away it does not, and they keep trying. */
    @Override
    public void start() {
        if (started) {
            return;
        }
        started = true;
        List<EventListener> listeners = new ArrayList<>();
        for (DeclaredListener each : wanted) {
            listeners.add(events.listen(each.channel(), each.handler(), each.options()));
            running = List.copyOf(listeners);
        }
        AtStart.await(Mono.when(listeners.stream().map(EventListener::ready).toList())
                .timeout(readyTimeout, Mono.fromRunnable(() -> warn(listeners))));
    }

    private void warn(List<EventListener> listeners) {
        listeners.stream()
                .filter(listener -> listener.state() != EventListener.State.RUNNING)
                .forEach(listener -> LOG.warn(
                        "The listener {} of channel \"{}\" is not ready after {}, and keeps trying: {}",
                        listener.id(),
                        listener.channel(),
                        readyTimeout,
                        String.valueOf(listener.failure())));
    }

    @Override
    public void stop() {
        AtStart.await(stopped());
    }

    @Override
    public void stop(Runnable callback) {
        stopped().doFinally(end -> callback.run()).subscribe();
    }

    private Mono<Void> stopped() {
        return Mono.when(running.stream()
                        .map(listener -> listener.stop(shutdownTimeout))
                        .toList())
                .doOnSuccess(stopped -> started = false);
    }
}
