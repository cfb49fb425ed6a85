package dev.reactiveevents;

/**
 * What a channel object has done since it was built; the numbers never fall, and are taken one after the other. They are those
 * of the meters, without any registry.
 *
 * @param published events that were stored, or broadcast. In a transaction of the caller's an event counts when its statement
 *     is done, whatever becomes of the transaction
 * @param delivered events that were handed over for the first time
 * @param redelivered events that were handed over again
 * @param acked events that were acknowledged, as the store confirmed
 * @param nacked events that were given back to come again, as the store confirmed
 * @param deadLettered events that became dead letters
 * @param lost outcomes that the store did not take, because the lease was lost or no answer came for a whole lease
 * @param listenersStarted listeners that were started
 * @param listenersStopped listeners that have ended
 */
public record ChannelTotals(
        long published,
        long delivered,
        long redelivered,
        long acked,
        long nacked,
        long deadLettered,
        long lost,
        long listenersStarted,
        long listenersStopped) {}
