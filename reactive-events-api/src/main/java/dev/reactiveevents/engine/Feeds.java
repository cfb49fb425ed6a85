package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** Which channels are subscribed to, and which of them are due for a claim. */
final class Feeds {

    private final EngineTime time;
    private final @Nullable Duration pollAfterActivity;
    private final Runnable onDue;
    private final Map<String, ChannelFeed> feeds = new ConcurrentHashMap<>();
    private final Polls polls;
    private final Queue<ChannelFeed> due = new ConcurrentLinkedQueue<>();

    Feeds(EngineTime time, @Nullable Duration pollAfterActivity, Runnable onDue) {
        this.time = time;
        this.pollAfterActivity = pollAfterActivity;
        this.onDue = onDue;
        this.polls = new Polls(time, this::wake);
    }

    // == Subscriptions ==

    synchronized void add(EventSubscription subscription) {
        subscription.channels().forEach(channel -> {
            ChannelFeed feed = feeds.computeIfAbsent(
                    channel, name -> new ChannelFeed(name, time, pollAfterActivity, () -> wake(List.of(name))));
            feed.add(subscription);
            feed.markDue();
        });
        polls.add(subscription);
    }

    synchronized void remove(EventSubscription subscription) {
        subscription.channels().forEach(channel -> {
            ChannelFeed feed = feeds.get(channel);
            if (feed != null && feed.remove(subscription)) {
                feeds.remove(channel);
                feed.end();
            }
        });
        polls.remove(subscription);
    }

    synchronized List<EventSubscription> subscriptions() {
        Set<EventSubscription> all = new LinkedHashSet<>();
        feeds.values().forEach(feed -> all.addAll(feed.subscriptions()));
        return new ArrayList<>(all);
    }

    @Nullable
    ChannelFeed of(String channel) {
        return feeds.get(channel);
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

    void wakeAll() {
        wake(feeds.keySet());
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

    /** Queues again what was taken from the queue and has to wait for the next claim. */
    void putBack(ChannelFeed feed) {
        if (feed.enqueue()) {
            due.add(feed);
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
