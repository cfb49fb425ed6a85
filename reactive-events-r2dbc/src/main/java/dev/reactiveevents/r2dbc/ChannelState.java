package dev.reactiveevents.r2dbc;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.r2dbc.ChannelSnapshot.Notifications;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What a channel object knows and counts for its snapshots. */
final class ChannelState {

    private final BackendType backend;
    private final boolean fellBack;
    private final @Nullable Notifier notifier;
    private final LongAdder cutOffs = new LongAdder();
    private final LongAdder dropped = new LongAdder();

    ChannelState(BackendType backend, boolean fellBack, @Nullable Notifier notifier) {
        this.backend = backend;
        this.fellBack = fellBack;
        this.notifier = notifier;
    }

    /** What a subscriber is told: how many events were dropped, or zero after a time in which nothing was heard. */
    void missed(long events) {
        if (events == 0) {
            cutOffs.increment();
        } else {
            dropped.add(events);
        }
    }

    ChannelSnapshot snapshot(ChannelTotals totals) {
        return new ChannelSnapshot(
                backend,
                fellBack,
                notifier == null ? Notifications.UNUSED : notifier.notifications(),
                totals,
                notifier == null ? 0 : notifier.reconnects(),
                cutOffs.sum(),
                dropped.sum());
    }
}
