package dev.reactiveevents.micrometer;

import dev.reactiveevents.spi.EventObserver.End;
import dev.reactiveevents.spi.NewEvent;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.SenderContext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Events are published. The carrier is the metadata that travels with them. */
public final class PublishContext extends SenderContext<Map<String, String>> implements Ending {

    private final List<NewEvent> events;
    private volatile @Nullable End end;

    PublishContext(List<NewEvent> events) {
        super((carrier, name, value) -> Objects.requireNonNull(carrier).put(name, value), Kind.PRODUCER);
        this.events = events;
        setCarrier(new LinkedHashMap<>());
    }

    /** {@return the events, at least one} */
    public List<NewEvent> events() {
        return events;
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
