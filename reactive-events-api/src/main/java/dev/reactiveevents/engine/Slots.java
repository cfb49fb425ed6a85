package dev.reactiveevents.engine;

import dev.reactiveevents.EventMessage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which event is handled next. As many are asked for as slots are free, so that none waits here, except for another of its
 * key: then its slot stays free and one more is asked for, as long as not too many wait. When a handler ends, the next event of
 * its key takes its slot.
 */
final class Slots {

    /** What its listener does when told. */
    interface Work {
        void ask(int events);

        /** Starts a handler; {@link #free} is to be called when it has ended, perhaps before this returns. */
        void start(EventMessage message, @Nullable String key);

        /** The event's key could not be told; it has a slot as if it were at work. */
        void fail(EventMessage message, Throwable error);
    }

    private record Turn(String key, EventMessage message) {}

    private final @Nullable Function<? super EventMessage, @Nullable String> keys;
    private final int most;
    private final Work work;

    /** What waits behind the event at work of each key; guarded by itself. */
    private final Map<String, Queue<EventMessage>> waiting = new HashMap<>();

    private final AtomicInteger waitingCount = new AtomicInteger();
    private final Queue<Turn> turns = new ConcurrentLinkedQueue<>();
    private final AtomicInteger drains = new AtomicInteger();

    /**
     * Slots.
     *
     * @param keys by which events wait for each other; null if they do not
     * @param most how many may wait before no more are asked for
     */
    Slots(@Nullable Function<? super EventMessage, @Nullable String> keys, int most, Work work) {
        this.keys = keys;
        this.most = most;
        this.work = work;
    }

    /** An event that was asked for a free slot. */
    void arrived(EventMessage message) {
        String key = null;
        if (keys != null) {
            try {
                key = keys.apply(message);
            } catch (Throwable thrown) {
                work.fail(message, thrown);
                return;
            }
        }
        if (key == null || takes(key, message)) {
            work.start(message, key);
        } else if (waitingCount.incrementAndGet() < most) {
            work.ask(1);
        }
    }

    /** Whether the key is free, and taken by this event now; otherwise it waits. */
    private boolean takes(String key, EventMessage message) {
        synchronized (waiting) {
            Queue<EventMessage> behind = waiting.get(key);
            if (behind == null) {
                waiting.put(key, new ArrayDeque<>(0));
                return true;
            }
            if (message instanceof Delivery delivery) {
                delivery.setAside();
            }
            behind.add(message);
            return false;
        }
    }

    void free(@Nullable String key) {
        EventMessage next = key == null ? null : next(key);
        if (key == null || next == null) {
            work.ask(1);
            return;
        }
        if (waitingCount.getAndDecrement() >= most) {
            work.ask(1); // the one that was not asked for when it was too many
        }
        turns.add(new Turn(key, next));
        startTurns();
    }

    private @Nullable EventMessage next(String key) {
        synchronized (waiting) {
            Queue<EventMessage> behind = waiting.get(key);
            EventMessage next = behind == null ? null : behind.poll();
            if (next == null) {
                waiting.remove(key);
            }
            return next;
        }
    }

    /** A loop, because a handler may end at once, and the next one, and the next one. */
    private void startTurns() {
        if (drains.getAndIncrement() != 0) {
            return;
        }
        int missed = 1;
        do {
            Turn turn;
            while ((turn = turns.poll()) != null) {
                work.start(turn.message(), turn.key());
            }
            missed = drains.addAndGet(-missed);
        } while (missed != 0);
    }

    /** Takes out what waits. */
    List<EventMessage> clear() {
        List<EventMessage> left = new ArrayList<>();
        synchronized (waiting) {
            waiting.values().forEach(behind -> {
                left.addAll(behind);
                behind.clear();
            });
        }
        return left;
    }
}
