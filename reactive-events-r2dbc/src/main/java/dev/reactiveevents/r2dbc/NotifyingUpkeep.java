package dev.reactiveevents.r2dbc;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.StoreUpkeep;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** Tells other processes of what becomes due by a requeue, or free by a purge or a withdrawal. */
record NotifyingUpkeep(StoreUpkeep store, TableNews news) implements StoreUpkeep {

    @Override
    public Mono<Long> requeueDead(String channel, Collection<UUID> eventIds) {
        return store.requeueDead(channel, eventIds).doOnNext(requeued -> tell(channel, requeued));
    }

    private void tell(String channel, long changed) {
        if (changed > 0) {
            news.tell(Set.of(channel));
        }
    }

    @Override
    public Mono<String> withdraw(UUID eventId) {
        return store.withdraw(eventId).doOnNext(channel -> news.tell(Set.of(channel)));
    }

    @Override
    public Mono<List<DeadEvent.Found>> findDead(DeadEvent.Range range, int limit) {
        return store.findDead(range, limit);
    }

    @Override
    public Mono<Long> countDead(DeadEvent.Range range, @Nullable String type) {
        return store.countDead(range, type);
    }

    @Override
    public Mono<List<DeadEvent>> readDead(String channel, Collection<UUID> eventIds) {
        return store.readDead(channel, eventIds);
    }

    @Override
    public Mono<Long> purgeDead(String channel, Collection<UUID> eventIds) {
        return store.purgeDead(channel, eventIds).doOnNext(purged -> tell(channel, purged));
    }

    @Override
    public Mono<List<String>> channels() {
        return store.channels();
    }

    @Override
    public Mono<ChannelCounts> counts(String channel, int bound) {
        return store.counts(channel, bound);
    }

    @Override
    public Mono<List<LeaseHolder>> leases(String channel, int limit) {
        return store.leases(channel, limit);
    }

    @Override
    public Mono<List<Duration>> processingTimes(String channel, int limit) {
        return store.processingTimes(channel, limit);
    }
}
