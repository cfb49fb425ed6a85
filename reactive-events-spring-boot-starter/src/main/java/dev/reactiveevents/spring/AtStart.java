package dev.reactiveevents.spring;

import java.time.Duration;
import reactor.core.publisher.Mono;

/**
 * Waits where Spring has no other way than to wait: on the threads that start and stop an application. Nothing else here
 * blocks.
 */
final class AtStart {

    /** Longer than anything that is waited for takes by its own limits. */
    private static final Duration LIMIT = Duration.ofMinutes(5);

    private AtStart() {}

    static void await(Mono<Void> work) {
        work.block(LIMIT);
    }
}
