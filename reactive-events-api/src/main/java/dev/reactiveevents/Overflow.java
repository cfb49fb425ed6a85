package dev.reactiveevents;

/** What becomes of events that a subscriber of a broadcast does not ask for in time, once its buffer is full. */
public enum Overflow {
    /** The subscription ends with an error that says so. */
    ERROR,
    /** The event that has waited longest is dropped. */
    DROP_OLDEST,
    /** The event that has just arrived is dropped. */
    DROP_LATEST
}
