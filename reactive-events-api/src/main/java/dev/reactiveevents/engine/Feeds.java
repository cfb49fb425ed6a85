package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArraySet;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;

/**
 * Which channels are subscribed to, and which of them are due for a claim. Subscriptions of one poll interval share one
 * timer, so that their channels come due together and are claimed in one statement.
 */
final class Feeds {

    private record Poll(Set<EventSubscription> subscriptions, Disposable timer) {}

    private final EngineTime time;
    private final Runnable onDue;
    private final Map<String, ChannelFeed> feeds = new ConcurrentHashMap<>();
    private final Map<Duration, Poll> polls = new HashMap<>();
    private final Queue<ChannelFeed> due = new ConcurrentLinkedQueue<>();

    Feeds(EngineTime time, Runnable onDue) {
        this.time = time;
        this.onDue = onDue;
    }

    // == Subscriptions ==

    synchronized void add(EventSubscription subscription) {
        subscription.channels().forEach(channel -> {
            ChannelFeed feed =
                    feeds.computeIfAbsent(channel, name -> new ChannelFeed(name, time, () -> wake(List.of(name))));
            feed.add(subscription);
            feed.markDue();
        });
        polls.computeIfAbsent(subscription.pollInterval(), this::startPoll)
                .subscriptions()
                .add(subscription);
    }

    private Poll startPoll(Duration interval) {
        Set<EventSubscription> subscriptions = new CopyOnWriteArraySet<>();
        return new Poll(subscriptions, time.every(interval, () -> wake(channelsOf(subscriptions))));
    }

    private static Set<String> channelsOf(Set<EventSubscription> subscriptions) {
        Set<String> channels = new LinkedHashSet<>();
        subscriptions.forEach(subscription -> channels.addAll(subscription.channels()));
        return channels;
    }

    synchronized void remove(EventSubscription subscription) {
        subscription.channels().forEach(channel -> {
            ChannelFeed feed = feeds.get(channel);
            if (feed != null && feed.remove(subscription)) {
                feeds.remove(channel);
                feed.cancelAlarm();
            }
        });
        Poll poll = polls.get(subscription.pollInterval());
        if (poll != null
                && poll.subscriptions().remove(subscription)
                && poll.subscriptions().isEmpty()) {
            poll.timer().dispose();
            polls.remove(subscription.pollInterval());
        }
    }

    synchronized List<EventSubscription> subscriptions() {
        Set<EventSubscription> all = new LinkedHashSet<>();
        feeds.values().forEach(feed -> all.addAll(feed.subscriptions()));
        return new ArrayList<>(all);
    }

    // == What is due ==

    /** Events of these channels may be waiting. */
    void wake(Iterable<String> channels) {
        for (String channel : channels) {
            ChannelFeed feed = feeds.get(channel);
            if (feed != null) {
                feed.markDue();
            }
        }
        queueDue(channels);
    }

    /** Queues those of these channels that are due: there may be room for their events now. */
    void queueDue(Iterable<String> channels) {
        boolean any = false;
        for (String channel : channels) {
            ChannelFeed feed = feeds.get(channel);
            if (feed != null && feed.enqueue()) {
                due.add(feed);
                any = true;
            }
        }
        if (any) {
            onDue.run();
        }
    }

    /** Takes the next channel that is due from the queue; null if there is none. */
    @Nullable
    ChannelFeed nextDue() {
        ChannelFeed feed;
        while ((feed = due.poll()) != null) {
            feed.dequeue();
            if (feed.mayBeClaimed()) {
                return feed;
            }
        }
        return null;
    }
}
