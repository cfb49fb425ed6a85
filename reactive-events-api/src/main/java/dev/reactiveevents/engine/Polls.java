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
    private final Map<Duration, Round> rounds = new HashMap<>();
    private final Alarm timer;
    private final long beginning;

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
        Duration interval = subscription.pollInterval();
        Round round = rounds.computeIfAbsent(interval, added -> new Round(added, elapsed()));
        if (round.subscriptions.add(subscription) && round.subscriptions.size() == 1) {
            setTimer();
        }
    }

    synchronized void remove(EventSubscription subscription) {
        Round round = rounds.get(subscription.pollInterval());
        if (round != null && round.subscriptions.remove(subscription) && round.subscriptions.isEmpty()) {
            rounds.remove(subscription.pollInterval());
            setTimer();
        }
    }

    private void setTimer() {
        if (rounds.isEmpty()) {
            timer.cancel();
        } else {
            timer.set(untilNext(), this::poll);
        }
    }

    private Duration untilNext() {
        long next =
                rounds.values().stream().mapToLong(round -> round.next).min().orElseThrow();
        return Duration.ofNanos(Math.max(0, next - elapsed()));
    }

    private void poll() {
        wake.accept(channelsDue());
    }

    private synchronized Set<String> channelsDue() {
        long now = elapsed();
        Set<String> channels = new LinkedHashSet<>();
        rounds.values().stream()
                .filter(round -> round.isDue(now))
                .flatMap(round -> round.subscriptions.stream())
                .forEach(subscription -> channels.addAll(subscription.channels()));
        setTimer();
        return channels;
    }

    private long elapsed() {
        return time.nanos() - beginning;
    }

    /** Those that poll at one interval, and the multiple of it at which they do next. */
    private static final class Round {

        private final Duration interval;
        private final Set<EventSubscription> subscriptions = new LinkedHashSet<>();
        private long next;

        Round(Duration interval, long now) {
            this.interval = interval;
            this.next = multipleAfter(now);
        }

        boolean isDue(long now) {
            boolean due = next <= now;
            if (due) {
                next = multipleAfter(now);
            }
            return due;
        }

        private long multipleAfter(long now) {
            return now - now % interval.toNanos() + interval.toNanos();
        }
    }
}
