package dev.reactiveevents.benchmarks;

import dev.reactiveevents.benchmarks.Publishing.Order;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Transactions that store one event each and do nothing else, one after the other on each connection. */
final class OutboxPublishing implements Contestant {

    static final int CALLERS = Lab.CONNECTIONS - 2;

    private final Lab lab;
    private final String table;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private Function<Connection, Mono<?>> publish = connection -> Mono.empty();

    private OutboxPublishing(Lab lab, String table, boolean wakeOnCommit) {
        this.lab = lab;
        this.table = table;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = R2dbcEventChannel.builder(pool)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .queueTable(table)
                .retention(Duration.ZERO)
                .wakeOnCommit(wakeOnCommit)
                .build();
    }

    static OutboxPublishing ours(Lab lab, String table, boolean wakeOnCommit) {
        OutboxPublishing publishing = new OutboxPublishing(lab, table, wakeOnCommit);
        publishing.publish = connection -> publishing.events.in(connection).publish(Lab.CHANNEL, Order.number(7));
        return publishing;
    }

    static OutboxPublishing byHand(Lab lab, String table) {
        String sql = "INSERT INTO " + table
                + " (event_id, channel, payload, deliver_at, available_at, created_at) VALUES ($1, $2, $3::text::jsonb,"
                + " statement_timestamp(), statement_timestamp(), statement_timestamp())";
        OutboxPublishing publishing = new OutboxPublishing(lab, table, false);
        publishing.publish = connection -> Flux.from(connection
                        .createStatement(sql)
                        .bind(0, Publishing.id())
                        .bind(1, Lab.CHANNEL)
                        .bind(2, Publishing.json(Order.number(7)))
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
        return publishing;
    }

    @Override
    public void prepare() {
        lab.execute("TRUNCATE " + table);
        lab.tidy(table);
    }

    @Override
    public double measure(Duration window) {
        List<Connection> connections = Flux.range(0, CALLERS)
                .concatMap(caller -> pool.create())
                .collectList()
                .block();
        long start = System.nanoTime();
        long end = start + window.toNanos();
        long published = Flux.fromIterable(connections)
                .flatMap(
                        connection -> Mono.defer(() -> one(connection))
                                .repeat(() -> System.nanoTime() < end)
                                .count(),
                        CALLERS)
                .reduce(0L, Long::sum)
                .block();
        double rate = published * 1e9 / (System.nanoTime() - start);
        Flux.fromIterable(connections).concatMap(Connection::close).blockLast();
        long stored = lab.number("SELECT count(*) FROM " + table);
        if (stored != published) {
            throw new IllegalStateException(published + " events were published, " + stored + " are stored.");
        }
        return rate;
    }

    private Mono<Integer> one(Connection connection) {
        return Mono.from(connection.beginTransaction())
                .then(Mono.defer(() -> publish.apply(connection).then()))
                .then(Mono.defer(() -> Mono.from(connection.commitTransaction())))
                .thenReturn(1);
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
