package dev.reactiveevents.r2dbc;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventChannelContract;
import dev.reactiveevents.test.Uncommitted;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import reactor.core.publisher.Mono;

class H2TableQueueContractTest extends EventChannelContract {

    private static final ConnectionFactory DATABASE =
            ConnectionFactories.get("r2dbc:h2:mem:///contract?options=DB_CLOSE_DELAY=-1");

    @BeforeAll
    static void migrate() {
        EventSchema.of(Channels.tableQueue(DATABASE).build()).migrate().block();
    }

    @Override
    protected EventChannel open(ChannelOptions options) {
        return Channels.tableQueue(DATABASE, options).build();
    }

    @Override
    protected Mono<EventChannel> openForgetting(ChannelOptions options, Duration retention, Duration deadRetention) {
        return Mono.just(Channels.tableQueue(DATABASE, options)
                .retention(retention)
                .deadRetention(deadRetention)
                .build());
    }

    @Override
    protected Mono<Uncommitted> publishUncommitted(EventChannel events, Event event) {
        return OpenTransaction.publish(DATABASE, events, event);
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.complementOf(EnumSet.of(Capability.DURABLE));
    }
}
