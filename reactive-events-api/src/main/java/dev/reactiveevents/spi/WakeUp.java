package dev.reactiveevents.spi;

import java.util.Set;

/**
 * Word from other processes that share the store: events may be waiting. A hint, the store is the truth.
 *
 * @param channels the channels that may have them; empty if any may, as after a time in which nothing was heard
 */
public record WakeUp(Set<String> channels) {

    private static final WakeUp EVERYWHERE = new WakeUp(Set.of());

    /** Copies the set. */
    public WakeUp {
        channels = Set.copyOf(channels);
    }

    /** {@return a wake-up of every channel} */
    public static WakeUp everywhere() {
        return EVERYWHERE;
    }
}
