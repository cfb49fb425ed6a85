package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Each event is written into a ledger in the transaction that ends it: by a transactional handler, or by hand. */
abstract class TransactionalWork implements Contestant {

    private static final int EVENTS = 60_000;

    /** Leaves connections for what else a channel does. */
    static final int CONCURRENCY = Lab.CONNECTIONS - 4;

    final Lab lab;
    final String table;
    final String ledger;
    final ConnectionPool pool;

    TransactionalWork(Lab lab, String table) {
        this.lab = lab;
        this.table = table;
        this.ledger = table + "_ledger";
        lab.createTable(table);
        lab.execute("DROP TABLE IF EXISTS " + ledger);
        lab.execute("CREATE TABLE " + ledger + " (event uuid NOT NULL, payload text NOT NULL)");
        this.pool = lab.pool();
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        lab.execute("TRUNCATE " + ledger);
        lab.refill(table, EVENTS);
    }

    Mono<Void> insert(Connection connection, UUID event, String payload) {
        return Flux.from(connection
                        .createStatement("INSERT INTO " + ledger + " (event, payload) VALUES ($1, $2)")
                        .bind(0, event)
                        .bind(1, payload)
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    @Override
    public void close() {
        pool.dispose();
        lab.execute("DROP TABLE " + ledger);
        lab.execute("DROP TABLE " + table);
    }

    /** Ours. */
    static final class Handled extends TransactionalWork {

        private final R2dbcEventChannel events;
        private final EventHandler handler;

        Handled(Lab lab, String table) {
            super(lab, table);
            this.events = Lab.channel(pool, table, Duration.ZERO);
            this.handler = events.transactional((message, connection) ->
                    insert(connection, UUID.fromString(message.eventId()), message.payloadText()));
        }

        @Override
        public double measure(Duration window) {
            long start = System.nanoTime();
            long handled = events.subscribe(Lab.CHANNEL)
                    .take(window) // and what is in hand is worked to its end
                    .flatMap(message -> handler.handle(message).thenReturn(true), CONCURRENCY)
                    .count()
                    .block();
            return handled * 1e9 / (System.nanoTime() - start);
        }

        @Override
        public void close() {
            events.shutdown().block();
            super.close();
        }
    }

    /** The same by hand, one event in a transaction: take it past those that others hold, work, delete it, commit. */
    static final class ByHand extends TransactionalWork {

        private record Row(UUID id, String payload) {}

        ByHand(Lab lab, String table) {
            super(lab, table);
        }

        @Override
        public double measure(Duration window) {
            AtomicLong done = new AtomicLong();
            long start = System.nanoTime();
            long end = start + window.toNanos();
            List<Connection> connections = Flux.range(0, CONCURRENCY)
                    .concatMap(lane -> pool.create())
                    .collectList()
                    .block();
            Flux.fromIterable(connections)
                    .flatMap(
                            connection -> Mono.defer(() -> one(connection))
                                    .doOnNext(one -> done.incrementAndGet())
                                    .repeat(() -> System.nanoTime() < end)
                                    .then(),
                            CONCURRENCY)
                    .blockLast();
            double rate = done.get() * 1e9 / (System.nanoTime() - start);
            Flux.fromIterable(connections).concatMap(Connection::close).blockLast();
            return rate;
        }

        private Mono<Row> one(Connection connection) {
            return Mono.from(connection.beginTransaction())
                    .then(take(connection))
                    .delayUntil(row -> insert(connection, row.id(), row.payload()))
                    .delayUntil(row -> delete(connection, row))
                    .delayUntil(row -> Mono.from(connection.commitTransaction()));
        }

        private Mono<Row> take(Connection connection) {
            return Flux.from(connection
                            .createStatement("SELECT event_id, payload::text FROM " + table
                                    + " WHERE channel = $1 AND event_key IS NULL AND available_at <= statement_timestamp()"
                                    + " ORDER BY available_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED")
                            .bind(0, Lab.CHANNEL)
                            .execute())
                    .concatMap(result -> result.map(row -> new Row(row.get(0, UUID.class), row.get(1, String.class))))
                    .singleOrEmpty();
        }

        private Mono<Void> delete(Connection connection, Row row) {
            return Flux.from(connection
                            .createStatement("DELETE FROM " + table + " WHERE event_id = $1")
                            .bind(0, row.id())
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }
    }
}
