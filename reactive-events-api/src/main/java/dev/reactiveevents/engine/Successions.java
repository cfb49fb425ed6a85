package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.Settlement;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Settlements that take the next events of the keys along which they free, so that a key needs one trip to the database for
 * each of its events instead of two. A claim that is due goes before them: it has reserved its room already.
 */
final class Successions {

    /** Stands where what is answered from now on is late. */
    private static final Claimed OVER = new Claimed("", List.of(), List.of(), null, false, false);

    private final EventBackend backend;
    private final ChannelOptions options;
    private final EngineTime time;
    private final Reservations reservations;
    private final Dealer dealer;
    private final LateClaims lateClaims;
    private final Dequeuer dequeuer;
    private final AtomicInteger open = new AtomicInteger();

    Successions(
            EventBackend backend,
            ChannelOptions options,
            EngineTime time,
            Reservations reservations,
            Dealer dealer,
            LateClaims lateClaims,
            Dequeuer dequeuer) {
        this.backend = backend;
        this.options = options;
        this.time = time;
        this.reservations = reservations;
        this.dealer = dealer;
        this.lateClaims = lateClaims;
        this.dequeuer = dequeuer;
    }

    /** How many are on their way. */
    int open() {
        return open.get();
    }

    /**
     * Reserves room for the next events of the keys that these free.
     *
     * @param batch settlements that are about to be sent
     * @return what they are to take along, to be ended whatever becomes of them; null if nothing
     */
    @Nullable
    Succession begin(List<Settlement> batch) {
        Optional<Map.Entry<String, Long>> most = batch.stream()
                .filter(settlement -> settlement.freesNextOf(settlement.channel()))
                .collect(Collectors.groupingBy(Settlement::channel, Collectors.counting()))
                .entrySet()
                .stream()
                .max(Map.Entry.comparingByValue());
        return most.filter(channel -> channel.getValue() <= options.claimBatch() && backend.takesNext(channel.getKey()))
                .map(channel -> begin(channel.getKey(), channel.getValue().intValue()))
                .orElse(null);
    }

    /** Counts as open before it looks whether it may, so that a shutdown and suspects wait for what it reserves. */
    private @Nullable Succession begin(String channel, int count) {
        open.incrementAndGet();
        Succession succession = null;
        try {
            Reservations.Portion portion = dequeuer.mayTakeAlong() ? reservations.forAll(channel, count) : null;
            succession = portion == null ? null : new Succession(portion, count);
        } finally {
            if (succession == null) {
                isOver();
            }
        }
        return succession;
    }

    private void isOver() {
        open.decrementAndGet();
        dequeuer.claimIsOver();
    }

    /** What one batch takes along. */
    final class Succession {

        private final Reservations.Portion portion;
        private final Claim claim;
        private final long sent = time.nanos();
        private final AtomicReference<@Nullable Claimed> claimed = new AtomicReference<>();

        private Succession(Reservations.Portion portion, int count) {
            this.portion = portion;
            ChannelFeed feed = portion.feed();
            this.claim = new Claim(
                    TimeOrderedIds.next(),
                    LeaseKeeper.granted(options.lease()),
                    false,
                    options.deadLetterKeys(),
                    List.of(new Claim.Request(feed.channel(), count, feed.maxAttempts())));
        }

        Claim claim() {
            return claim;
        }

        /** Also behind the end, when the settlements took too long. */
        void answered(@Nullable Claimed next) {
            if (next != null && next.events().size() > portion.asked()) {
                throw new IllegalStateException(backend.name() + " answered " + claim + " by " + next + ".");
            }
            if (next != null && !claimed.compareAndSet(null, next)) {
                lateClaims.giveBack(claim, next);
            }
        }

        /** Deals out what was taken along, or gives the room back. */
        void end() {
            try {
                deal();
            } finally {
                portion.shares().forEach(share -> dequeuer.roomChanged(share.subscription()));
                isOver();
            }
            portion.shares().forEach(share -> share.subscription().drain());
        }

        private void deal() {
            Claimed next = claimed.getAndSet(OVER);
            if (next == null) {
                portion.giveBack();
            } else {
                dealer.deal(claim, sent, portion, next);
                dequeuer.tookAlong(portion.feed(), next, time.nanos() - sent);
            }
        }
    }
}
