package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.UUID;
import java.util.function.Supplier;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Callers that publish on MySQL and MariaDB, each one event after the other. */
final class MySqlPublishing implements Contestant {

    private final MySqlLab lab;
    private final String table;
    private final int callers;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private final Supplier<Mono<Integer>> call;

    private MySqlPublishing(MySqlLab lab, String table, int callers, boolean bare) {
        this.lab = lab;
        this.table = table;
        this.callers = callers;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = MySqlLab.channel(pool, table, Duration.ZERO);
        this.call = bare ? this::insert : this::publish;
    }

    static MySqlPublishing ours(MySqlLab lab, String table, int callers) {
        return new MySqlPublishing(lab, table, callers, false);
    }

    /** One INSERT for each call, by the driver, on a connection of the pool. */
    static MySqlPublishing bare(MySqlLab lab, String table, int callers) {
        return new MySqlPublishing(lab, table, callers, true);
    }

    private Mono<Integer> publish() {
        return events.publish(Lab.CHANNEL, Publishing.Order.number(7)).thenReturn(1);
    }

    private Mono<Integer> insert() {
        UUID id = Publishing.id();
        String sql = "INSERT INTO " + table
                + " (event_id, channel, payload, deliver_at, available_at, created_at) VALUES (X'"
                + id.toString().replace("-", "") + "', ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";
        return Mono.usingWhen(
                pool.create(),
                connection -> Flux.from(connection
                                .createStatement(sql)
                                .bind(0, Lab.CHANNEL)
                                .bind(1, Publishing.json(Publishing.Order.number(7)))
                                .execute())
                        .concatMap(Result::getRowsUpdated)
                        .then(Mono.just(1)),
                Connection::close);
    }

    @Override
    public void prepare() {
        lab.execute("TRUNCATE TABLE " + table);
    }

    @Override
    public double measure(Duration window) {
        return Publishing.rate(callers, call, window, () -> lab.number("SELECT count(*) FROM " + table));
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
