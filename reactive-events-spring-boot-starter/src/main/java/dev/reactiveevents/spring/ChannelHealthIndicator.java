package dev.reactiveevents.spring;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.ChannelSnapshot;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.health.contributor.AbstractReactiveHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Down if a listener has ended by an error or is cut off, if a broadcast hears nothing, or if an event waits for longer than
 * is allowed. A durable backend that hears no notifications polls, and is up.
 */
final class ChannelHealthIndicator extends AbstractReactiveHealthIndicator {

    private static final Set<EventListener.State> ILL = Set.of(EventListener.State.CUT_OFF, EventListener.State.FAILED);

    private final EventChannel events;
    private final ChannelListeners listeners;
    private final @Nullable Duration oldestReady;

    ChannelHealthIndicator(EventChannel events, ChannelListeners listeners, @Nullable Duration oldestReady) {
        super("The event channel could not be asked");
        this.events = events;
        this.listeners = listeners;
        this.oldestReady = oldestReady;
    }

    @Override
    protected Mono<Health> doHealthCheck(Health.Builder health) {
        health.up();
        if (events instanceof R2dbcEventChannel channel) {
            tellNotifications(channel.snapshot(), health);
        }
        tellListeners(health);
        return oldestReady == null
                ? Mono.fromSupplier(health::build)
                : waiting(oldestReady, health).then(Mono.fromSupplier(health::build));
    }

    private static void tellNotifications(ChannelSnapshot snapshot, Health.Builder health) {
        health.withDetail("backend", snapshot.backend()).withDetail("notifications", snapshot.notifications());
        if (snapshot.backend() == BackendType.LISTEN_NOTIFY && snapshot.notifications() == Notifications.NOT_HEARD) {
            health.down();
        }
    }

    private void tellListeners(Health.Builder health) {
        List<EventListener> started = listeners.listeners();
        Map<String, String> states = new LinkedHashMap<>();
        started.forEach(listener -> states.put(listener.channel(), said(listener)));
        if (!states.isEmpty()) {
            health.withDetail("listeners", states);
        }
        if (started.stream().anyMatch(listener -> ILL.contains(listener.state()))) {
            health.down();
        }
    }

    private static String said(EventListener listener) {
        Throwable failure = listener.failure();
        return listener.state() + (failure == null ? "" : ": " + failure.getMessage());
    }

    private Mono<Void> waiting(Duration allowed, Health.Builder health) {
        Set<String> channels =
                listeners.listeners().stream().map(EventListener::channel).collect(Collectors.toSet());
        return Flux.fromIterable(channels)
                .concatMap(channel -> events.inspect().counts(channel, 1))
                .filter(counts -> counts.oldestReady() != null)
                .collectMap(ChannelCounts::channel, counts -> Objects.requireNonNull(counts.oldestReady()))
                .doOnNext(ages -> {
                    health.withDetail("oldestReady", ages);
                    if (ages.values().stream().anyMatch(age -> age.compareTo(allowed) > 0)) {
                        health.down();
                    }
                })
                .then();
    }
}
