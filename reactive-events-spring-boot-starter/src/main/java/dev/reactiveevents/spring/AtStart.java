package dev.reactiveevents.spring;

import reactor.core.publisher.Mono;

/**
 * Waits where Spring has no other way than to wait: on the threads that start and stop an application. Nothing else here
 * blocks.
 */
final class AtStart {

    private AtStart() {}

    /** Waits for something that has limits of its own. */
    static void await(Mono<Void> work) {
        work.block();
    }
}
