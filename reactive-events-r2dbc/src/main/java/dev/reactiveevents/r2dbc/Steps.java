package dev.reactiveevents.r2dbc;

import reactor.core.publisher.Mono;

/**
 * What is done on the connection of a transaction, one step after the other. Whoever cancels may meet the next step as it
 * begins: either it has begun by then, and is awaited, or it does not begin. Behind a rollback it would be done for itself.
 */
final class Steps {

    private Mono<?> last = Mono.empty();
    private boolean over;

    /**
     * Answers false if it must not begin any more.
     *
     * @param step a step that runs once, however often it is subscribed to
     */
    synchronized boolean begins(Mono<?> step) {
        if (!over) {
            last = step;
        }
        return !over;
    }

    synchronized boolean areOver() {
        return over;
    }

    /** From now on none begins. Completes when the last one has ended, however it did. */
    synchronized Mono<Void> end() {
        over = true;
        return last.then().onErrorComplete();
    }
}
