package dev.reactiveevents.r2dbc;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import dev.reactiveevents.test.Uncommitted;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import reactor.core.publisher.Mono;

class MySqlContractTest extends EventChannelContract {

    private static MySqlQueue queue;

    @BeforeAll
    static void start() {
        if (MySqlServer.isThere()) {
            queue = new MySqlQueue(MySqlServer.freshDatabase());
        }
    }

    /** Here, so that each test is told as skipped, and why: a class that is skipped as a whole leaves no word of it. */
    @BeforeEach
    void requireServer() {
        MySqlServer.url();
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
    protected Mono<Uncommitted> publishUncommitted(EventChannel events, Event event) {
        return OpenTransaction.publish(queue.pool(), events, event);
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.allOf(Capability.class);
    }
}
