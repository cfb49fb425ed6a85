package dev.reactiveevents.engine;

import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Tells when a count has come down to zero, once somebody waits for that. */
final class Drained {

    private record Wait(IntSupplier count, Sinks.Empty<Void> sink) {}

    private volatile @Nullable Wait wait;

    Mono<Void> whenZero(IntSupplier count) {
        return Mono.defer(() -> {
            Wait current = new Wait(count, Sinks.empty());
            wait = current;
            check();
            return current.sink().asMono();
        });
    }

    /** To be called whenever the count may have become zero. */
    void check() {
        Wait current = wait;
        if (current != null && current.count().getAsInt() <= 0) {
            current.sink().tryEmitEmpty();
        }
    }
}
