package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import io.r2dbc.pool.ConnectionPool;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;

class PostgresListenNotifyContractTest extends EventChannelContract {

    private static final PostgresQueue QUEUE = new PostgresQueue();
    private static final ConnectionPool POOL = QUEUE.pool("contract", 10);

    @AfterAll
    static void close() {
        QUEUE.close();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return R2dbcEventChannel.builder(POOL)
                .backend(BackendType.LISTEN_NOTIFY)
                .prefetch(options.prefetch())
                .publishTimeout(options.publishTimeout())
                .shutdownTimeout(options.shutdownTimeout())
                .jsonMapper(options.jsonMapper())
                .observer(options.observer())
                .build();
    }

    @Override
    protected Set<Capability> capabilities() {
        return Set.of();
    }
}
