package dev.reactiveevents.engine;

import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;

/** A subscription as the engine's own listeners see it. */
interface EngineSubscription extends Subscription {

    /** Why nothing can be taken or heard at the moment; null if something can, as far as known. */
    @Nullable
    Throwable outage();

    /** What became of its events. */
    Tally tally();
}
