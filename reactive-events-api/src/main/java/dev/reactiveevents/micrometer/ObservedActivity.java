package dev.reactiveevents.micrometer;

import dev.reactiveevents.spi.EventObserver.Activity;
import dev.reactiveevents.spi.EventObserver.End;
import io.micrometer.observation.Observation;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.util.context.Context;

/** An activity that is an observation. */
final class ObservedActivity implements Activity {

    private final Observation observation;
    private final Map<String, String> metadata;

    ObservedActivity(Observation observation, Map<String, String> metadata) {
        this.observation = observation;
        this.metadata = metadata;
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public Context within(Context outer) {
        return outer.put(MicrometerObserver.OBSERVATION, observation);
    }

    @Override
    public void end(End how, @Nullable Throwable failure) {
        if (observation.getContext() instanceof Ending context) {
            context.ended(how);
        }
        if (failure != null) {
            observation.error(failure);
        }
        observation.stop();
    }
}
