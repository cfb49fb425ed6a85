package dev.reactiveevents.engine;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventObserver.Count;
import reactor.util.Logger;
import reactor.util.Loggers;

/** Deals out what was claimed to those who reserved room for it. */
final class Dealer {

    private static final Logger LOG = Loggers.getLogger(Dealer.class);

    private final Deliveries deliveries;
    private final Observed observed;
    private final EngineTime time;

    Dealer(Deliveries deliveries, Observed observed, EngineTime time) {
        this.deliveries = deliveries;
        this.observed = observed;
        this.time = time;
    }

    /**
     * Deals out, and gives back the room that was not needed.
     *
     * @param sent before the claim was sent, in the engine's time: its leases last from then on at least
     */
    void deal(Claim claim, long sent, Reservations.Portion portion, Claimed claimed) {
        long leaseEnd = sent + claim.lease().toNanos();
        long took = time.nanos() - sent;
        portion.feed().deal(claimed.events(), portion.shares(), (event, subscription) -> {
            Delivery delivery = new Delivery(event, claim.leaseToken(), subscription, new LeaseEnd(leaseEnd, took));
            deliveries.add(delivery);
            return delivery;
        });
        tellExhausted(claimed);
    }

    void tellExhausted(Claimed claimed) {
        if (!claimed.exhausted().isEmpty()) {
            observed.count(Count.DEAD, claimed.channel(), claimed.exhausted().size());
            LOG.warn(
                    "Events of channel \"{}\" became dead letters: their lease lapsed with their attempts used up. {}",
                    claimed.channel(),
                    claimed.exhausted());
        }
    }
}
