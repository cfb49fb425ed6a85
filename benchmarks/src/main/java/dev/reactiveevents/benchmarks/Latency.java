package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** From the call of publish to the handler, 200 times a second: the median in milliseconds. */
final class Latency {

    private static final Duration INTERVAL = Duration.ofMillis(5);

    private Latency() {}

    /** Ours, in one process: the payload carries the time at which publish was called. */
    static final class Ours implements Contestant {

        private final Lab lab;
        private final String table;
        private final ConnectionPool pool;
        private final R2dbcEventChannel events;

        Ours(Lab lab, String table) {
            this.lab = lab;
            this.table = table;
            lab.createTable(table);
            this.pool = lab.pool();
            this.events = Lab.channel(pool, table, Duration.ZERO);
        }

        @Override
        public double measure(Duration window) {
            Queue<Double> latencies = new ConcurrentLinkedQueue<>();
            Disposable subscription = events.subscribe(Lab.CHANNEL)
                    .flatMap(message -> {
                        latencies.add((System.nanoTime() - message.payloadAs(Long.class)) / 1e6);
                        return message.ack();
                    })
                    .subscribe();
            Flux.interval(INTERVAL)
                    .take(window)
                    .flatMap(tick -> Mono.defer(() -> events.publish(Lab.CHANNEL, System.nanoTime())))
                    .blockLast();
            lab.awaitNothingLeased(table);
            subscription.dispose();
            return Comparison.median(List.copyOf(latencies));
        }

        @Override
        public void close() {
            events.shutdown().block();
            pool.dispose();
            lab.execute("DROP TABLE " + table);
        }
    }

    /** By hand: an INSERT, and when it is committed a claim on another connection. */
    static final class Bare implements Contestant {

        private final Lab lab;
        private final String table;
        private final Connection publishing;
        private final Connection claiming;

        Bare(Lab lab, String table) {
            this.lab = lab;
            this.table = table;
            lab.createTable(table);
            this.publishing = Mono.from(lab.connections().create()).block();
            this.claiming = Mono.from(lab.connections().create()).block();
        }

        @Override
        public double measure(Duration window) {
            List<Double> latencies = Flux.interval(INTERVAL)
                    .take(window)
                    .onBackpressureDrop()
                    .concatMap(tick -> once())
                    .collectList()
                    .block();
            return Comparison.median(latencies);
        }

        private Mono<Double> once() {
            return Mono.defer(() -> {
                long start = System.nanoTime();
                return insert(start)
                        .then(Mono.defer(this::claim))
                        .map(id -> (System.nanoTime() - start) / 1e6)
                        .delayUntil(latency -> settle());
            });
        }

        private Mono<Void> insert(long payload) {
            return Flux.from(publishing
                            .createStatement(
                                    "INSERT INTO " + table
                                            + " (event_id, channel, payload, deliver_at, available_at, created_at) VALUES ($1, $2,"
                                            + " $3::text::jsonb, statement_timestamp(), statement_timestamp(), statement_timestamp())")
                            .bind(0, Publishing.id())
                            .bind(1, Lab.CHANNEL)
                            .bind(2, Long.toString(payload))
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }

        private Mono<UUID> claim() {
            return Flux.from(claiming.createStatement("UPDATE " + table
                                    + " SET status = 'leased', attempts = attempts + 1, lease_token = $1, leased_by = 'bare',"
                                    + " available_at = statement_timestamp() + interval '30 seconds'"
                                    + " WHERE event_id = ANY(ARRAY(SELECT event_id FROM " + table
                                    + " WHERE channel = $2 AND event_key IS NULL AND available_at <= statement_timestamp()"
                                    + " ORDER BY available_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED))"
                                    + " RETURNING event_id, payload::text")
                            .bind(0, Publishing.id())
                            .bind(1, Lab.CHANNEL)
                            .execute())
                    .concatMap(result -> result.map(row -> {
                        Long.parseLong(row.get(1, String.class));
                        return row.get(0, UUID.class);
                    }))
                    .next();
        }

        private Mono<Void> settle() {
            return Flux.from(claiming.createStatement("DELETE FROM " + table + " WHERE status = 'leased'")
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }

        @Override
        public void close() {
            Mono.from(publishing.close()).then(Mono.from(claiming.close())).block();
            lab.execute("DROP TABLE " + table);
        }
    }
}
