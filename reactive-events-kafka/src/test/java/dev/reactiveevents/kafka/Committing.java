package dev.reactiveevents.kafka;

import dev.reactiveevents.Event;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Transactions that write a business row and publish an event each, a third of them rolled back. Those of a key one after the
 * other, so that their commits have an order.
 */
final class Committing {

    static final int KEYS = 40;
    private static final int AT_ONCE = 4;

    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private final String rows;

    /** When the commit was confirmed here, by the event's id. */
    final Map<String, Long> committed = new ConcurrentHashMap<>();

    final Set<String> rolledBack = ConcurrentHashMap.newKeySet();

    Committing(ConnectionPool pool, R2dbcEventChannel events, String rows) {
        this.pool = pool;
        this.events = events;
        this.rows = rows;
    }

    /** Numbers from one to another, as fast as it goes. */
    Mono<Void> run(int from, int to) {
        return run(from, to, Duration.ZERO);
    }

    /** Each of those at once followed by a pause. */
    Mono<Void> run(int from, int to, Duration pause) {
        return Flux.range(0, AT_ONCE)
                .flatMap(
                        lane -> Flux.range(from, to - from)
                                .filter(number -> number % KEYS % AT_ONCE == lane)
                                .concatMap(number -> one(number).then(pausing(pause)), 1),
                        AT_ONCE)
                .then();
    }

    private static Mono<Void> pausing(Duration pause) {
        return pause.isZero() ? Mono.empty() : Mono.delay(pause).then();
    }

    private Mono<Void> one(int number) {
        return number / KEYS % 3 == 2 ? rolledBack(number) : number % 2 == 0 ? ours(number) : theirs(number);
    }

    private Mono<Void> ours(int number) {
        return events.inTransaction(
                        (connection, publisher) -> insert(connection, number).then(publisher.publish(event(number))))
                .doOnNext(this::noteCommit)
                .then();
    }

    private Mono<Void> theirs(int number) {
        return Mono.usingWhen(
                        pool.create(),
                        connection ->
                                begun(connection, number).delayUntil(id -> Mono.from(connection.commitTransaction())),
                        Connection::close)
                .doOnNext(this::noteCommit)
                .then();
    }

    private Mono<Void> rolledBack(int number) {
        return Mono.usingWhen(
                pool.create(),
                connection -> begun(connection, number)
                        .doOnNext(rolledBack::add)
                        .then(Mono.from(connection.rollbackTransaction())),
                Connection::close);
    }

    private Mono<String> begun(Connection connection, int number) {
        return Mono.from(connection.beginTransaction())
                .then(insert(connection, number))
                .then(Mono.defer(() -> events.in(connection).publish(event(number))));
    }

    private void noteCommit(String id) {
        committed.put(id, System.currentTimeMillis());
    }

    private static Event event(int number) {
        return Event.of("orders", number).withKey("key-" + number % KEYS);
    }

    private Mono<Void> insert(Connection connection, int number) {
        Publisher<? extends Result> inserted = connection
                .createStatement("INSERT INTO " + rows + " (number) VALUES (" + number + ")")
                .execute();
        return Flux.from(inserted).concatMap(Result::getRowsUpdated).then();
    }

    /** Whether all that was committed is among these. */
    boolean areAllIn(Set<String> ids) {
        AtomicBoolean missing = new AtomicBoolean();
        committed.keySet().forEach(id -> missing.compareAndSet(false, !ids.contains(id)));
        return !missing.get();
    }
}
