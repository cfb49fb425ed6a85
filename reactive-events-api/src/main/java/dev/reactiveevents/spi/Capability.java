package dev.reactiveevents.spi;

/** What a backend can do, beyond publishing and delivering. The contract suite tests what is claimed here. */
public enum Capability {
    /** Events survive the end of the process that published them. */
    DURABLE,
    /** Several channel objects over one store share its events. */
    SHARED,
    /** Events can wait before they are due. */
    DELAY,
    /**
     * Events come again after a nack or a lapsed lease, and become dead letters when their attempts are used up. One that was
     * never handed over comes again at its old place, and that does not count.
     */
    RETRY,
    /** When an event comes again can be said: by a retry policy, by a nack with a delay, by an extended lease. */
    RESCHEDULING,
    /** Ids can be given; one that is stored is not stored again. */
    DEDUPLICATION,
    /** Events of one key are delivered in publish order, one at a time. */
    KEYS,
    /** Acknowledged events are kept for a time, so that an acknowledgement repeated after its lease is recognised. */
    RETENTION,
    /** Dead letters can be read, requeued and purged, by that part of {@link StoreUpkeep}. */
    DEAD_LETTERS,
    /** Events can be withdrawn and the store be inspected, by the rest of {@link StoreUpkeep}. */
    UPKEEP
}
