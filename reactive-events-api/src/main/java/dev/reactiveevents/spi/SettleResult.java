package dev.reactiveevents.spi;

/** What became of a settlement. */
public enum SettleResult {
    /** The outcome stands: it was applied now, or had been before under the same token. */
    APPLIED,
    /** The event exists and is not leased under this token; nothing was changed. */
    LOST,
    /** There is no such event (any more); nothing was changed. */
    GONE,
    /**
     * Of an extension alone, which waits for nobody: the event is leased under this token, and somebody works on its row at
     * this moment, such as a transactional handler; nothing was changed.
     */
    LOCKED
}
