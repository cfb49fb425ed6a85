package dev.reactiveevents.spi;

/** What became of a settlement. */
public enum SettleResult {
    /** The outcome stands: it was applied now, or had been before under the same token. */
    APPLIED,
    /** The event exists and is not leased under this token; nothing was changed. */
    LOST,
    /** There is no such event (any more); nothing was changed. */
    GONE
}
