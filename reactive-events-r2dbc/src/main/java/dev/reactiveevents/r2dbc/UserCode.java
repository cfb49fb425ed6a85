package dev.reactiveevents.r2dbc;

import java.util.Objects;
import java.util.function.Supplier;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;

/** Calls what users have written. */
final class UserCode {

    private static final Logger LOG = Loggers.getLogger(UserCode.class);

    private UserCode() {}

    /**
     * Whatever it throws is an error of what it answers: Reactor would throw what it takes for fatal, a missing class for one,
     * past whoever waits for the end. What is thrown when it is cancelled is logged: the rollback behind that would not begin.
     *
     * @param work the code
     * @param ifNull the message of the error if it answers null
     */
    static <T> Flux<T> call(Supplier<? extends Publisher<? extends T>> work, String ifNull) {
        try {
            Flux<T> called = Flux.from(Objects.requireNonNull(work.get(), ifNull));
            return called.transform(
                    Operators.<T, T>liftPublisher((publisher, subscriber) -> new Cancellable<>(subscriber)));
        } catch (Throwable thrown) {
            return UserCode.<T>failed(thrown).flux();
        }
    }

    /** Its failure; hidden, or operators would take it for a constant, and throw it again. */
    static <T> Mono<T> failed(Throwable failure) {
        return Mono.<T>error(failure).hide();
    }

    /** Passes everything on, and is cancelled without fail. */
    private static final class Cancellable<T> implements CoreSubscriber<T>, Subscription {

        private final CoreSubscriber<? super T> subscriber;
        private volatile Subscription work = Operators.emptySubscription();

        Cancellable(CoreSubscriber<? super T> subscriber) {
            this.subscriber = subscriber;
        }

        @Override
        public Context currentContext() {
            return subscriber.currentContext();
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            work = subscription;
            subscriber.onSubscribe(this);
        }

        @Override
        public void onNext(T value) {
            subscriber.onNext(value);
        }

        @Override
        public void onError(Throwable error) {
            subscriber.onError(error);
        }

        @Override
        public void onComplete() {
            subscriber.onComplete();
        }

        @Override
        public void request(long count) {
            work.request(count);
        }

        @Override
        public void cancel() {
            try {
                work.cancel();
            } catch (Throwable thrown) {
                log(thrown);
            }
        }

        /** It may keep the logger from telling what it is. */
        private static void log(Throwable thrown) {
            try {
                LOG.warn("Work in a transaction could not be cancelled.", thrown);
            } catch (Throwable unspeakable) {
                LOG.warn(
                        "Work in a transaction could not be cancelled: {}",
                        thrown.getClass().getName());
            }
        }
    }
}
