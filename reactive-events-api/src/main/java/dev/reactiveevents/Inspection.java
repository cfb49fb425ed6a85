package dev.reactiveevents;

import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * What is stored, for people and for gauges. Cheap on a large table: nothing is counted beyond a bound, and each answer says
 * whether it is exact. All fail with {@link EventException.Closed} after a shutdown, and as a publish does when the database
 * is away.
 */
public interface Inspection {

    /** How far {@link #counts(String)} counts. */
    int USUAL_BOUND = 10_000;

    /**
     * Counts a channel's events, each kind up to {@link #USUAL_BOUND}, see {@link #counts(String, int)}.
     *
     * @param channel the channel's name
     * @return the counts
     */
    @CheckReturnValue
    default Mono<ChannelCounts> counts(String channel) {
        return counts(channel, USUAL_BOUND);
    }

    /**
     * Counts a channel's events in one statement, at one moment. Each kind is counted up to the bound; what is more is told as
     * "at least". Events that wait, delayed or leased, are read in two parts, those with a key and those without, each up to
     * {@code bound} and one rows. On PostgreSQL acknowledged events are not indexed by their channel:
     * those of all channels are looked at, the latest first, up to the bound.
     *
     * @param channel the channel's name; one that was never used has nothing
     * @param bound how far to count, 1 to 10,000,000; the time it takes grows with it
     * @return the counts
     */
    @CheckReturnValue
    Mono<ChannelCounts> counts(String channel, int bound);

    /**
     * Counts the events of every channel that has events which are to be delivered, leased or dead. Channels of which only
     * acknowledged events are left are not found.
     *
     * @return the counts of each, by name; one statement that finds the channels, then one for each of them, as it is asked
     *     for
     */
    @CheckReturnValue
    Flux<ChannelCounts> counts();

    /**
     * Who holds a channel's events, and until when: those whose leases end first.
     *
     * @param channel the channel's name
     * @param limit how many at most, 1 to 10,000. No more rows than this are read with a key, and no more without: delayed
     *     events that are due before a lease ends take its place
     * @return the leases that have not lapsed, the first to end first
     */
    @CheckReturnValue
    Flux<LeaseHolder> leases(String channel, int limit);

    /**
     * How long the events took that were acknowledged last. Only those are known that are kept for their retention: without
     * one there are none. On PostgreSQL those of all channels are looked at, as by {@link #counts(String, int)}, and there may
     * be few of this one.
     *
     * @param channel the channel's name; one that was never used has none
     * @param latest of how many at most, 1 to 10,000. No more rows than this are read
     * @return the times, of none if none is known
     */
    @CheckReturnValue
    Mono<ProcessingTimes> processingTimes(String channel, int latest);
}
