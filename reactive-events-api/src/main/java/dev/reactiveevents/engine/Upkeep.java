package dev.reactiveevents.engine;

import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.StoreUpkeep;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The door to what is stored, beside the way of an event: for backends that have it, and while the channel is not shut down. */
final class Upkeep {

    private final EventBackend backend;
    private final PayloadCodec codec;
    private final Consumer<Set<String>> wake;
    private final BooleanSupplier closed;

    Upkeep(EventBackend backend, PayloadCodec codec, Consumer<Set<String>> wake, BooleanSupplier closed) {
        this.backend = backend;
        this.codec = codec;
        this.wake = wake;
        this.closed = closed;
    }

    DeadLetters deadLetters(String channel) {
        EventChannel.requireValidName(channel);
        require(Capability.DEAD_LETTERS, "Dead letters of channel \"" + channel + "\" were");
        return new StoredDeadLetters(channel, this, codec);
    }

    Inspection inspect() {
        require(Capability.UPKEEP, "An inspection was");
        return new StoreInspection(this);
    }

    /** A successor with the same key may be free by it. */
    Mono<Boolean> withdraw(@Nullable String eventId) {
        UUID id;
        try {
            id = EventChannel.requireValidId(eventId);
            require(Capability.UPKEEP, "The withdrawal of event " + id + " was");
        } catch (EventException refused) {
            return Mono.error(refused);
        }
        return one("Withdrawing event " + id, store -> store.withdraw(id))
                .doOnNext(this::wake)
                .hasElement();
    }

    private void require(Capability capability, String asked) {
        if (!backend.capabilities().contains(capability)) {
            throw unsupported(asked, backend.name());
        }
    }

    static EventException.Unsupported unsupported(String asked, String backend) {
        return new EventException.Unsupported(asked + " asked of " + backend
                + ", which cannot look into what is stored; choose a durable backend such as table_queue.");
    }

    void wake(String channel) {
        wake.accept(Set.of(channel));
    }

    <T> Mono<T> one(String attempted, Function<StoreUpkeep, Mono<T>> work) {
        return Mono.defer(() -> closed.getAsBoolean() ? Mono.error(closed(attempted)) : work.apply(backend.upkeep()));
    }

    <T> Flux<T> many(String attempted, Function<StoreUpkeep, Flux<T>> work) {
        return Flux.defer(() -> closed.getAsBoolean() ? Flux.error(closed(attempted)) : work.apply(backend.upkeep()));
    }

    private static EventException.Closed closed(String attempted) {
        return new EventException.Closed(attempted + " was asked of a channel that has been shut down.");
    }
}
