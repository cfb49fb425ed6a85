package dev.reactiveevents.micrometer;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.micrometer.EventObservations.High;
import dev.reactiveevents.micrometer.EventObservations.Low;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/** Names and keys of outcomes on their way. To be extended for others. */
public class SettleConvention implements ObservationConvention<SettleContext> {

    /** The convention of {@link EventObservations#SETTLE}. */
    public SettleConvention() {}

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof SettleContext;
    }

    @Override
    public String getName() {
        return EventObservations.SETTLE.getName();
    }

    @Override
    public String getContextualName(SettleContext context) {
        return EventObservations.SETTLE.getContextualName();
    }

    @Override
    public KeyValues getLowCardinalityKeyValues(SettleContext context) {
        return KeyValues.of(
                Low.CHANNEL.withValue(context.message().channel()),
                Low.OUTCOME.withValue(outcome(context)),
                Results.of(context.end()));
    }

    private static String outcome(SettleContext context) {
        return switch (context.outcome()) {
            case ACK -> "ack";
            case DEAD -> "dead";
            default -> "nack";
        };
    }

    @Override
    public KeyValues getHighCardinalityKeyValues(SettleContext context) {
        EventMessage message = context.message();
        return KeyValues.of(
                High.EVENT_ID.withValue(message.eventId()),
                High.ATTEMPT.withValue(Integer.toString(message.attempts())));
    }
}
