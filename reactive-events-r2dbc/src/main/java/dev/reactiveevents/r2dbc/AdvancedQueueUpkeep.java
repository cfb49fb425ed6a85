package dev.reactiveevents.r2dbc;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.EventException;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Incoming;
import dev.reactiveevents.r2dbc.dialect.UpkeepStatements;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.StoreUpkeep;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Dead letters of queues. They lie in the queue table: those that were rejected are put there, and those that Oracle has put into
 * its exception queue are moved there when they are asked for.
 */
final class AdvancedQueueUpkeep implements StoreUpkeep {

    private final Database database;
    private final AdvancedQueueStatements queues;
    private final UpkeepStatements table;
    private final StoreUpkeep stored;
    private final QueueNames names;

    AdvancedQueueUpkeep(
            Database database,
            AdvancedQueueStatements queues,
            UpkeepStatements table,
            StoreUpkeep stored,
            QueueNames names) {
        this.database = database;
        this.queues = queues;
        this.table = table;
        this.stored = stored;
        this.names = names;
    }

    @Override
    public Mono<List<DeadEvent.Found>> findDead(DeadEvent.Range range, int limit) {
        return moveExhausted(range.channel()).then(stored.findDead(range, limit));
    }

    @Override
    public Mono<Long> countDead(DeadEvent.Range range, @Nullable String type) {
        return moveExhausted(range.channel()).then(stored.countDead(range, type));
    }

    @Override
    public Mono<List<DeadEvent>> readDead(String channel, Collection<UUID> eventIds) {
        return stored.readDead(channel, eventIds);
    }

    @Override
    public Mono<Long> purgeDead(String channel, Collection<UUID> eventIds) {
        return stored.purgeDead(channel, eventIds);
    }

    private Mono<Void> moveExhausted(String channel) {
        return Mono.defer(() -> database.transaction(
                        "Moving exhausted events of " + names, connection -> moveOne(connection, channel)))
                .repeat()
                .takeUntil(moved -> !moved)
                .then();
    }

    private Mono<Boolean> moveOne(Connection connection, String channel) {
        return queues.dequeueExhausted(connection, names.of(channel), names.correlation(channel))
                .flatMap(message -> queues.storeDead(connection, exhausted(channel, message))
                        .thenReturn(true))
                .defaultIfEmpty(false);
    }

    /** It was counted once more when it was put there. */
    private static DeadEvent exhausted(String channel, Incoming message) {
        int attempts = Math.max(1, message.deliveries() - 1);
        return new DeadEvent(
                QueueMessages.event(channel, message, attempts, Instant.now()),
                "rolled back or not taken in time, until Oracle gave up after attempt " + attempts);
    }

    /**
     * Who deletes the dead letter is the one who puts the event into the queue again. Of those that were published together the
     * one that died first comes first.
     */
    @Override
    public Mono<Long> requeueDead(String channel, Collection<UUID> eventIds) {
        return database.transaction(
                "Requeueing dead letters of " + names,
                connection -> table.readDead(connection, channel, eventIds)
                        .collectSortedList(Comparator.comparing(
                                        (DeadEvent dead) -> dead.event().publishedAt())
                                .thenComparing(dead -> dead.event().leaseExpiresAt()))
                        .flatMapMany(Flux::fromIterable)
                        .concatMap(dead -> requeue(connection, dead.event()))
                        .reduce(0L, Long::sum));
    }

    private Mono<Long> requeue(Connection connection, ClaimedEvent event) {
        return table.purgeDead(connection, event.channel(), List.of(event.eventId()))
                .flatMap(deleted -> deleted == 0
                        ? Mono.just(0L)
                        : queues.enqueue(connection, List.of(QueueMessages.again(event, names)), false)
                                .thenReturn(1L));
    }

    // == What a queue does not let anybody look into ==

    private static EventException.Unsupported unsupported(String asked) {
        return new EventException.Unsupported(
                asked + " asked of advanced_queue, which cannot look into what is stored; choose"
                        + " BackendType.TABLE_QUEUE.");
    }

    @Override
    public Mono<String> withdraw(UUID eventId) {
        return Mono.error(() -> unsupported("The withdrawal of event " + eventId + " was"));
    }

    @Override
    public Mono<List<String>> channels() {
        return Mono.error(() -> unsupported("The names of its channels were"));
    }

    @Override
    public Mono<ChannelCounts> counts(String channel, int bound) {
        return Mono.error(() -> unsupported("The counts of channel \"" + channel + "\" were"));
    }

    @Override
    public Mono<List<LeaseHolder>> leases(String channel, int limit) {
        return Mono.error(() -> unsupported("The leases of channel \"" + channel + "\" were"));
    }

    @Override
    public Mono<List<Duration>> processingTimes(String channel, int limit) {
        return Mono.error(() -> unsupported("The processing times of channel \"" + channel + "\" were"));
    }
}
