package dev.reactiveevents.r2dbc;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import dev.reactiveevents.test.Uncommitted;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import reactor.core.publisher.Mono;

class MariaDbContractTest extends EventChannelContract {

    private static MySqlQueue queue;

    @BeforeAll
    static void start() {
        queue = new MySqlQueue(MariaDbServer.freshDatabase());
    }

    @AfterAll
    static void close() {
        if (queue != null) {
            queue.close();
        }
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return Channels.tableQueue(queue.pool(), options).build();
    }

    @Override
    protected Mono<EventChannel> openForgetting(ChannelOptions options, Duration retention, Duration deadRetention) {
        return Mono.just(Channels.tableQueue(queue.pool(), options)
                .retention(retention)
                .deadRetention(deadRetention)
                .build());
    }

    @Override
    protected Mono<Uncommitted> publishUncommitted(EventChannel events, Event event) {
        return OpenTransaction.publish(queue.pool(), events, event);
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.allOf(Capability.class);
    }
}
