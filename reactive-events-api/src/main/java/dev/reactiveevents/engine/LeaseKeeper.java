package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Watches the leases of open deliveries while there are any: renews those that wait in a buffer, and those in hand where that
 * was asked for, and drops those that lapsed.
 *
 * <p>A claim leases for one and a half times the lease. What waits is renewed when a quarter is used up, so that who gets it
 * owns it for a whole lease.
 */
final class LeaseKeeper {

    private static final Logger LOG = Loggers.getLogger(LeaseKeeper.class);

    private final Duration lease;
    private final EngineTime time;
    private final Supplier<List<Delivery>> open;
    private volatile @Nullable Disposable ticking;

    LeaseKeeper(Duration lease, EngineTime time, Supplier<List<Delivery>> open) {
        this.lease = lease;
        this.time = time;
        this.open = open;
    }

    /** How long a claim or a renewal leases. */
    static Duration granted(Duration lease) {
        return lease.multipliedBy(3).dividedBy(2);
    }

    /** To be called after a delivery was added. */
    void start() {
        if (ticking == null) {
            synchronized (this) {
                if (ticking == null) {
                    ticking = time.every(lease.dividedBy(16), this::tick);
                }
            }
        }
    }

    synchronized void stop() {
        if (ticking != null) {
            ticking.dispose();
            ticking = null;
        }
    }

    private void tick() {
        List<Delivery> watched = open.get();
        if (watched.isEmpty()) {
            stop();
            if (!open.get().isEmpty()) {
                start();
            }
            return;
        }
        long now = time.nanos();
        Duration threshold = lease.multipliedBy(5).dividedBy(4);
        for (Delivery delivery : watched) {
            if (!delivery.lapses(now) && !delivery.isLeasedFor(threshold, now) && delivery.isRenewed(now)) {
                renew(delivery);
            }
        }
    }

    private void renew(Delivery delivery) {
        delivery.renew(granted(lease))
                .subscribe(
                        null,
                        error -> LOG.warn("The lease of event {} could not be renewed: {}", delivery.eventId(), error));
    }
}
