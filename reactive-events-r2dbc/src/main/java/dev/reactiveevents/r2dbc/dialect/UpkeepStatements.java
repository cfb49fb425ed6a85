package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.StoreUpkeep;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.Collection;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The statements of one queue table for what is done beside the way of an event: dead letters, withdrawal, inspection. They
 * run as {@link QueueStatements} do, in a transaction. What they mean is said in {@link StoreUpkeep}.
 */
public interface UpkeepStatements {

    /**
     * Looks for dead letters.
     *
     * @param connection the connection
     * @param range where
     * @param limit how many at most
     * @return what lies there, in order
     */
    Flux<DeadEvent.Found> findDead(Connection connection, DeadEvent.Range range, int limit);

    /**
     * Counts dead letters.
     *
     * @param connection the connection
     * @param range where
     * @param type only of this type, if given
     * @return how many there are
     */
    Mono<Long> countDead(Connection connection, DeadEvent.Range range, @Nullable String type);

    /**
     * Reads dead letters.
     *
     * @param connection the connection
     * @param channel the channel's name
     * @param eventIds which, at least one
     * @return those that are dead letters of this channel, in any order
     */
    Flux<DeadEvent> readDead(Connection connection, String channel, Collection<UUID> eventIds);

    /**
     * Makes dead letters due now, as if they had never been delivered.
     *
     * @param connection the connection
     * @param channel the channel's name
     * @param eventIds which, at least one
     * @return how many were dead letters of this channel
     */
    Mono<Long> requeueDead(Connection connection, String channel, Collection<UUID> eventIds);

    /**
     * Deletes dead letters.
     *
     * @param connection the connection
     * @param channel the channel's name
     * @param eventIds which, at least one
     * @return how many were dead letters of this channel
     */
    Mono<Long> purgeDead(Connection connection, String channel, Collection<UUID> eventIds);

    /**
     * Deletes dead letters of all channels that are older than their retention, unless another process does so at this moment.
     *
     * @param connection the connection
     * @param retention how long they are kept
     * @param limit how many at most
     * @return how many were deleted
     */
    Mono<Long> deleteExpiredDead(Connection connection, Duration retention, int limit);

    /**
     * Deletes an event that nobody has taken.
     *
     * @param connection the connection
     * @param eventId the event
     * @return the channel it was on, or empty
     */
    Mono<String> withdraw(Connection connection, UUID eventId);

    /**
     * Finds the channels that have unsettled events or dead letters.
     *
     * @param connection the connection
     * @return their names, sorted
     */
    Flux<String> channels(Connection connection);

    /**
     * Counts the events of a channel, each kind up to a bound.
     *
     * @param connection the connection
     * @param channel the channel's name
     * @param bound how far to count
     * @return the counts
     */
    Mono<ChannelCounts> counts(Connection connection, String channel, int bound);

    /**
     * Looks at events of a channel that are not due, the first to be due first.
     *
     * @param connection the connection
     * @param channel the channel's name
     * @param limit how many to look at
     * @return the leases among them
     */
    Flux<LeaseHolder> leases(Connection connection, String channel, int limit);

    /**
     * Looks at acknowledged events that are kept, the latest first.
     *
     * @param connection the connection
     * @param channel the channel's name
     * @param limit how many to look at, of this channel or, where only these can be found at once, of all
     * @return how long those of this channel took, see {@link StoreUpkeep#processingTimes}
     */
    Flux<Duration> processingTimes(Connection connection, String channel, int limit);
}
