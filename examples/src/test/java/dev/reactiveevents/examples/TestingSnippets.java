package dev.reactiveevents.examples;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.test.EventChannelContract;
import dev.reactiveevents.test.InMemoryBackend;
import java.util.Set;

/** Code of docs/testing.md that is compiled and not run: the contract of the backend in memory is tested where that lives. */
final class TestingSnippets {

    private TestingSnippets() {}

    static class MyBackendContractTest extends EventChannelContract {

        private final EventBackend backend = InMemoryBackend.create(); // yours

        @Override
        protected EventChannel open(ChannelOptions options) {
            return EventChannels.over(backend, options);
        }

        @Override
        protected Set<Capability> capabilities() {
            return backend.capabilities();
        }
    }
}
