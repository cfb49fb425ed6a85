package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueue;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.util.List;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The queues of a channel object, beside its tables. Each statement can be repeated, and commits.
 *
 * @param channels of which channels, where each has a queue of its own
 * @param maxAttempts how often an event is delivered before Oracle gives it up
 */
record QueueSchema(
        Database database,
        AdvancedQueueStatements statements,
        QueueNames names,
        List<String> channels,
        int maxAttempts) {

    QueueSchema of(List<String> others) {
        return new QueueSchema(database, statements, names, others, maxAttempts);
    }

    private List<AdvancedQueue> queues() {
        if (!names.areOfChannels()) {
            return List.of(names.of(""));
        }
        if (channels.isEmpty()) {
            throw new EventException.Misconfigured(
                    "The queues " + names + " were asked for, one for each channel, without their names; give them by"
                            + " EventSchema.of(channel, \"orders\", …).",
                    null);
        }
        return channels.stream().map(names::of).toList();
    }

    /** A user who may only use a queue that is there and started can ask for it too. */
    Mono<Void> create() {
        return Flux.defer(() -> Flux.fromIterable(queues()))
                .concatMap(queue -> database.statement(
                        "Making the queue " + queue,
                        connection -> statements
                                .isStarted(connection, queue)
                                .defaultIfEmpty(false)
                                .flatMap(started -> started
                                        ? Mono.just(true)
                                        : run(connection, statements.create(queue, maxAttempts - 1)))))
                .then();
    }

    Mono<Void> validate() {
        return Flux.defer(() -> Flux.fromIterable(queues()))
                .concatMap(queue -> requireUsable(database, statements, queue))
                .then();
    }

    static Mono<Void> requireUsable(Database database, AdvancedQueueStatements statements, AdvancedQueue queue) {
        return database.statement(
                        "Looking for the queue " + queue,
                        connection -> statements
                                .isStarted(connection, queue)
                                .switchIfEmpty(Mono.error(() -> new EventException.Misconfigured(
                                        "The queue " + queue
                                                + " is not there for this user; run EventSchema.of(channel).migrate(), or, if it"
                                                + " is there, " + statements.grant(queue.toString()) + ".",
                                        null))))
                .flatMap(started -> started
                        ? Mono.empty()
                        : Mono.error(new EventException.Misconfigured(
                                "The queue " + queue
                                        + " was stopped; run EventSchema.of(channel).migrate(), which starts it again.",
                                null)));
    }

    Mono<Void> drop() {
        return Flux.defer(() -> Flux.fromIterable(queues()))
                .concatMap(queue -> database.statement(
                        "Dropping the queue " + queue, connection -> run(connection, statements.drop(queue))))
                .then();
    }

    String script() {
        return queues().stream()
                .map(queue -> "\n" + statements.create(queue, maxAttempts - 1) + "\n/\n")
                .collect(Collectors.joining());
    }

    private static Mono<Boolean> run(Connection connection, String block) {
        return Flux.from(connection.createStatement(block).execute())
                .concatMap(Result::getRowsUpdated)
                .then(Mono.just(true));
    }
}
