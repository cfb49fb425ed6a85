package dev.reactiveevents.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The register of open deliveries: claimed by this channel object, not settled, not lapsed. An event is in it twice when its
 * lease lapsed unnoticed and it was claimed again here.
 */
final class Deliveries {

    private final Map<UUID, List<Delivery>> open = new ConcurrentHashMap<>();
    private final AtomicInteger count = new AtomicInteger();
    private final Drained drained = new Drained();
    private final LeaseKeeper keeper;
    private final Runnable onNone;

    /**
     * A register.
     *
     * @param onNone called when none is open any more
     */
    Deliveries(Duration lease, EngineTime time, Runnable onNone) {
        this.keeper = new LeaseKeeper(lease, time, this::all);
        this.onNone = onNone;
    }

    void add(Delivery delivery) {
        open.compute(delivery.id(), (id, others) -> with(delivery, others));
        keeper.start();
    }

    private List<Delivery> with(Delivery delivery, @Nullable List<Delivery> others) {
        if (others != null && others.contains(delivery)) {
            return others;
        }
        count.incrementAndGet();
        if (others == null) {
            return List.of(delivery);
        }
        List<Delivery> all = new ArrayList<>(others);
        all.add(delivery);
        return all;
    }

    void remove(Delivery delivery) {
        open.computeIfPresent(delivery.id(), (id, all) -> without(delivery, all));
        if (count.get() == 0) {
            drained.check();
            onNone.run();
        }
    }

    private @Nullable List<Delivery> without(Delivery delivery, List<Delivery> all) {
        if (!all.contains(delivery)) {
            return all;
        }
        count.decrementAndGet();
        List<Delivery> others = new ArrayList<>(all);
        others.remove(delivery);
        return others.isEmpty() ? null : others;
    }

    /** The only delivery of this id that somebody has in hand and leases, or null if there is none or more than one. */
    @Nullable
    Delivery handedOver(UUID id, long now) {
        List<Delivery> leased = open.getOrDefault(id, List.of()).stream()
                .filter(delivery -> !delivery.isLapsed(now))
                .toList();
        return leased.size() == 1 && leased.get(0).isHandedOver() ? leased.get(0) : null;
    }

    List<Delivery> all() {
        return open.values().stream().flatMap(List::stream).toList();
    }

    void dropLapsed(long now) {
        all().forEach(delivery -> delivery.lapses(now));
    }

    int size() {
        return count.get();
    }

    Mono<Void> drained() {
        return drained.whenZero(count::get);
    }
}
