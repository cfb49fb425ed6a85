package dev.reactiveevents.test;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.ChannelCounts.Count;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.StoreUpkeep;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** What is done with the store's events beside their way, under the store's lock. */
final class InMemoryUpkeep implements StoreUpkeep {

    private final InMemoryStore store;

    InMemoryUpkeep(InMemoryStore store) {
        this.store = store;
    }

    private <T> Mono<T> locked(Supplier<@Nullable T> work) {
        return Mono.fromSupplier(() -> {
            synchronized (store) {
                return work.get();
            }
        });
    }

    // == Dead letters ==

    @Override
    public Mono<List<DeadEvent.Found>> findDead(DeadEvent.Range range, int limit) {
        return locked(() -> inRange(range)
                .limit(limit)
                .map(event -> new DeadEvent.Found(event.content.eventId(), event.content.type(), event.deathPlace()))
                .toList());
    }

    private Stream<StoredEvent> inRange(DeadEvent.Range range) {
        NavigableMap<DeadEvent.Place, StoredEvent> dead = deadOf(range.channel());
        if (range.from().compareTo(range.to()) >= 0) {
            return Stream.empty();
        }
        NavigableMap<DeadEvent.Place, StoredEvent> within = dead.subMap(range.from(), false, range.to(), false);
        return (range.latestFirst() ? within.descendingMap() : within).values().stream();
    }

    private NavigableMap<DeadEvent.Place, StoredEvent> deadOf(String channel) {
        return store.dead.getOrDefault(channel, new TreeMap<>());
    }

    @Override
    public Mono<Long> countDead(DeadEvent.Range range, @Nullable String type) {
        return locked(() -> inRange(range)
                .filter(event -> type == null || type.equals(event.content.type()))
                .count());
    }

    @Override
    public Mono<List<DeadEvent>> readDead(String channel, Collection<UUID> eventIds) {
        return locked(() -> these(channel, eventIds)
                .map(event -> new DeadEvent(event.claimed(event.deathPlace().diedAt()), event.reason))
                .toList());
    }

    private Stream<StoredEvent> these(String channel, Collection<UUID> eventIds) {
        return eventIds.stream().flatMap(id -> Stream.ofNullable(store.deadLetter(channel, id)));
    }

    @Override
    public Mono<Long> requeueDead(String channel, Collection<UUID> eventIds) {
        return locked(() -> {
            List<StoredEvent> requeued = these(channel, eventIds).toList();
            Instant now = store.now();
            requeued.forEach(event -> store.requeue(event, now));
            return (long) requeued.size();
        });
    }

    @Override
    public Mono<Long> purgeDead(String channel, Collection<UUID> eventIds) {
        return locked(() -> {
            List<StoredEvent> purged = these(channel, eventIds).toList();
            purged.forEach(store::purge);
            return (long) purged.size();
        });
    }

    // == Withdrawal ==

    @Override
    public Mono<String> withdraw(UUID eventId) {
        return locked(() -> store.withdraw(eventId));
    }

    // == Inspection ==

    @Override
    public Mono<List<String>> channels() {
        return locked(() -> Stream.concat(store.unsettled.keySet().stream(), store.dead.keySet().stream())
                .distinct()
                .sorted()
                .toList());
    }

    @Override
    public Mono<ChannelCounts> counts(String channel, int bound) {
        return locked(() -> {
            Instant now = store.now();
            List<StoredEvent> ready = store.unsettledOf(channel)
                    .filter(event -> !event.availableAt.isAfter(now))
                    .toList();
            List<StoredEvent> waiting = waiting(channel, now).limit(bound + 1L).toList();
            List<StoredEvent> looked = waiting.stream().limit(bound).toList();
            long leased = looked.stream().filter(event -> event.leased).count();
            boolean all = waiting.size() <= bound;
            Duration oldest = ready.isEmpty() ? null : Duration.between(ready.get(0).availableAt, now);
            return new ChannelCounts(
                    channel,
                    count(ready.size(), bound),
                    new Count(looked.size() - leased, all),
                    new Count(leased, all),
                    count(store.ackedOf(channel).count(), bound),
                    count(deadOf(channel).size(), bound),
                    oldest);
        });
    }

    private static Count count(long counted, int bound) {
        return new Count(Math.min(counted, bound), counted <= bound);
    }

    private Stream<StoredEvent> waiting(String channel, Instant now) {
        return store.unsettledOf(channel).filter(event -> event.availableAt.isAfter(now));
    }

    @Override
    public Mono<List<LeaseHolder>> leases(String channel, int limit) {
        return locked(() -> waiting(channel, store.now())
                .limit(limit)
                .filter(event -> event.leased)
                .map(event -> new LeaseHolder(
                        event.content.eventId().toString(), channel, null, event.attempts, event.availableAt))
                .toList());
    }

    @Override
    public Mono<List<Duration>> processingTimes(String channel, int limit) {
        return locked(() -> store.ackedOf(channel)
                .limit(limit)
                .map(event -> Duration.between(later(event.createdAt, event.deliverAt), event.settledAt))
                .toList());
    }

    private static Instant later(Instant one, Instant other) {
        return one.isAfter(other) ? one : other;
    }
}
