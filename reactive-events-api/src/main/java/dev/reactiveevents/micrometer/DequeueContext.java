package dev.reactiveevents.micrometer;

import dev.reactiveevents.spi.Claimed;
import io.micrometer.observation.Observation;
import java.time.Duration;
import java.util.List;

/** A claim has found something. */
public final class DequeueContext extends Observation.Context {

    private final List<Claimed> found;
    private final Duration took;

    DequeueContext(List<Claimed> found, Duration took) {
        this.found = found;
        this.took = took;
    }

    /** {@return what it took from the channels that had something} */
    public List<Claimed> found() {
        return found;
    }

    /** {@return how long the claim took} */
    public Duration took() {
        return took;
    }
}
