package dev.reactiveevents.test;

import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.StoreUpkeep;
import java.util.List;
import java.util.Set;
import reactor.core.publisher.Mono;

/** A backend over another one, for subclasses that change one thing. */
abstract class ForwardingBackend implements EventBackend {

    private final EventBackend backend;

    ForwardingBackend(EventBackend backend) {
        this.backend = backend;
    }

    @Override
    public String name() {
        return backend.name();
    }

    @Override
    public Set<Capability> capabilities() {
        return backend.capabilities();
    }

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        return backend.publish(events);
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim) {
        return backend.claim(claim);
    }

    @Override
    public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
        return backend.settle(settlements);
    }

    @Override
    public StoreUpkeep upkeep() {
        return backend.upkeep();
    }

    @Override
    public Mono<Void> shutdown() {
        return backend.shutdown();
    }
}
