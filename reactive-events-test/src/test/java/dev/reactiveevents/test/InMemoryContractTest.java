package dev.reactiveevents.test;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import java.util.Set;

class InMemoryContractTest extends EventChannelContract {

    private final InMemoryBackend backend = InMemoryBackend.create();

    @Override
    protected EventChannel open(ChannelOptions options) {
        return backend.channel(options);
    }

    @Override
    protected Set<Capability> capabilities() {
        return backend.capabilities();
    }
}
