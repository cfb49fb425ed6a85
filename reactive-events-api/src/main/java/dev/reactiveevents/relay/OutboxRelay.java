package dev.reactiveevents.relay;

import dev.reactiveevents.CheckReturnValue;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.Counts;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Passes the events of a channel on to a broker, and acknowledges each once the broker has confirmed it. A listener of the
 * channel in all but its handler: several relays, in several processes, share the work, and of each
 * {@linkplain dev.reactiveevents.Event#withKey key} one event at a time is on its way, so that its order is kept end to end.
 *
 * <p>Each event is sent at least once. A process that ends between the confirmation and the acknowledgement, or that stands
 * still for longer than its lease, has its events sent again; their ids are the same.
 *
 * <p>While the broker is away events come again, as the retry policy says, until it is back. What it will never take, as the
 * transport says by {@link EventException.Invalid}, becomes a dead letter.
 *
 * <p>Safe for use by many threads.
 */
public final class OutboxRelay {

    /** How a relay does. */
    public enum State {
        /** It is not ready yet. */
        STARTING,
        /** It takes events. */
        RUNNING,
        /** The database cannot be reached; it keeps trying. {@link #failure()} says why. */
        CUT_OFF,
        /** It takes nothing until it is resumed. What was on its way when it was paused may still be so. */
        PAUSED,
        /** It takes nothing new; events are still on their way. */
        STOPPING,
        /** It has ended as it was told, or with its channel. */
        STOPPED,
        /** It has ended by an error that trying again cannot mend. {@link #failure()} says which. */
        FAILED
    }

    /**
     * Which listener is at work, or was last.
     *
     * @param told {@code RUNNING}, {@code PAUSED} or {@code STOPPED}, as the relay was told
     * @param before what the listeners before it did
     */
    private record Stage(State told, EventListener listener, Counts before) {
        Stage becoming(State next) {
            return new Stage(next, listener, before);
        }
    }

    private static final Duration LONGEST = Duration.ofDays(365);

    private final Supplier<EventListener> listening;
    private final Duration sendTimeout;
    private final AtomicReference<Stage> stage;

    private OutboxRelay(Supplier<EventListener> listening, Duration sendTimeout) {
        this.listening = listening;
        this.sendTimeout = sendTimeout;
        this.stage =
                new AtomicReference<>(new Stage(State.RUNNING, listening.get(), new Counts(0, 0, 0, 0, 0, 0, 0, 0)));
    }

    /**
     * Begins to describe a relay.
     *
     * @param channel where the events are; a durable backend
     * @param name the channel's name
     * @return a builder, which needs a transport
     */
    public static Builder from(EventChannel channel, String name) {
        if (channel == null) {
            throw new EventException.Invalid("The channel of a relay was null; give one.");
        }
        return new Builder(channel, EventChannel.requireValidName(name));
    }

    private Stage stage() {
        return Objects.requireNonNull(stage.get());
    }

    /**
     * Whether events are taken from now on.
     *
     * @return completes once it is ready; fails as {@link EventListener#ready()} does
     */
    @CheckReturnValue
    public Mono<Void> ready() {
        return Mono.defer(() -> stage().listener().ready());
    }

    /** {@return how it does} */
    public State state() {
        Stage now = stage();
        EventListener.State listener = now.listener().state();
        boolean paused = now.told() == State.PAUSED && listener != EventListener.State.FAILED;
        return paused ? State.PAUSED : State.valueOf(listener.name());
    }

    /** {@return why it is cut off or has failed; {@code null} otherwise} */
    public @Nullable Throwable failure() {
        return stage().listener().failure();
    }

    /**
     * {@return what it has done so far, pauses included: {@code handling} is how many events are on their way, {@code handled}
     * how many the broker confirmed, {@code failed} how many sends failed}
     */
    public Counts counts() {
        Stage now = stage();
        return sum(now.before(), now.listener().counts());
    }

    private static Counts sum(Counts one, Counts other) {
        return new Counts(
                one.handling() + other.handling(),
                one.handled() + other.handled(),
                one.failed() + other.failed(),
                one.timedOut() + other.timedOut(),
                one.acked() + other.acked(),
                one.retried() + other.retried(),
                one.deadLettered() + other.deadLettered(),
                one.lost() + other.lost());
    }

    /**
     * Takes nothing more until {@link #resume()}. Idempotent.
     *
     * @return completes once nothing is on its way any more and all outcomes are stored; fails with
     *     {@link EventException.Closed} if the relay was stopped. Cancelling does not undo the pause
     */
    @CheckReturnValue
    public Mono<Void> pause() {
        return Mono.defer(() -> {
            Stage now = move(State.PAUSED);
            return now.told() == State.STOPPED ? Mono.error(stopped("paused")) : end(now.listener());
        });
    }

    /** Sends are given up by themselves after this time. */
    private Mono<Void> end(EventListener listener) {
        return listener.stop(sendTimeout);
    }

    /** Makes the stage that was told, unless the relay was stopped before. */
    private Stage move(State next) {
        return Objects.requireNonNull(
                stage.updateAndGet(now -> now.told() == State.STOPPED ? now : now.becoming(next)));
    }

    /**
     * Takes events again, once nothing is on its way any more from before the {@link #pause()}. Does nothing on a relay that is
     * not paused.
     *
     * @return completes once it is ready; fails as {@link #ready()} does, and with {@link EventException.Closed} if the relay
     *     or its channel was stopped
     */
    @CheckReturnValue
    public Mono<Void> resume() {
        return Mono.defer(() -> {
            Stage now = stage();
            return switch (now.told()) {
                case PAUSED -> end(now.listener()).then(Mono.defer(() -> restart(now)));
                case STOPPED -> Mono.error(stopped("resumed"));
                default -> now.listener().ready();
            };
        });
    }

    /** If others were quicker, it is as they say. */
    private Mono<Void> restart(Stage paused) {
        EventListener next = listening.get();
        Counts before = sum(paused.before(), paused.listener().counts());
        return stage.compareAndSet(paused, new Stage(State.RUNNING, next, before))
                ? next.ready()
                : next.stop(Duration.ZERO).then(resume());
    }

    private static EventException.Closed stopped(String what) {
        return new EventException.Closed(
                "A relay was to be " + what + " that has been stopped; build another one to go on.");
    }

    /**
     * Ends the relay: takes nothing new and waits for what is on its way. When the timeout is over, the rest is given back, to
     * be sent again by others. Idempotent. The transport is left as it is.
     *
     * @param timeout how long to wait, from zero to 365 days
     * @return as {@link EventListener#stop}
     */
    @CheckReturnValue
    public Mono<Void> stop(Duration timeout) {
        if (timeout == null || timeout.isNegative() || timeout.compareTo(LONGEST) > 0) {
            return Mono.error(new EventException.Invalid("A relay was to be stopped within " + timeout
                    + "; give a duration from zero to " + LONGEST.toDays() + " days."));
        }
        return Mono.defer(() -> move(State.STOPPED).listener().stop(timeout));
    }

    /** {@return channel and state} */
    @Override
    public String toString() {
        return "OutboxRelay[channel=" + stage().listener().channel() + ", state=" + state() + "]";
    }

    /** Describes a relay. Bad values are refused by {@link EventException.Invalid}. Not for many threads. */
    public static final class Builder {

        private final EventChannel channel;
        private final String name;
        private @Nullable EventTransport transport;
        private int concurrency = 256;
        private int batch = 256;
        private RetryPolicy retry = RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofMinutes(1));
        private int maxAttempts = Integer.MAX_VALUE;
        private Duration sendTimeout = Duration.ofMinutes(5);

        private Builder(EventChannel channel, String name) {
            this.channel = channel;
            this.name = name;
        }

        /**
         * Sets what sends the events.
         *
         * @param transport the transport; it stays the caller's
         * @return this builder
         */
        public Builder to(EventTransport transport) {
            this.transport = transport;
            return this;
        }

        /**
         * Sets how many events may be on their way at the same time, taken and not yet confirmed.
         *
         * @param concurrency at least 1; 256 by default
         * @return this builder
         */
        public Builder concurrency(int concurrency) {
            this.concurrency = atLeastOne("concurrency", concurrency);
            return this;
        }

        /**
         * Sets how many events are handed to the transport together at most. It gets what is at hand: none waits for others.
         *
         * @param batch at least 1; 256 by default
         * @return this builder
         */
        public Builder batch(int batch) {
            this.batch = atLeastOne("batch", batch);
            return this;
        }

        /**
         * Sets when an event comes again whose sending failed.
         *
         * @param retry the policy; by default from one second, doubling up to one minute. An {@link EventException.Invalid} is
         *     final whatever the policy
         * @return this builder
         */
        public Builder retry(RetryPolicy retry) {
            if (retry == null) {
                throw new EventException.Invalid("The retry policy of a relay was null; give one, or leave it out.");
            }
            this.retry = retry;
            return this;
        }

        /**
         * Sets after how many failed deliveries an event becomes a dead letter.
         *
         * @param maxAttempts at least 1; by default it is tried for ever, so that an outage of the broker kills nothing
         * @return this builder
         */
        public Builder maxAttempts(int maxAttempts) {
            this.maxAttempts = atLeastOne("maximum of attempts", maxAttempts);
            return this;
        }

        /**
         * Sets how long to wait for the confirmation of an event. Then it is given up, and has failed; it comes again
         * when its lease is over, or later if the retry policy says so. To be longer than what the transport itself waits.
         *
         * @param sendTimeout from one millisecond to 365 days; five minutes by default
         * @return this builder
         */
        public Builder sendTimeout(Duration sendTimeout) {
            ListenOptions.defaults().withMaxProcessingTime(sendTimeout);
            this.sendTimeout = sendTimeout;
            return this;
        }

        private static int atLeastOne(String what, int value) {
            if (value < 1) {
                throw new EventException.Invalid("The " + what + " of a relay was " + value + "; give at least 1.");
            }
            return value;
        }

        /**
         * Starts the relay.
         *
         * @return it, started; see {@link OutboxRelay#ready()}
         * @throws EventException.Invalid if no transport was given
         * @throws EventException.Unsupported if the backend keeps no events
         * @throws EventException.Closed after the channel's shutdown
         */
        public OutboxRelay start() {
            if (transport == null) {
                throw new EventException.Invalid(
                        "A relay of channel \"" + name + "\" was to start without a transport; give one by to(…).");
            }
            Sending sending = new Sending(transport, batch);
            ListenOptions options = ListenOptions.defaults()
                    .withConcurrency(concurrency)
                    .withPrefetch((int) Math.min(4L * concurrency, Integer.MAX_VALUE))
                    .withMaxProcessingTime(sendTimeout)
                    .withMaxAttempts(maxAttempts)
                    .withRetry(retry.notOn(EventException.Invalid.class));
            return new OutboxRelay(() -> channel.listen(name, sending::send, options), sendTimeout);
        }
    }
}
