package dev.reactiveevents.spi;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * What can be done with stored events beside the way that an event goes: dead letters, withdrawal, inspection. The engine
 * goes through many in steps, each of which costs what it names and not what is stored. All methods are as those of
 * {@link EventBackend}: cold, concurrent, not blocking, and with the same failures.
 */
public interface StoreUpkeep {

    /**
     * Looks for dead letters of a channel, in the order of {@link DeadEvent.Place}.
     *
     * @param range where
     * @param limit how many at most
     * @return what lies there, in the order asked for
     */
    Mono<List<DeadEvent.Found>> findDead(DeadEvent.Range range, int limit);

    /**
     * Counts dead letters of a channel.
     *
     * @param range where
     * @param type only of this type, if given
     * @return how many there are
     */
    Mono<Long> countDead(DeadEvent.Range range, @Nullable String type);

    /**
     * Reads dead letters of a channel.
     *
     * @param channel the channel's name
     * @param eventIds which, at least one
     * @return those that are dead letters of this channel, in any order
     */
    Mono<List<DeadEvent>> readDead(String channel, Collection<UUID> eventIds);

    /**
     * Makes dead letters of a channel due now, in publish order, with no attempts, no lapses, no token and no reason.
     *
     * @param channel the channel's name
     * @param eventIds which, at least one
     * @return how many were dead letters of this channel
     */
    Mono<Long> requeueDead(String channel, Collection<UUID> eventIds);

    /**
     * Deletes dead letters of a channel.
     *
     * @param channel the channel's name
     * @param eventIds which, at least one
     * @return how many were dead letters of this channel
     */
    Mono<Long> purgeDead(String channel, Collection<UUID> eventIds);

    /**
     * Deletes an event that nobody has taken.
     *
     * @param eventId the event
     * @return the channel it was on; empty if there is no such event, or if it has been taken or settled
     */
    Mono<String> withdraw(UUID eventId);

    /** {@return the names of the channels that have unsettled events or dead letters, sorted} */
    Mono<List<String>> channels();

    /**
     * Counts the events of a channel at one moment, each kind up to a bound.
     *
     * @param channel the channel's name
     * @param bound how far to count
     * @return the counts
     */
    Mono<ChannelCounts> counts(String channel, int bound);

    /**
     * Looks at events of a channel that are not due, the first to be due first.
     *
     * @param channel the channel's name
     * @param limit how many to look at
     * @return the leases among them
     */
    Mono<List<LeaseHolder>> leases(String channel, int limit);

    /**
     * Looks at acknowledged events that are kept, the latest first.
     *
     * @param channel the channel's name
     * @param limit how many to look at, of this channel or, where only these can be found at once, of all
     * @return of those of this channel the time from when they were due, or published if that was later, to their
     *     acknowledgement, in any order
     */
    Mono<List<Duration>> processingTimes(String channel, int limit);
}
