package dev.reactiveevents.micrometer;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.EventObserver.End;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.micrometer.observation.Observation;
import org.jspecify.annotations.Nullable;

/** An event is settled. */
public final class SettleContext extends Observation.Context implements Ending {

    private final EventMessage message;
    private final Outcome outcome;
    private volatile @Nullable End end;

    SettleContext(EventMessage message, Outcome outcome) {
        this.message = message;
        this.outcome = outcome;
    }

    /** {@return the event} */
    public EventMessage message() {
        return message;
    }

    /** {@return {@code ACK}, {@code RETRY} or {@code DEAD}} */
    public Outcome outcome() {
        return outcome;
    }

    /** {@return how it ended; {@code null} until then} */
    public @Nullable End end() {
        return end;
    }

    @Override
    public void ended(End how) {
        end = how;
    }
}
