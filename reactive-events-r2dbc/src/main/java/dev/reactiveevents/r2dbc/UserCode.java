package dev.reactiveevents.r2dbc;

import java.util.Objects;
import java.util.function.Supplier;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Calls what users have written. */
final class UserCode {

    private UserCode() {}

    /**
     * Whatever it throws is an error of what it answers: Reactor would throw what it takes for fatal, a missing class for one,
     * past whoever waits for the end.
     *
     * @param work the code
     * @param ifNull the message of the error if it answers null
     */
    static <T> Flux<T> call(Supplier<? extends Publisher<? extends T>> work, String ifNull) {
        try {
            return Flux.from(Objects.requireNonNull(work.get(), ifNull));
        } catch (Throwable thrown) {
            return UserCode.<T>failed(thrown).flux();
        }
    }

    /** Its failure; hidden, or operators would take it for a constant, and throw it again. */
    static <T> Mono<T> failed(Throwable failure) {
        return Mono.<T>error(failure).hide();
    }
}
