package dev.reactiveevents.r2dbc;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.test.Uncommitted;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import reactor.core.publisher.Mono;

/** A transaction in which an event was published, on a connection of its own. */
record OpenTransaction(Connection connection) implements Uncommitted {

    static Mono<Uncommitted> publish(ConnectionFactory database, EventChannel events, Event event) {
        return Mono.<Connection>from(database.create())
                .flatMap(connection -> Mono.from(connection.beginTransaction())
                        .then(((R2dbcEventChannel) events).in(connection).publish(event))
                        .thenReturn(new OpenTransaction(connection)));
    }

    @Override
    public Mono<Void> commit() {
        return Mono.from(connection.commitTransaction()).then(Mono.from(connection.close()));
    }

    @Override
    public Mono<Void> rollback() {
        return Mono.from(connection.rollbackTransaction()).then(Mono.from(connection.close()));
    }
}
