package dev.reactiveevents.engine;

import dev.reactiveevents.EventListener.Counts;
import dev.reactiveevents.ListenOptions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.SignalType;
import reactor.util.Logger;
import reactor.util.Loggers;
import reactor.util.context.Context;

/** What becomes of an event whose handler has ended. An outcome that the handler has said itself is left as it is. */
final class Outcomes implements Handling.End {

    private static final Logger LOG = Loggers.getLogger(Outcomes.class);

    private final Listener listener;
    private final ListenOptions options;
    private final LongAdder handled = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder timedOut = new LongAdder();

    Outcomes(Listener listener, ListenOptions options) {
        this.listener = listener;
        this.options = options;
    }

    Counts counts(int handling, Tally tally) {
        return new Counts(
                handling,
                handled.sum(),
                failed.sum(),
                timedOut.sum(),
                tally.acked(),
                tally.retried(),
                tally.dead(),
                tally.lost());
    }

    @Override
    public void completed(Handling handling) {
        handled.increment();
        conclude(handling, options.autoAck() ? Delivery::ack : null);
    }

    @Override
    public void failed(Handling handling, Throwable error) {
        failed.increment();
        Throwable failure = Exceptions.unwrap(error);
        if (!(handling.message() instanceof Delivery)) {
            Reasons.log(
                    failure,
                    told -> LOG.warn(
                            "The handler of {} failed. The event does not come again.", handling.message(), told));
        }
        conclude(handling, delivery -> fail(delivery, failure));
    }

    @Override
    public void tookTooLong(Handling handling) {
        timedOut.increment();
        TimeoutException late = new TimeoutException(
                "The handler took longer than " + options.maxProcessingTime() + " and was cancelled");
        LOG.warn("{}: {}.", late.getMessage(), handling.message()); // also if it had said its outcome before
        // settled, because a lapse says that nobody was there to do so, and would make a suspect of it
        conclude(handling, delivery -> delivery.takeBack(Mono.defer(() -> fail(delivery, late))));
    }

    @Override
    public void wasStopped(Handling handling) {
        conclude(handling, Delivery::giveBack);
    }

    @Override
    public void neverBegan(Handling handling) {
        conclude(handling, Delivery::release);
    }

    /**
     * Says the outcome first, so that it does not wait for the next event's handler to begin; then the slot is free, whatever
     * happens.
     */
    private void conclude(Handling handling, @Nullable Function<Delivery, Mono<Boolean>> outcome) {
        try {
            if (outcome != null && handling.message() instanceof Delivery delivery) {
                if (delivery.isDecided()) {
                    delivery.letLapse(); // if that is not stored nobody is left to say it again
                } else if (listener.begin()) {
                    say(outcome, new Answer(delivery, handling));
                }
            }
        } finally {
            listener.handlerHasEnded(handling);
        }
    }

    private static void say(Function<Delivery, Mono<Boolean>> outcome, Answer answer) {
        try {
            outcome.apply(answer.delivery).subscribe(answer);
        } catch (Throwable thrown) { // by a stack that is full, as it may be after a handler that failed by that
            answer.onError(thrown);
        }
    }

    private static Mono<Boolean> fail(Delivery delivery, Throwable failure) {
        Optional<Duration> again;
        try {
            again = delivery.comesAgainAfter(failure);
        } catch (Throwable thrown) {
            return Mono.error(thrown);
        }
        String reason = Reasons.of(failure);
        if (again.isPresent()) {
            LOG.warn("The handler of {} failed, it comes again after {}: {}", delivery, again.get(), reason);
            Reasons.log(failure, told -> LOG.debug("The handler of {} failed.", delivery, told));
        } else {
            Reasons.log(
                    failure, told -> LOG.error("The handler of {} failed, it becomes a dead letter.", delivery, told));
        }
        return delivery.failed(again, reason);
    }

    /** Waits for what the database says of an outcome. */
    private final class Answer extends BaseSubscriber<Boolean> {

        private final Delivery delivery;
        private final Handling handling;

        Answer(Delivery delivery, Handling handling) {
            this.delivery = delivery;
            this.handling = handling;
        }

        /** That of the handler, so that the outcome is seen to belong to it. */
        @Override
        public Context currentContext() {
            return handling.currentContext();
        }

        @Override
        protected void hookOnNext(Boolean held) {
            if (!held) {
                LOG.warn("The outcome of {} came too late: its lease was lost.", delivery);
            }
        }

        @Override
        protected void hookOnError(Throwable error) {
            delivery.letLapse();
            Reasons.log(
                    error,
                    told -> LOG.warn(
                            "The outcome of {} was not stored, it comes again when its lease has lapsed.",
                            delivery,
                            told));
        }

        @Override
        protected void hookFinally(SignalType type) {
            listener.end();
        }
    }
}
