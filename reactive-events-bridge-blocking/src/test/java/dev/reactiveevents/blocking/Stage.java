package dev.reactiveevents.blocking;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.test.InMemoryBackend;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import reactor.core.publisher.Flux;

/** Events in one place, and the channels that a test opens on them. */
final class Stage implements AutoCloseable {

    static final Duration LIMIT = Duration.ofSeconds(60);

    static final ChannelOptions OPTIONS = ChannelOptions.defaults()
            .withLease(Duration.ofMinutes(2))
            .withPollInterval(Duration.ofMillis(100))
            .withShutdownTimeout(Duration.ofMillis(200));

    /** Where events may be. */
    enum Place {
        IN_MEMORY,
        H2,
        POSTGRES;

        Stage open() {
            return switch (this) {
                case IN_MEMORY -> inMemory();
                case H2 -> h2();
                case POSTGRES -> postgres();
            };
        }
    }

    private final Function<ChannelOptions, EventChannel> door;
    private final Runnable end;
    private final List<EventChannel> opened = new ArrayList<>();

    private Stage(Function<ChannelOptions, EventChannel> door, Runnable end) {
        this.door = door;
        this.end = end;
    }

    static Stage inMemory() {
        InMemoryBackend backend = InMemoryBackend.create();
        return new Stage(backend::channel, () -> {});
    }

    static Stage h2() {
        return migrated(ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1"));
    }

    static Stage postgres() {
        return migrated(ConnectionFactories.get(PostgresServer.freshDatabase()));
    }

    static Stage migrated(ConnectionFactory database) {
        Stage stage = on(database);
        EventSchema.of((R2dbcEventChannel) stage.open()).migrate().block(LIMIT);
        return stage;
    }

    /** Without a table. */
    static Stage on(ConnectionFactory database) {
        ConnectionPool pool = new ConnectionPool(ConnectionPoolConfiguration.builder(database)
                .initialSize(0)
                .maxSize(10)
                .build());
        return new Stage(options -> tableQueue(pool, options), () -> dispose(pool));
    }

    /** To take leave of a server over a connection that a test has cut fails, if the driver has not heard of the cut yet. */
    private static void dispose(ConnectionPool pool) {
        pool.disposeLater().onErrorComplete().block(LIMIT);
    }

    private static R2dbcEventChannel tableQueue(ConnectionFactory database, ChannelOptions options) {
        return R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .lease(options.lease())
                .pollInterval(options.pollInterval())
                .retryPolicy(options.retryPolicy())
                .maxAttempts(options.maxAttempts())
                .shutdownTimeout(options.shutdownTimeout())
                .prefetch(options.prefetch())
                .build();
    }

    EventChannel open() {
        return open(OPTIONS);
    }

    EventChannel open(ChannelOptions options) {
        EventChannel events = door.apply(options);
        opened.add(events);
        return events;
    }

    BlockingEventChannel blocking() {
        return BlockingEventChannel.of(open(), BlockingOptions.defaults().withTimeout(LIMIT));
    }

    @Override
    public void close() {
        Flux.fromIterable(opened).flatMap(EventChannel::shutdown).blockLast(LIMIT);
        end.run();
    }
}
