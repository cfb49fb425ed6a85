package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Which keys of a channel the next claim looks at. There may be far more than a claim can look at, most of them held or not
 * due, and the events that are due first may all be of one key. So it looks at those that were settled here since, at those
 * of the events that are due first, and at some in the order of the keys, going on where the last claim stopped: these come
 * to every key, however many wait before it, and are first in every other claim, with half of the room at least. Where most
 * of what that finds is of settled keys, a dialect may look at these alone for a while.
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

        /**
         * The keys in the order in which they are looked at: first those of the events that are due first, an eighth if there
         * are others, then those that were settled, then, as far as there is room, those that follow in order; these in every
         * other claim before the others.
         *
         * @param share how many events with keys are wanted
         * @param early the keys of the events that are due first, of at most as many events as it is given
         * @param walk at most as many of the following keys as it is given, which may be none or less
         */
        Mono<Set<String>> keys(int share, IntFunction<Flux<String>> early, IntFunction<Mono<List<String>>> walk) {
            int dueFirst = Math.min(most, Math.max(share / 8 + 1, share - settled.size()));
            return early.apply(dueFirst)
                    .collect(LinkedHashSet<String>::new, Set::add)
                    .doOnNext(found -> found.addAll(settled))
                    .flatMap(found -> walk.apply(steps(share, share - found.size()))
                            .map(walked -> walksFirst() ? joined(walked, found) : joined(found, walked)));
        }

        private int steps(int share, int left) {
            return Math.min(most, walksFirst() ? Math.max((share + 1) / 2, left) : left);
        }

        private static Set<String> joined(Collection<String> first, Collection<String> then) {
            Set<String> joined = new LinkedHashSet<>(first);
            joined.addAll(then);
            return joined;
        }
    }

    private static final int LEAST = 32;
    private static final int MOST = 10_000;
    /** Looks that are rarer look at more, so that as many keys have their turn in the same time. */
    private static final int AFTER_A_REST = 4 * LEAST;

    /** How much more time goes to claims of settled keys than to a look at all that is due. */
    private static final int SHARE_OF_SETTLED = 9;

    /** For no longer is nothing looked at but settled keys. */
    private static final long LONGEST_REST = Duration.ofMillis(50).toNanos();

    private final LongSupplier nanos;
    private final Map<String, OfChannel> channels = new ConcurrentHashMap<>();

    Keys() {
        this(System::nanoTime);
    }

    Keys(LongSupplier nanos) {
        this.nanos = nanos;
    }

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

    /** The keys of these, if they have any, may be free; what comes again is to be looked for when it is due. */
    void settled(Collection<Settlement> settlements) {
        for (Settlement settlement : settlements) {
            if (settlement.frees()) {
                settled(settlement);
            }
        }
    }

    private void settled(Settlement settlement) {
        String key = settlement.key();
        OfChannel keys = key == null
                ? channels.get(settlement.channel())
                : channels.computeIfAbsent(settlement.channel(), name -> new OfChannel());
        if (keys != null) {
            if (key != null) {
                keys.settled(List.of(key));
            }
            if (key == null || !settlement.after().isZero()) {
                keys.restAtMostUntil(nanos.getAsLong() + settlement.after().toNanos());
            }
        }
    }

    Look look(String channel, int limit) {
        OfChannel keys = channels.get(channel);
        return keys == null ? new Look("", limit, 0, List.of()) : keys.look(limit);
    }

    /**
     * Whether a claim may look at settled keys alone: there are some, and a look at all that is due, which costs far more,
     * found little else a short while ago.
     */
    boolean settledWillDo(String channel) {
        OfChannel keys = channels.get(channel);
        return keys != null && keys.hasSettled() && !untilNextLook(channel).isZero();
    }

    /**
     * Whether settlements are to take the next events of their keys along: the last look at all that is due found little else,
     * and another follows, for which the engine keeps room.
     */
    boolean isResting(String channel) {
        OfChannel keys = channels.get(channel);
        return keys != null && keys.restsUntil() != null;
    }

    /** This many events were taken along since. */
    void tookNext(String channel, int taken) {
        OfChannel keys = channels.get(channel);
        if (keys != null) {
            keys.tookNext(taken);
        }
    }

    /**
     * Whether a claim may look at nothing: settlements take along what there is of the keys that are known, and a look at all
     * that is due found little else a short while ago.
     */
    boolean nextWillDo(String channel) {
        OfChannel keys = channels.get(channel);
        return keys != null && keys.onlyNext() && !untilNextLook(channel).isZero();
    }

    /** How long until a claim should look at all that is due. */
    Duration untilNextLook(String channel) {
        OfChannel keys = channels.get(channel);
        Long until = keys == null ? null : keys.restsUntil();
        return until == null ? Duration.ZERO : Duration.ofNanos(Math.max(0, until - nanos.getAsLong()));
    }

    /** For a claim of settled keys alone. */
    Look settled(String channel, int limit) {
        OfChannel keys = channels.get(channel);
        return keys == null ? Look.NONE : new Look("", 0, 0, keys.takeSettled(limit));
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

    /**
     * Learns from a look at all that is due how long settled keys will do: nine times as long as it took, a twentieth of a
     * second at most, and no longer than until something is known to be due. What settlements took along since the look before
     * counts as of settled keys. One that took as many as it was asked for, most of them of settled keys, does not show whether
     * there are others; if the next one finds nothing, there are probably none.
     *
     * @param taken how many events it took
     * @param ofSettled how many of these are of keys that were settled
     * @param full whether it took as many as it was asked for, so that others may be left
     * @param took how long it needed
     * @param nextDue how long until something else is due; null if that is not known
     */
    void lookedAtAll(
            String channel, int taken, int ofSettled, boolean full, Duration took, @Nullable Duration nextDue) {
        OfChannel keys = channels.get(channel);
        if (keys != null) {
            boolean fewOthers =
                    ofSettled + keys.takeNext() > taken - ofSettled || taken == 0 && keys.wasFullOfSettled();
            long rest = Math.min(LONGEST_REST, SHARE_OF_SETTLED * took.toNanos());
            long due = nextDue == null ? rest : Math.min(rest, nextDue.toNanos());
            keys.restUntil(fewOthers && !full ? nanos.getAsLong() + due : null, fewOthers && full);
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
        /** Until then settled keys will do; null if there was much else. */
        private @Nullable Long restsUntil;
        /** Whether the last look took as many as it was asked for, most of them of settled keys. */
        private boolean fullOfSettled;
        /** How many events settlements took along since the last look. */
        private int next;

        /** Those that are too many are found without having been noted. */
        synchronized void settled(Collection<String> keys) {
            keys.stream().limit(MOST - settled.size()).forEach(settled::add);
        }

        synchronized Look look(int limit) {
            int keys = restsUntil == null && !fullOfSettled ? most : Math.max(most, AFTER_A_REST);
            return new Look(after, Math.min(keys, limit), turn++, takeSettled(limit));
        }

        synchronized List<String> takeSettled(int limit) {
            List<String> first = new ArrayList<>();
            Iterator<String> keys = settled.iterator();
            while (first.size() < limit && keys.hasNext()) {
                first.add(keys.next());
                keys.remove();
            }
            return first;
        }

        synchronized boolean hasSettled() {
            return !settled.isEmpty();
        }

        synchronized void tookNext(int taken) {
            next += taken;
        }

        synchronized int takeNext() {
            int taken = next;
            next = 0;
            return taken;
        }

        synchronized boolean onlyNext() {
            return settled.isEmpty() && next > 0;
        }

        synchronized void restUntil(@Nullable Long until, boolean fullOfSettled) {
            restsUntil = until;
            this.fullOfSettled = fullOfSettled;
        }

        synchronized boolean wasFullOfSettled() {
            return fullOfSettled;
        }

        synchronized void restAtMostUntil(long until) {
            if (restsUntil != null && until - restsUntil < 0) {
                restsUntil = until;
            }
        }

        synchronized @Nullable Long restsUntil() {
            return restsUntil;
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
