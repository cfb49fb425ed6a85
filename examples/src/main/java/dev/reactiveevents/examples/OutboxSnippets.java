package dev.reactiveevents.examples;

import static dev.reactiveevents.pipeline.Pipelines.settled;
import static dev.reactiveevents.pipeline.Pipelines.settling;
import static dev.reactiveevents.pipeline.Pipelines.working;
import static dev.reactiveevents.pipeline.Pipelines.workingByKey;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.examples.Snippets.OrderPlaced;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The code of docs/outbox.md and docs/pipelines.md, run by OutboxSnippetsTest. */
final class OutboxSnippets {

    private final ConnectionFactory database;
    private final R2dbcEventChannel events;

    OutboxSnippets(ConnectionFactory database, R2dbcEventChannel events) {
        this.database = database;
        this.events = events;
    }

    // == Outbox ==

    Mono<String> together(OrderPlaced order) {
        Mono<String> placed = events.inTransaction(
                (connection, publisher) -> saveOrder(connection, order).then(publisher.publish("orders", order)));
        return placed;
    }

    Mono<String> byHand(OrderPlaced order) {
        Mono<String> placed = Mono.usingWhen(
                database.create(),
                connection -> Mono.from(connection.beginTransaction())
                        .then(saveOrder(connection, order))
                        .then(events.in(connection).publish("orders", order)) // commits or vanishes with the order
                        .delayUntil(id -> connection.commitTransaction()),
                Connection::close); // rolls back what was not committed
        return placed;
    }

    EventHandler publishing() {
        EventHandler handler = events.transactional(
                (message, connection) -> saveOrder(connection, message.payloadAs(OrderPlaced.class))
                        .then(events.in(connection).publish("invoices", message.payload())));
        return handler;
    }

    static R2dbcEventChannel silent(ConnectionFactory database) {
        R2dbcEventChannel silent = R2dbcEventChannel.builder(database)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .wakeOnCommit(false) // subscribers find it within their poll interval
                .build();
        return silent;
    }

    static Mono<Void> saveOrder(Connection connection, OrderPlaced order) {
        return Flux.from(connection
                        .createStatement("INSERT INTO orders (number, customer) VALUES ($1, $2)")
                        .bind(0, order.number())
                        .bind(1, order.customer())
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    // == Pipelines ==

    Flux<Correlated<Integer>> settleByResult() {
        Flux<Correlated<Integer>> shipped = events.subscribe("orders")
                .transform(settling(8, message -> ship(message.payloadAs(OrderPlaced.class))));
        return shipped;
    }

    Flux<Correlated<String>> steps() {
        Flux<Correlated<String>> done = events.subscribe("orders")
                .transform(working(8, message -> ship(message.payloadAs(OrderPlaced.class)))) // with its event
                .map(shipped -> shipped.map(parcel -> "parcel " + parcel)) // a failure passes by
                .concatMap(label -> label.then(text -> print(text)), 0) // one after the other, as they are asked for
                .transform(settled(64)); // ack what came through, nack what failed on the way
        return done;
    }

    Flux<Correlated<Integer>> byCustomer() {
        Flux<Correlated<Integer>> shipped = events.subscribe("orders")
                .transform(workingByKey(
                        8,
                        message -> message.payloadAs(OrderPlaced.class).customer(),
                        message -> ship(message.payloadAs(OrderPlaced.class))))
                .transform(settled(64));
        return shipped;
    }

    Flux<Correlated<Integer>> slowly() {
        SubscribeOptions renewing = SubscribeOptions.defaults()
                .withRenewLeases(true) // the work may take longer than a lease
                .withMaxProcessingTime(Duration.ofMinutes(30));
        Flux<Correlated<Integer>> shipped = events.subscribe("orders", renewing).transform(settling(2, this::slow));
        return shipped;
    }

    private Mono<Integer> slow(EventMessage message) {
        return ship(message.payloadAs(OrderPlaced.class));
    }

    private static Mono<Integer> ship(OrderPlaced order) {
        return order.number() < 0
                ? Mono.error(new IllegalArgumentException("no such order"))
                : Mono.just(1_000 + order.number());
    }

    private static Mono<String> print(String label) {
        return Mono.just(label + ", printed");
    }
}
