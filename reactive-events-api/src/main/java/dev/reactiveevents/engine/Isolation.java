package dev.reactiveevents.engine;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Keeps suspects from dragging their neighbours with them: an event whose lease lapsed repeatedly, perhaps because it ends
 * its consumers, is claimed only once everything else is settled, and nothing else is claimed until it is settled.
 *
 * <p>Suspects are reported by claims of other events, so that between two suspects others always get their turn.
 */
final class Isolation {

    private enum Mode {
        OPEN,
        QUIETING,
        ALONE
    }

    private final Queue<ChannelFeed> reported = new ConcurrentLinkedQueue<>();
    private volatile Mode mode = Mode.OPEN;

    void report(ChannelFeed feed) {
        if (!reported.contains(feed)) {
            reported.add(feed);
        }
    }

    boolean isOpen() {
        return mode == Mode.OPEN;
    }

    /**
     * Whether events that are no suspects may be claimed.
     *
     * @param quiet whether nothing is being claimed and all is settled
     */
    boolean admitsOthers(boolean quiet) {
        if (mode == Mode.ALONE && quiet) {
            mode = Mode.OPEN;
        }
        if (mode == Mode.OPEN && !reported.isEmpty()) {
            mode = Mode.QUIETING;
        }
        return mode == Mode.OPEN;
    }

    /** The next channel with suspects, once all is quiet; null if there is none, and then others are admitted again. */
    @Nullable
    ChannelFeed next() {
        ChannelFeed feed = mode == Mode.QUIETING ? reported.poll() : null;
        if (feed == null && mode == Mode.QUIETING) {
            mode = Mode.OPEN;
        }
        return feed;
    }

    void suspectIsClaimed() {
        mode = Mode.ALONE;
    }
}
