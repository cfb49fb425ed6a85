package dev.reactiveevents.r2dbc;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import dev.reactiveevents.test.Uncommitted;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import reactor.core.publisher.Mono;

class PostgresTableQueueContractTest extends EventChannelContract {

    private static final PostgresQueue QUEUE = new PostgresQueue();
    private static final ConnectionPool POOL = QUEUE.pool("contract", 10);

    @AfterAll
    static void close() {
        QUEUE.close();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return Channels.tableQueue(POOL, options).queueTable(QUEUE.table()).build();
    }

    @Override
    protected Mono<EventChannel> openForgetting(ChannelOptions options, Duration retention, Duration deadRetention) {
        return Mono.just(Channels.tableQueue(POOL, options)
                .queueTable(QUEUE.table())
                .retention(retention)
                .deadRetention(deadRetention)
                .build());
    }

    @Override
    protected Mono<Uncommitted> publishUncommitted(EventChannel events, Event event) {
        return OpenTransaction.publish(POOL, events, event);
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.allOf(Capability.class);
    }
}
