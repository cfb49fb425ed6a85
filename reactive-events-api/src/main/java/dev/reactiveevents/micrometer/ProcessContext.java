package dev.reactiveevents.micrometer;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.EventObserver.End;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.Propagator;
import io.micrometer.observation.transport.ReceiverContext;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A handler works on an event. The carrier is its message, of which the metadata is read. */
public final class ProcessContext extends ReceiverContext<EventMessage> implements Ending {

    private volatile @Nullable End end;
    private final EventMessage message;

    ProcessContext(EventMessage message) {
        super(new Metadata(), Kind.CONSUMER);
        this.message = message;
        setCarrier(message);
    }

    /** {@return the event} */
    public EventMessage message() {
        return message;
    }

    /** {@return how it ended; {@code null} until then} */
    public @Nullable End end() {
        return end;
    }

    @Override
    public void ended(End how) {
        end = how;
    }

    /** Reads the metadata once, when somebody asks. */
    private static final class Metadata implements Propagator.Getter<EventMessage> {

        private @Nullable Map<String, Object> entries;

        @Override
        public @Nullable String get(@Nullable EventMessage carrier, String name) {
            Object value = carrier == null ? null : entries(carrier).get(name);
            return value == null ? null : value.toString();
        }

        private Map<String, Object> entries(EventMessage message) {
            Map<String, Object> read = entries;
            if (read == null) {
                read = read(message);
                entries = read;
            }
            return read;
        }

        /** What others have sent need not be readable. */
        private static Map<String, Object> read(EventMessage message) {
            try {
                return message.metadata();
            } catch (EventException.Undecodable foreign) {
                return Map.of();
            }
        }
    }
}
