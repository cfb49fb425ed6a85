package dev.reactiveevents.micrometer;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/**
 * Observes channels with Micrometer: the counters of {@link EventMeters} in a meter registry, the observations of
 * {@link EventObservations} in an observation registry, which makes timers and spans of them as its handlers do. Trace context
 * travels in the metadata of events by the observation registry's handlers for senders and receivers.
 *
 * <p>Immutable; each {@code with} method returns a changed copy. To be given to
 * {@code R2dbcEventChannel.builder(…).observer(…)}; one may serve many channels.
 */
public final class MicrometerObserver implements EventObserver {

    /** Where Micrometer keeps the current observation in a Reactor Context, as {@code ObservationThreadLocalAccessor.KEY}. */
    static final String OBSERVATION = "micrometer.observation";

    private static final PublishConvention PUBLISH = new PublishConvention();
    private static final DequeueConvention DEQUEUE = new DequeueConvention();
    private static final ProcessConvention PROCESS = new ProcessConvention();
    private static final SettleConvention SETTLE = new SettleConvention();

    /** Those that replace ours; null for none. */
    private record Conventions(
            @Nullable ObservationConvention<PublishContext> publish,
            @Nullable ObservationConvention<DequeueContext> dequeue,
            @Nullable ObservationConvention<ProcessContext> process,
            @Nullable ObservationConvention<SettleContext> settle) {}

    private final ObservationRegistry observations;
    private final EventCounters counters;
    private final Timer claims;
    private final Conventions conventions;

    private MicrometerObserver(
            ObservationRegistry observations, EventCounters counters, Timer claims, Conventions conventions) {
        this.observations = observations;
        this.counters = counters;
        this.claims = claims;
        this.conventions = conventions;
    }

    /**
     * An observer.
     *
     * @param observations where observations begin; {@link ObservationRegistry#NOOP} for counters alone
     * @param meters where the counters are
     * @return the observer
     */
    public static MicrometerObserver of(ObservationRegistry observations, MeterRegistry meters) {
        if (observations == null || meters == null) {
            throw new EventException.Invalid("An observer was made of " + observations + " and " + meters
                    + "; give both registries. ObservationRegistry.NOOP leaves out observations.");
        }
        Timer claims = Timer.builder(EventMeters.CLAIM.getName()).register(meters);
        return new MicrometerObserver(
                observations, new EventCounters(meters), claims, new Conventions(null, null, null, null));
    }

    /**
     * Replaces names and keys of {@link EventObservations#PUBLISH}.
     *
     * @param convention the convention
     * @return the changed copy
     */
    public MicrometerObserver withPublishConvention(ObservationConvention<PublishContext> convention) {
        return with(
                new Conventions(required(convention), conventions.dequeue, conventions.process, conventions.settle));
    }

    /**
     * Replaces names and keys of {@link EventObservations#DEQUEUE}.
     *
     * @param convention the convention
     * @return the changed copy
     */
    public MicrometerObserver withDequeueConvention(ObservationConvention<DequeueContext> convention) {
        return with(
                new Conventions(conventions.publish, required(convention), conventions.process, conventions.settle));
    }

    /**
     * Replaces names and keys of {@link EventObservations#PROCESS}.
     *
     * @param convention the convention
     * @return the changed copy
     */
    public MicrometerObserver withProcessConvention(ObservationConvention<ProcessContext> convention) {
        return with(
                new Conventions(conventions.publish, conventions.dequeue, required(convention), conventions.settle));
    }

    /**
     * Replaces names and keys of {@link EventObservations#SETTLE}.
     *
     * @param convention the convention
     * @return the changed copy
     */
    public MicrometerObserver withSettleConvention(ObservationConvention<SettleContext> convention) {
        return with(
                new Conventions(conventions.publish, conventions.dequeue, conventions.process, required(convention)));
    }

    private MicrometerObserver with(Conventions changed) {
        return new MicrometerObserver(observations, counters, claims, changed);
    }

    private static <C extends Observation.Context> ObservationConvention<C> required(
            ObservationConvention<C> convention) {
        if (convention == null) {
            throw new EventException.Invalid("A convention of an observer was null; give one, or leave it out.");
        }
        return convention;
    }

    // == What a channel tells ==

    @Override
    public void count(Count what, @Nullable String channel, long times) {
        counters.count(what, channel, times);
    }

    @Override
    public Activity publishing(List<NewEvent> events, ContextView caller) {
        if (observations.isNoop()) {
            return Activity.NONE;
        }
        PublishContext context = new PublishContext(events);
        Map<String, String> metadata = Objects.requireNonNull(context.getCarrier());
        return begin(EventObservations.PUBLISH, conventions.publish, PUBLISH, () -> context, caller, metadata);
    }

    @Override
    public void dequeued(List<Claimed> found, Duration took) {
        claims.record(took);
        if (!observations.isNoop()) {
            EventObservations.DEQUEUE
                    .start(conventions.dequeue, DEQUEUE, () -> new DequeueContext(found, took), observations)
                    .stop();
        }
    }

    @Override
    public Activity processing(EventMessage message) {
        return observations.isNoop()
                ? Activity.NONE
                : begin(
                        EventObservations.PROCESS,
                        conventions.process,
                        PROCESS,
                        () -> new ProcessContext(message),
                        Context.empty(),
                        Map.of());
    }

    @Override
    public Activity settling(EventMessage message, Settlement.Outcome outcome, ContextView caller) {
        return observations.isNoop()
                ? Activity.NONE
                : begin(
                        EventObservations.SETTLE,
                        conventions.settle,
                        SETTLE,
                        () -> new SettleContext(message, outcome),
                        caller,
                        Map.of());
    }

    private <C extends Observation.Context> Activity begin(
            EventObservations what,
            @Nullable ObservationConvention<C> own,
            ObservationConvention<C> usual,
            Supplier<C> context,
            ContextView caller,
            Map<String, String> metadata) {
        Observation observation = what.observation(own, usual, context, observations);
        if (observation.isNoop()) {
            return Activity.NONE;
        }
        if (caller.getOrDefault(OBSERVATION, null) instanceof Observation parent) {
            observation.parentObservation(parent);
        }
        return new ObservedActivity(observation.start(), metadata);
    }
}
