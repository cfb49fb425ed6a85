package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Which subscriptions look for events although nothing told of any, and when: at the multiples of their intervals, counted from
 * one beginning, so that polls that coincide are one. One timer serves them all. Guarded by its own lock.
 */
final class Polls {

    private final EngineTime time;
    private final Consumer<Set<String>> wake;
    private final Map<Duration, Set<EventSubscription>> polled = new HashMap<>();
    private final Alarm timer;
    private final long beginning;
    private long lastPoll;

    /**
     * Polls of nobody yet.
     *
     * @param wake told the channels that are due together
     */
    Polls(EngineTime time, Consumer<Set<String>> wake) {
        this.time = time;
        this.wake = wake;
        this.timer = new Alarm(time);
        this.beginning = time.nanos();
    }

    synchronized void add(EventSubscription subscription) {
        Set<EventSubscription> others = polled.get(subscription.pollInterval());
        if (others != null) {
            others.add(subscription);
        } else {
            polled.put(subscription.pollInterval(), new LinkedHashSet<>(Set.of(subscription)));
            setTimer();
        }
    }

    synchronized void remove(EventSubscription subscription) {
        Set<EventSubscription> others = polled.get(subscription.pollInterval());
        if (others != null && others.remove(subscription) && others.isEmpty()) {
            polled.remove(subscription.pollInterval());
            setTimer();
        }
    }

    private void setTimer() {
        if (polled.isEmpty()) {
            timer.cancel();
        } else {
            timer.set(untilNext(), this::poll);
        }
    }

    private Duration untilNext() {
        long now = elapsed();
        return Duration.ofNanos(polled.keySet().stream()
                .mapToLong(Duration::toNanos)
                .map(interval -> interval - now % interval)
                .min()
                .orElseThrow());
    }

    private void poll() {
        wake.accept(channelsDue());
    }

    /** Those with a multiple of their interval since the last poll. */
    private synchronized Set<String> channelsDue() {
        long now = elapsed();
        Set<String> channels = new LinkedHashSet<>();
        polled.forEach((interval, subscriptions) -> {
            if (now / interval.toNanos() > lastPoll / interval.toNanos()) {
                subscriptions.forEach(subscription -> channels.addAll(subscription.channels()));
            }
        });
        lastPoll = now;
        setTimer();
        return channels;
    }

    private long elapsed() {
        return time.nanos() - beginning;
    }
}
