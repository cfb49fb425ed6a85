package dev.reactiveevents;

/** What a dead letter means for the later events of its key. */
public enum DeadLetterKeys {
    /** They go on without it. */
    FREE,
    /** They wait until it is requeued or purged, so that the order of the key is kept. Those before it do not. */
    PARK
}
