package dev.reactiveevents.test;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.StoreUpkeep;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/**
 * A store of events in memory, with everything that a database does but durability. For unit tests:
 *
 * <pre>{@code
 * EventChannel events = InMemoryBackend.create().channel();
 * }</pre>
 *
 * <p>Channels made from the same backend share its events, as processes share a database; shutting one down leaves the
 * others as they are. It answers on the thread that asks.
 */
public final class InMemoryBackend implements EventBackend {

    private final InMemoryStore store;

    private InMemoryBackend(InMemoryStore store) {
        this.store = store;
    }

    /** {@return an empty store by the system's clock that keeps acknowledged events for a day} */
    public static InMemoryBackend create() {
        return create(Instant::now, Duration.ofDays(1));
    }

    /**
     * An empty store with a time of its own. For virtual time, give that of the scheduler: {@code () ->
     * Instant.ofEpochMilli(scheduler.now(MILLISECONDS))}.
     *
     * @param clock what time it is; must not block. A time before one told earlier is ignored
     * @param retention how long acknowledged events are kept; with zero, acknowledging deletes
     * @return the store
     */
    public static InMemoryBackend create(Supplier<Instant> clock, Duration retention) {
        return new InMemoryBackend(new InMemoryStore(clock, retention, null));
    }

    /**
     * An empty store as by {@link #create(Supplier, Duration)} that forgets dead letters too.
     *
     * @param clock what time it is
     * @param retention how long acknowledged events are kept
     * @param deadRetention how long dead letters are kept
     * @return the store
     */
    public static InMemoryBackend create(Supplier<Instant> clock, Duration retention, Duration deadRetention) {
        return new InMemoryBackend(new InMemoryStore(clock, retention, deadRetention));
    }

    /** {@return a new channel over this store, with the default options} */
    public EventChannel channel() {
        return channel(ChannelOptions.defaults());
    }

    /**
     * A new channel over this store.
     *
     * @param options how the channel works
     * @return the channel
     */
    public EventChannel channel(ChannelOptions options) {
        return EventChannels.over(this, options);
    }

    @Override
    public String name() {
        return "in-memory";
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.complementOf(EnumSet.of(Capability.DURABLE));
    }

    @Override
    public Mono<Void> publish(List<NewEvent> events) {
        return Mono.fromRunnable(() -> store.publish(events));
    }

    @Override
    public Mono<List<Claimed>> claim(Claim claim) {
        return Mono.fromSupplier(() -> store.claim(claim));
    }

    @Override
    public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
        return Mono.fromSupplier(() -> store.settle(settlements));
    }

    @Override
    public StoreUpkeep upkeep() {
        return new InMemoryUpkeep(store);
    }

    /** {@inheritDoc} Nothing to do here: the store lives as long as somebody refers to it. */
    @Override
    public Mono<Void> shutdown() {
        return Mono.empty();
    }
}
