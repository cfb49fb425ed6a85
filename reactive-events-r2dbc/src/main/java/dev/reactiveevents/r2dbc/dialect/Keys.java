package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Which keys of a channel the next claim looks at. There may be far more than a claim can look at, most of them held or not
 * due, and the events that are due first may all be of one key. So it looks at those that were settled here since, at those
 * of the events that are due first, and at some in the order of the keys, going on where the last claim stopped: these come
 * to every key, however many wait before it, and are first in every other claim, with half of the room at least.
 */
final class Keys {

    /**
     * What one claim looks at.
     *
     * @param after the key after which it goes on in the order of the keys; empty for the first
     * @param most how many keys at most, beside those that were settled
     * @param turn counts the claims
     * @param settled keys that were settled here
     */
    record Look(String after, int most, int turn, List<String> settled) {

        static final Look NONE = new Look("", 0, 0, List.of());

        boolean walksFirst() {
            return turn % 2 == 1;
        }

        /** Of what is divided by two, they get the one event that is left over every other time. */
        boolean roundsUp() {
            return turn % 4 >= 2;
        }

        int half(int limit) {
            return (limit + (roundsUp() ? 1 : 0)) / 2;
        }
    }

    private static final int LEAST = 32;
    private static final int MOST = 10_000;

    private final Map<String, OfChannel> channels = new ConcurrentHashMap<>();

    /** Whether the channel has, or had, events with keys. */
    boolean has(String channel) {
        return channels.containsKey(channel);
    }

    void note(List<NewEvent> events) {
        events.stream().filter(event -> event.key() != null).forEach(event -> noteThatThereAre(event.channel()));
    }

    void noteThatThereAre(String channel) {
        channels.computeIfAbsent(channel, name -> new OfChannel());
    }

    /** The keys of these, if they have any, may be free. */
    void settled(Collection<Settlement> settlements) {
        for (Settlement settlement : settlements) {
            String key = settlement.key();
            if (key != null && settlement.frees()) {
                channels.computeIfAbsent(settlement.channel(), name -> new OfChannel())
                        .settled(List.of(key));
            }
        }
    }

    Look look(String channel, int limit) {
        OfChannel keys = channels.get(channel);
        return keys == null ? new Look("", limit, 0, List.of()) : keys.look(limit);
    }

    /**
     * Learns from a claim.
     *
     * @param last the key at which it stopped
     * @param taken how many events with keys it took
     * @param passedOver whether others were due
     */
    void looked(String channel, Look look, @Nullable String last, int taken, boolean passedOver) {
        OfChannel keys = channels.get(channel);
        if (keys != null) {
            keys.looked(look, last, taken, passedOver);
        }
    }

    /** The claim failed: what was settled is still to be looked at. */
    void notLooked(String channel, Look look) {
        OfChannel keys = channels.get(channel);
        if (keys != null) {
            keys.settled(look.settled());
        }
    }

    private static final class OfChannel {

        private final Set<String> settled = new LinkedHashSet<>();
        private String after = "";
        private int most = MOST;
        private int turn;

        /** Those that are too many are found without having been noted. */
        synchronized void settled(Collection<String> keys) {
            keys.stream().limit(MOST - settled.size()).forEach(settled::add);
        }

        synchronized Look look(int limit) {
            List<String> first = new ArrayList<>();
            Iterator<String> keys = settled.iterator();
            while (first.size() < limit && keys.hasNext()) {
                first.add(keys.next());
                keys.remove();
            }
            return new Look(after, Math.min(most, limit), turn++, first);
        }

        /** Looks at fewer while it looks in vain, and at more again once that is worth it. */
        synchronized void looked(Look look, @Nullable String last, int taken, boolean passedOver) {
            if (last != null) {
                after = last;
            }
            int found = taken - look.settled().size();
            if (found * 2 >= look.most()) {
                most = Math.min(MOST, most * 2);
            } else if (passedOver) {
                most = Math.max(LEAST, Math.min(most, look.most()) / 2);
            }
        }
    }
}
