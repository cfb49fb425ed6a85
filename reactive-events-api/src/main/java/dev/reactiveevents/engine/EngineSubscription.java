package dev.reactiveevents.engine;

import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.publisher.Mono;

/** A subscription as the engine's own listeners see it. */
interface EngineSubscription extends Subscription {

    /** Why nothing can be taken or heard at the moment; null if something can, as far as known. */
    @Nullable
    Throwable outage();

    /** What became of its events. */
    Tally tally();

    /** Completes when it hands over nothing any more, and what it gave back at its end is answered. */
    Mono<Void> givenBack();
}
