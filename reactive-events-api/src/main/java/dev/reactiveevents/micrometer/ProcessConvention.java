package dev.reactiveevents.micrometer;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.micrometer.EventObservations.High;
import dev.reactiveevents.micrometer.EventObservations.Low;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/** Names and keys of handlers at work. To be extended for others. */
public class ProcessConvention implements ObservationConvention<ProcessContext> {

    /** The convention of {@link EventObservations#PROCESS}. */
    public ProcessConvention() {}

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof ProcessContext;
    }

    @Override
    public String getName() {
        return EventObservations.PROCESS.getName();
    }

    @Override
    public String getContextualName(ProcessContext context) {
        return EventObservations.PROCESS.getContextualName();
    }

    @Override
    public KeyValues getLowCardinalityKeyValues(ProcessContext context) {
        return KeyValues.of(Low.CHANNEL.withValue(context.message().channel()), Results.of(context.end()));
    }

    @Override
    public KeyValues getHighCardinalityKeyValues(ProcessContext context) {
        EventMessage message = context.message();
        String type = message.type();
        KeyValues values = KeyValues.of(
                High.EVENT_ID.withValue(message.eventId()),
                High.ATTEMPT.withValue(Integer.toString(message.attempts())));
        return type == null ? values : values.and(High.EVENT_TYPE.withValue(type));
    }
}
