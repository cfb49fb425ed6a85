package dev.reactiveevents.r2dbc.dialect;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Up to which number the next event of a key probably is: what is published evenly keeps its distances. A claim that looks no
 * further than this reads little of a key with many events; where it finds nothing, it looks once more without a bound.
 */
final class Successors {

    private static final int MOST = 10_000;

    private record Last(long seq, long distance) {}

    private final Map<String, OfChannel> channels = new ConcurrentHashMap<>();

    /** An event of the key was taken. */
    void taken(String channel, String key, long seq) {
        channels.computeIfAbsent(channel, name -> new OfChannel()).taken(key, seq);
    }

    /** Twice as far from the last event as that from the one before; null if too little is known. */
    @Nullable
    Long bound(String channel, String key) {
        OfChannel keys = channels.get(channel);
        return keys == null ? null : keys.bound(key);
    }

    private static final class OfChannel {

        /** The keys of which something was taken last; what nothing was taken of for long is forgotten. */
        private final Map<String, Last> keys = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Last> eldest) {
                return size() > MOST;
            }
        };

        synchronized void taken(String key, long seq) {
            Last before = keys.get(key);
            keys.put(key, new Last(seq, before == null ? 0 : seq - before.seq));
        }

        synchronized @Nullable Long bound(String key) {
            Last last = keys.get(key);
            return last == null || last.distance <= 0 ? null : last.seq + 2 * last.distance;
        }
    }
}
