package dev.reactiveevents.r2dbc;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Flux;

/** A queue table in a database of a test's own on a MySQL or MariaDB server, and what a test does behind the library's back. */
final class MySqlQueue implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    static final String TABLE = "reactive_event_queue";

    private final String url;
    private final TestDatabase database;
    private final ConnectionPool pool;
    private final List<R2dbcEventChannel> channels = new ArrayList<>();

    MySqlQueue(String url) {
        this.url = url;
        this.database = new TestDatabase(ConnectionFactories.get(url));
        this.pool = database.pool(10);
        EventSchema.of(Channels.tableQueue(pool).build()).migrate().block(LIMIT);
    }

    static MySqlQueue onMariaDb() {
        return new MySqlQueue(MariaDbServer.freshDatabase());
    }

    String url() {
        return url;
    }

    TestDatabase database() {
        return database;
    }

    ConnectionPool pool() {
        return pool;
    }

    /** A channel as a user builds it, but for a short shutdown. */
    R2dbcEventChannelBuilder builder() {
        return Channels.tableQueue(pool).shutdownTimeout(Duration.ofMillis(200));
    }

    R2dbcEventChannel open() {
        return open(builder());
    }

    /** Shut down when the queue is closed. */
    R2dbcEventChannel open(R2dbcEventChannelBuilder builder) {
        R2dbcEventChannel channel = builder.build();
        channels.add(channel);
        return channel;
    }

    @Override
    public void close() {
        Flux.fromIterable(channels).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
        pool.disposeLater().block(LIMIT);
    }
}
