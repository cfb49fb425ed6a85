package dev.reactiveevents.engine;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.EventObserver.Count;
import dev.reactiveevents.spi.NewEvent;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The channel over any backend: checks what it is asked, and hands it to the writer or the dequeuer. */
final class BackendChannel implements EventChannel {

    private final EventBackend backend;
    private final ChannelOptions options;
    private final EngineTime time;
    private final EventWriter writer;
    private final Dequeuer dequeuer;
    private final Listeners listeners;
    private final Shutdown shutdown;
    private final Upkeep upkeep;

    BackendChannel(EventBackend backend, ChannelOptions options) {
        this(backend, options, EngineTime.system());
    }

    BackendChannel(EventBackend backend, ChannelOptions options, EngineTime time) {
        this.backend = backend;
        this.options = options;
        this.time = time;
        PayloadCodec codec = new PayloadCodec(options.jsonMapper());
        Observed observed = new Observed(options.observer(), Count.PUBLISH, codec);
        Settler settler = new Settler(backend, options.lease(), time);
        this.dequeuer = new Dequeuer(backend, options, codec, settler, time, observed);
        this.writer = new EventWriter(backend, codec, options.publishTimeout(), time, dequeuer::wake, observed);
        this.listeners = new Listeners(backend, options, time, this::subscribe, observed);
        this.shutdown = new Shutdown(backend, options.shutdownTimeout(), time, writer, dequeuer, listeners, settler);
        this.upkeep = new Upkeep(backend, codec, dequeuer::wake, shutdown::hasBegun);
    }

    // == Publishing ==

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

    EventPublisher publisherElsewhere(Function<List<NewEvent>, Mono<Void>> write) {
        return new PublisherElsewhere(writer, write);
    }

    void wake(Set<String> channels) {
        dequeuer.wake(channels);
    }

    // == Receiving ==

    @Override
    public Flux<EventMessage> subscribe(Collection<String> channels, SubscribeOptions subscribeOptions) {
        return Subscribing.to(backend, channels, subscribeOptions, this::start);
    }

    static Set<String> validNames(@Nullable Collection<String> channels) {
        if (channels == null || channels.isEmpty()) {
            throw new EventException.Invalid("A subscription was asked for without a channel; name at least one.");
        }
        Set<String> names = new LinkedHashSet<>();
        channels.forEach(channel -> names.add(EventChannel.requireValidName(channel)));
        return names;
    }

    private void start(
            CoreSubscriber<? super EventMessage> downstream, List<String> channels, SubscribeOptions subscribeOptions) {
        EventSubscription subscription = new EventSubscription(downstream, channels, subscribeOptions, dequeuer);
        downstream.onSubscribe(subscription);
        dequeuer.add(subscription);
        if (shutdown.hasBegun()) {
            subscription.end(
                    new EventException.Closed("A subscription was asked for on a channel that has been shut down."));
        }
    }

    @Override
    public Mono<EventMessage> receive(String channel, Duration timeout) {
        return Receiving.oneOf(
                channel, options -> subscribe(channel, options), timeout, options.publishTimeout(), time);
    }

    // == Listening ==

    @Override
    public EventListener listen(String channel, EventHandler handler, ListenOptions listenOptions) {
        if (shutdown.hasBegun()) {
            throw new EventException.Closed("A listener was asked for on a channel that has been shut down.");
        }
        return listeners.listen(channel, handler, listenOptions);
    }

    @Override
    public Mono<Boolean> stopListener(String id) {
        return listeners.stop(id);
    }

    /** All are said before any is sent. Who asked is told only then: it may block. */
    @Override
    public Mono<List<Boolean>> ackAll(Collection<EventMessage> messages) {
        Mono<List<Boolean>> answers = EventChannel.super.ackAll(messages);
        return messages == null
                ? answers
                : Mono.defer(() -> {
                    dequeuer.settler().gather();
                    try {
                        messages.forEach(message -> message.ack().subscribe(acked -> {}, error -> {}));
                    } finally {
                        dequeuer.settler().gathered();
                    }
                    return answers;
                });
    }

    // == Settling by id ==

    @Override
    public Mono<Boolean> ack(String eventId) {
        return settle(eventId, EventMessage::ack);
    }

    @Override
    public Mono<Boolean> nack(String eventId) {
        return settle(eventId, EventMessage::nack);
    }

    private Mono<Boolean> settle(@Nullable String eventId, Function<EventMessage, Mono<Boolean>> outcome) {
        UUID id;
        try {
            id = EventChannel.requireValidId(eventId);
        } catch (EventException.Invalid invalid) {
            return Mono.error(invalid);
        }
        return Mono.defer(() -> {
            Delivery delivery = dequeuer.deliveries().handedOver(id, time.nanos());
            return delivery == null ? Mono.just(false) : outcome.apply(delivery);
        });
    }

    boolean delivered(Delivery delivery) {
        return delivery.owner().deliveries() == dequeuer.deliveries();
    }

    // == What is stored ==

    @Override
    public Mono<Boolean> withdraw(String eventId) {
        return upkeep.withdraw(eventId);
    }

    @Override
    public DeadLetters deadLetters(String channel) {
        return upkeep.deadLetters(channel);
    }

    @Override
    public Inspection inspect() {
        return upkeep.inspect();
    }

    ChannelTotals totals() {
        return dequeuer.observed().totals();
    }

    // == Ending ==

    @Override
    public boolean allowsBlocking() {
        return options.blocking();
    }

    @Override
    public int prefetch() {
        return options.prefetch();
    }

    @Override
    public Mono<Void> shutdown() {
        return shutdown.run();
    }

    static EventException.Invalid nothing(String what) {
        return new EventException.Invalid("The " + what + " was null; give a value.");
    }
}
