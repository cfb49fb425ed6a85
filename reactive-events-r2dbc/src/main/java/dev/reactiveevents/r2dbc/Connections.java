package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/** Connections for the work of others, which may have all that there are for long. */
record Connections(ConnectionFactory factory, Dialect dialect, Failures failures, Duration timeout) {

    /**
     * Without the caller's context, because a factory that knows Spring would join the caller's transaction through it. A timer
     * is set only if the connection does not come at once: one for each would wake the timers' thread for each.
     */
    Mono<Connection> lent(String attempted) {
        Mono<Connection> opening = Mono.defer(() -> Mono.<Connection>from(factory.create()));
        return (dialect.blocksToConnect() ? opening.subscribeOn(Schedulers.boundedElastic()) : opening)
                .contextWrite(context -> Context.empty())
                .or(Mono.delay(timeout).then(Mono.error(() -> noConnection(attempted))))
                .onErrorMap(failure -> failures.ofUndone(attempted, failure));
    }

    private EventException noConnection(String attempted) {
        return new EventException.Unavailable(
                attempted + " got no connection within " + timeout
                        + ". Each holds one while its work runs, and the channel needs others: make the pool larger or the"
                        + " concurrency of the handlers smaller.",
                null);
    }
}
