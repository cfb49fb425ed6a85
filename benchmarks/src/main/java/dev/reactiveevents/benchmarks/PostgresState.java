package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.Result;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.time.Duration;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import reactor.core.publisher.Flux;

/** An embedded PostgreSQL with its default durability, a pool of ten connections, and a channel over it. */
@State(Scope.Benchmark)
public class PostgresState {

    static final String PAYLOAD_TEXT = "x".repeat(90);

    private EmbeddedPostgres server;
    ConnectionPool pool;
    R2dbcEventChannel events;

    /**
     * Starts all.
     *
     * @throws IOException if the server does not start
     */
    @Setup(Level.Trial)
    public void start() throws IOException {
        server = EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("synchronous_commit", "on")
                .start();
        pool = new ConnectionPool(ConnectionPoolConfiguration.builder(ConnectionFactories.get(
                        "r2dbc:postgresql://postgres@localhost:" + server.getPort() + "/postgres"))
                .initialSize(10)
                .maxSize(10)
                .build());
        events = R2dbcEventChannel.builder(pool)
                .backend(BackendType.TABLE_QUEUE)
                .retention(Duration.ZERO)
                .build();
        EventSchema.of(events).migrate().block();
    }

    /**
     * Stops all.
     *
     * @throws IOException if the server does not stop
     */
    @TearDown(Level.Trial)
    public void stop() throws IOException {
        events.shutdown().block();
        pool.dispose();
        server.close();
    }

    /** Runs SQL beside the library. */
    void execute(String sql) {
        Flux.usingWhen(
                        pool.create(),
                        connection -> Flux.from(connection.createStatement(sql).execute())
                                .flatMap(Result::getRowsUpdated),
                        Connection::close)
                .blockLast();
    }
}
