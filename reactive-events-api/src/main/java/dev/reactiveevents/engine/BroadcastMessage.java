package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.ClaimedEvent;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** An event of which nobody keeps anything: there is nothing to settle, and nothing that could bring it again. */
final class BroadcastMessage extends ReceivedEvent {

    private final PayloadCodec codec;
    private final String backend;

    BroadcastMessage(ClaimedEvent event, PayloadCodec codec, String backend) {
        super(event);
        this.codec = codec;
        this.backend = backend;
    }

    @Override
    PayloadCodec codec() {
        return codec;
    }

    @Override
    public boolean isLeaseLost() {
        return false;
    }

    @Override
    public Mono<Boolean> ack() {
        return Mono.just(true);
    }

    @Override
    public Mono<Boolean> nack() {
        return Mono.just(true);
    }

    @Override
    public Mono<Boolean> nack(Duration delay) {
        return unsupported("given back with a delay of " + delay);
    }

    @Override
    public Mono<Boolean> reject(String reason) {
        return unsupported("made a dead letter");
    }

    @Override
    public Mono<Boolean> extend(Duration duration) {
        return unsupported("leased for " + duration + " more");
    }

    @Override
    public Mono<Boolean> release() {
        return Mono.just(true);
    }

    private Mono<Boolean> unsupported(String what) {
        return Mono.error(new EventException.Unsupported("Event " + eventId() + " was to be " + what + ", but "
                + backend + " keeps no events; choose a durable backend for that, or leave it out."));
    }
}
