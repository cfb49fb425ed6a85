package dev.reactiveevents.test;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import reactor.core.publisher.Mono;

class InMemoryContractTest extends EventChannelContract {

    private final InMemoryBackend backend = InMemoryBackend.create();

    @Override
    protected EventChannel open(ChannelOptions options) {
        return backend.channel(options);
    }

    @Override
    protected Mono<EventChannel> openForgetting(ChannelOptions options, Duration retention, Duration deadRetention) {
        return Mono.just(
                InMemoryBackend.create(Instant::now, retention, deadRetention).channel(options));
    }

    @Override
    protected Set<Capability> capabilities() {
        return backend.capabilities();
    }
}
