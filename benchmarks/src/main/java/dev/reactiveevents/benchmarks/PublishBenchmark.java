package dev.reactiveevents.benchmarks;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;
import reactor.core.publisher.Flux;

/** 64 callers that publish one event after the other: through the channel, and with an INSERT each. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Threads(64)
@Fork(1)
@Warmup(iterations = 2, time = 5)
@Measurement(iterations = 3, time = 5)
public class PublishBenchmark {

    private static final String INSERT = "INSERT INTO reactive_event_queue (event_id, channel, payload, deliver_at,"
            + " available_at, created_at) VALUES ($1, 'orders', $2::jsonb, now(), now(), now())";

    /** Ours. */
    @Benchmark
    public String publish(PostgresState postgres) {
        return postgres.events.publish("orders", PostgresState.PAYLOAD_TEXT).block();
    }

    /** The bare driver, on the same pool and table. */
    @Benchmark
    public Long insert(PostgresState postgres) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        UUID id = new UUID(random.nextLong(), random.nextLong());
        return Flux.usingWhen(
                        postgres.pool.create(),
                        connection -> Flux.from(connection
                                        .createStatement(INSERT)
                                        .bind("$1", id)
                                        .bind("$2", '"' + PostgresState.PAYLOAD_TEXT + '"')
                                        .execute())
                                .flatMap(Result::getRowsUpdated),
                        Connection::close)
                .blockLast();
    }
}
