package dev.reactiveevents.engine;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.EventObserver.Count;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.Logger;
import reactor.util.Loggers;

/** The channel over a broadcast: every subscriber hears everything, nothing is kept or settled. */
final class BroadcastChannel implements EventChannel {

    private static final Logger LOG = Loggers.getLogger(BroadcastChannel.class);

    private final BroadcastBackend backend;
    private final ChannelOptions options;
    private final LongConsumer onMissed;
    private final EngineTime time = EngineTime.system();
    private final PayloadCodec codec;
    private final Observed observed;
    private final EventWriter writer;
    private final Set<BroadcastSubscription> subscriptions = ConcurrentHashMap.newKeySet();
    private final Listeners listeners;
    private final Mono<Void> shutdown;
    private volatile boolean closed;

    BroadcastChannel(BroadcastBackend backend, ChannelOptions options, LongConsumer onMissed) {
        this.backend = backend;
        this.options = options;
        this.onMissed = onMissed;
        this.codec = new PayloadCodec(options.jsonMapper());
        this.observed = new Observed(options.observer(), Count.PUBLISH_NATIVE, codec);
        this.writer = new EventWriter(backend, codec, options.publishTimeout(), time, channels -> {}, observed);
        this.listeners = new Listeners(backend, options, time, this::subscribe, observed);
        this.shutdown = Mono.defer(this::end).cache();
    }

    @Override
    public Mono<String> publish(Event event) {
        return writer.publish(event);
    }

    @Override
    public Mono<List<String>> publishAll(Collection<Event> events) {
        return writer.publishAll(events);
    }

    @Override
    public Flux<String> publishAll(Publisher<Event> events) {
        return writer.publishAll(events);
    }

    @Override
    public Flux<EventMessage> subscribe(Collection<String> channels, SubscribeOptions subscribeOptions) {
        return Subscribing.to(backend, channels, subscribeOptions, this::start);
    }

    private void start(
            CoreSubscriber<? super EventMessage> downstream, List<String> channels, SubscribeOptions subscribeOptions) {
        Integer own = subscribeOptions.prefetch();
        BroadcastSubscription subscription = new BroadcastSubscription(
                downstream,
                channels,
                subscribeOptions.withOnMissed(onMissed.andThen(subscribeOptions.onMissed())),
                backend,
                codec,
                own != null ? own : options.prefetch(),
                observed,
                subscriptions::remove);
        downstream.onSubscribe(subscription);
        subscriptions.add(subscription);
        if (closed) {
            subscription.end(
                    new EventException.Closed("A subscription was asked for on a channel that has been shut down."));
        } else {
            subscription.listen();
        }
        if (subscription.isOver()) {
            subscriptions.remove(subscription);
        }
    }

    @Override
    public Mono<EventMessage> receive(String channel, Duration timeout) {
        return Receiving.oneOf(channel, one -> subscribe(channel, one), timeout, options.publishTimeout(), time);
    }

    @Override
    public EventListener listen(String channel, EventHandler handler, ListenOptions listenOptions) {
        if (closed) {
            throw new EventException.Closed("A listener was asked for on a channel that has been shut down.");
        }
        return listeners.listen(channel, handler, listenOptions);
    }

    @Override
    public Mono<Boolean> stopListener(String id) {
        return listeners.stop(id);
    }

    @Override
    public Mono<Boolean> ack(String eventId) {
        return nothingIsOpen(eventId);
    }

    @Override
    public Mono<Boolean> nack(String eventId) {
        return nothingIsOpen(eventId);
    }

    /** An event is in as many hands as there are subscribers, and none is waited for. */
    private static Mono<Boolean> nothingIsOpen(@Nullable String eventId) {
        try {
            EventChannel.requireValidId(eventId);
            return Mono.just(false);
        } catch (EventException.Invalid invalid) {
            return Mono.error(invalid);
        }
    }

    @Override
    public boolean allowsBlocking() {
        return options.blocking();
    }

    @Override
    public int prefetch() {
        return options.prefetch();
    }

    @Override
    public Mono<Boolean> withdraw(String eventId) {
        return Mono.error(Upkeep.unsupported("The withdrawal of event " + eventId + " was", backend.name()));
    }

    @Override
    public DeadLetters deadLetters(String channel) {
        throw Upkeep.unsupported("Dead letters of channel \"" + channel + "\" were", backend.name());
    }

    @Override
    public Inspection inspect() {
        throw Upkeep.unsupported("An inspection was", backend.name());
    }

    ChannelTotals totals() {
        return observed.totals();
    }

    @Override
    public Mono<Void> shutdown() {
        return shutdown;
    }

    private Mono<Void> end() {
        closed = true;
        subscriptions.forEach(subscription -> subscription.end(null));
        return Mono.when(writer.close(), listeners.ended())
                .timeout(options.shutdownTimeout())
                .onErrorResume(late -> {
                    listeners.stopHandlers();
                    writer.abort(new EventException.OutcomeUnknown(
                            "The channel was shut down before the database answered; it may or may not have been done.",
                            null));
                    return Mono.empty();
                })
                .then(Mono.defer(() -> backend.shutdown().timeout(Shutdown.GRACE)))
                .onErrorResume(failure -> {
                    LOG.warn("The backend {} did not end in time or failed: {}", backend.name(), failure.toString());
                    return Mono.empty();
                });
    }
}
