package dev.reactiveevents.micrometer;

import dev.reactiveevents.micrometer.EventObservations.High;
import dev.reactiveevents.spi.Claimed;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/** Names and keys of claims. To be extended for others. */
public class DequeueConvention implements ObservationConvention<DequeueContext> {

    /** The convention of {@link EventObservations#DEQUEUE}. */
    public DequeueConvention() {}

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof DequeueContext;
    }

    @Override
    public String getName() {
        return EventObservations.DEQUEUE.getName();
    }

    @Override
    public String getContextualName(DequeueContext context) {
        return EventObservations.DEQUEUE.getContextualName();
    }

    @Override
    public KeyValues getLowCardinalityKeyValues(DequeueContext context) {
        return KeyValues.of(
                Results.channel(context.found().stream().map(Claimed::channel).toList()));
    }

    @Override
    public KeyValues getHighCardinalityKeyValues(DequeueContext context) {
        int events = context.found().stream()
                .mapToInt(claimed -> claimed.events().size())
                .sum();
        return KeyValues.of(
                High.EVENTS.withValue(Integer.toString(events)),
                High.CLAIM_MILLIS.withValue(Long.toString(context.took().toMillis())));
    }
}
