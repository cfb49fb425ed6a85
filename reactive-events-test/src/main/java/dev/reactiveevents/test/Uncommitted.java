package dev.reactiveevents.test;

import reactor.core.publisher.Mono;

/** An event that was published in a transaction which is still open. */
public interface Uncommitted {

    /** {@return commits the transaction, and completes when it is} */
    Mono<Void> commit();

    /** {@return rolls the transaction back, and completes when it is; the event never was} */
    Mono<Void> rollback();
}
