package dev.reactiveevents.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** One subscriber consumes and acknowledges what is stored. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 4)
@Measurement(iterations = 6)
@State(Scope.Benchmark)
public class DrainBenchmark {

    private static final int EVENTS = 100_000;

    /**
     * Stores the events.
     *
     * @param postgres where
     */
    @Setup(Level.Iteration)
    public void fill(PostgresState postgres) {
        postgres.execute(
                "INSERT INTO reactive_event_queue (event_id, channel, payload, deliver_at, available_at, created_at)"
                        + " SELECT gen_random_uuid(), 'orders', to_jsonb(repeat('x', 90)), now(), now(), now()"
                        + " FROM generate_series(1, " + EVENTS + ")");
    }

    /** Microseconds for each event. */
    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public Long drain(PostgresState postgres) {
        return Draining.acks(postgres.events.subscribe("orders"))
                .take(EVENTS)
                .count()
                .block();
    }
}
