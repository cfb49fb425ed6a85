package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;

class PostgresTableQueueWithoutRetentionContractTest extends EventChannelContract {

    private static final PostgresQueue QUEUE = new PostgresQueue();
    private static final ConnectionPool POOL = QUEUE.pool("contract", 10);

    @AfterAll
    static void close() {
        QUEUE.close();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return Channels.tableQueue(POOL, options)
                .queueTable(QUEUE.table())
                .retention(Duration.ZERO)
                .build();
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.complementOf(EnumSet.of(Capability.RETENTION));
    }
}
