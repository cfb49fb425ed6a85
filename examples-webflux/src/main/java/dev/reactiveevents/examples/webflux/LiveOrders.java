package dev.reactiveevents.examples.webflux;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Orders that ship, for everybody who looks. Events of a table go to one subscriber each, so that all viewers of this process
 * share one subscription: it begins with the first and is cancelled when the last one leaves. Meanwhile events wait in the table.
 */
@Component
class LiveOrders {

    /** How far a viewer may fall behind before it is cut off; the browser connects again by itself. */
    static final int BEHIND = 1_024;

    private final Flux<Order> shared;
    private final AtomicInteger viewers = new AtomicInteger();
    private final Sinks.Empty<Void> closing = Sinks.empty();

    LiveOrders(EventChannel events) {
        this.shared =
                events.subscribe("orders.shipped").concatMap(LiveOrders::taken).share();
    }

    private static Mono<Order> taken(EventMessage message) {
        return message.ack().map(acknowledged -> message.payloadAs(Order.class));
    }

    /** Each viewer gets orders as it asks for them; one that does not keep up slows nobody else. */
    Flux<Order> orders() {
        return shared.onBackpressureBuffer(BEHIND)
                .takeUntilOther(closing.asMono())
                .doOnSubscribe(viewer -> viewers.incrementAndGet())
                .doFinally(end -> viewers.decrementAndGet());
    }

    int viewers() {
        return viewers.get();
    }

    /** Streams that never end would keep the web server from ending. */
    @EventListener(ContextClosedEvent.class)
    void close() {
        closing.tryEmitEmpty();
    }
}
