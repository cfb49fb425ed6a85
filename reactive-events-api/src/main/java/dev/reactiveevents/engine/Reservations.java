package dev.reactiveevents.engine;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which channels a claim asks for, and for how many events of each: one is reserved for at a time. */
final class Reservations {

    private static final int CHANNELS_AT_ONCE = 1_000;
    private static final int GOOD_PORTION = 50;

    /** Room reserved for the events of one channel. */
    record Portion(ChannelFeed feed, List<ChannelFeed.Share> shares) {
        int asked() {
            return shares.stream().mapToInt(ChannelFeed.Share::room).sum();
        }

        void giveBack() {
            shares.forEach(share -> share.subscription().unreserve(share.room()));
        }
    }

    private final Feeds feeds;
    private final Isolation isolation;
    private final int claimBatch;

    Reservations(Feeds feeds, Isolation isolation, int claimBatch) {
        this.feeds = feeds;
        this.isolation = isolation;
        this.claimBatch = claimBatch;
    }

    /**
     * All that is due, but of the channels that had more than was asked for only as many as get a good portion: to take one
     * event from each of many costs far more than to take them in turn. A channel that is woken in this moment may be queued
     * again before its claim starts: it counts once.
     */
    synchronized List<Portion> forDue() {
        Set<ChannelFeed> candidates = new LinkedHashSet<>();
        Set<ChannelFeed> later = new LinkedHashSet<>();
        int rich = Math.max(1, claimBatch / GOOD_PORTION);
        ChannelFeed feed;
        while (candidates.size() < CHANNELS_AT_ONCE && (feed = feeds.nextDue()) != null) {
            boolean waits = feed.isRich() && !candidates.contains(feed) && --rich < 0;
            (waits ? later : candidates).add(feed);
        }
        later.forEach(feeds::putBack);
        int most = Math.max(1, claimBatch / Math.max(1, candidates.size()));
        List<Portion> portions = new ArrayList<>(candidates.size());
        for (ChannelFeed candidate : candidates) {
            List<ChannelFeed.Share> shares = candidate.reserve(candidate.isRich() ? Math.max(most, good()) : most);
            if (!shares.isEmpty()) {
                portions.add(new Portion(candidate, shares));
            }
        }
        return portions;
    }

    private int good() {
        return Math.min(GOOD_PORTION, claimBatch);
    }

    /** All that is asked for; null if there is no room for that. */
    @Nullable
    synchronized Portion forAll(String channel, int asked) {
        ChannelFeed feed = feeds.of(channel);
        if (feed == null) {
            return null;
        }
        Portion portion = new Portion(feed, feed.reserve(asked));
        if (portion.asked() < asked) {
            portion.giveBack();
            return null;
        }
        return portion;
    }

    synchronized List<Portion> forSuspect() {
        ChannelFeed feed;
        while ((feed = isolation.next()) != null) {
            List<ChannelFeed.Share> shares = feed.reserve(1);
            if (shares.stream().anyMatch(share -> share.room() > 0)) {
                isolation.suspectIsBeingClaimed();
                return List.of(new Portion(feed, shares));
            }
            feed.markDue();
        }
        isolation.open();
        return List.of();
    }
}
