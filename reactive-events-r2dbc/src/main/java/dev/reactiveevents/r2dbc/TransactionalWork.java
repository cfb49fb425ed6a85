package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventPublisher;
import io.r2dbc.spi.Connection;
import reactor.core.publisher.Mono;

/**
 * Works in a transaction and publishes in it.
 *
 * @param <T> what comes of it
 */
@FunctionalInterface
public interface TransactionalWork<T> {

    /**
     * Works in a transaction. What is written over the connection and what is published commit together, or neither does.
     *
     * @param connection the transaction's connection, for as long as the {@code Mono} runs. It refuses to begin, commit, roll
     *     back or close; savepoints work. {@code unwrap} of {@link io.r2dbc.spi.Wrapped} gives the driver's own, which
     *     refuses nothing
     * @param publisher publishes in this transaction
     * @return the work: its completion commits, its error rolls back
     */
    Mono<T> work(Connection connection, EventPublisher publisher);
}
