package dev.reactiveevents.examples;

import static dev.reactiveevents.pipeline.Pipelines.settling;
import static dev.reactiveevents.pipeline.Pipelines.workingByKey;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.util.Objects;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The code of docs/outbox.md and docs/pipelines.md, run by OutboxSnippetsTest. */
final class OutboxSnippets {

    record OrderPlaced(int number, String customer) {}

    private final R2dbcEventChannel events;

    OutboxSnippets(R2dbcEventChannel events) {
        this.events = events;
    }

    Mono<String> place(OrderPlaced order) {
        Mono<String> placed = events.inTransaction((connection, publisher) ->
                insertOrder(connection, order).then(publisher.publish("orders", order)));
        return placed;
    }

    Mono<Void> placeIn(Connection connection, OrderPlaced order) {
        EventPublisher publisher = events.in(connection); // your transaction: begun and ended by you
        return insertOrder(connection, order)
                .then(publisher.publish("orders", order))
                .then();
    }

    static Mono<Void> insertOrder(Connection connection, OrderPlaced order) {
        return Flux.from(connection
                        .createStatement("INSERT INTO placed (number) VALUES (" + order.number() + ")")
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    Flux<Correlated<String>> ship() {
        Flux<Correlated<String>> shipped = events.subscribe("orders")
                .transform(settling(8, this::ship)); // ack what was shipped, nack what failed
        return shipped;
    }

    Flux<Correlated<String>> shipByCustomer() {
        Flux<Correlated<String>> shipped = events.subscribe("orders")
                .transform(workingByKey(8, message -> message.payloadAs(OrderPlaced.class).customer(), this::ship));
        return shipped;
    }

    private Mono<String> ship(EventMessage message) {
        return Mono.just("parcel " + Objects.requireNonNull(message.payloadAs(OrderPlaced.class)).number());
    }
}
