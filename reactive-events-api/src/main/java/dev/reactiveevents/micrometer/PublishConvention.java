package dev.reactiveevents.micrometer;

import dev.reactiveevents.micrometer.EventObservations.High;
import dev.reactiveevents.spi.NewEvent;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/** Names and keys of publishing. To be extended for others. */
public class PublishConvention implements ObservationConvention<PublishContext> {

    /** The convention of {@link EventObservations#PUBLISH}. */
    public PublishConvention() {}

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof PublishContext;
    }

    @Override
    public String getName() {
        return EventObservations.PUBLISH.getName();
    }

    @Override
    public String getContextualName(PublishContext context) {
        return EventObservations.PUBLISH.getContextualName();
    }

    @Override
    public KeyValues getLowCardinalityKeyValues(PublishContext context) {
        return KeyValues.of(
                Results.channel(context.events().stream().map(NewEvent::channel).toList()), Results.of(context.end()));
    }

    @Override
    public KeyValues getHighCardinalityKeyValues(PublishContext context) {
        NewEvent first = context.events().get(0);
        KeyValues values = KeyValues.of(
                High.EVENT_ID.withValue(first.eventId().toString()),
                High.EVENTS.withValue(Integer.toString(context.events().size())));
        return first.type() == null ? values : values.and(High.EVENT_TYPE.withValue(first.type()));
    }
}
