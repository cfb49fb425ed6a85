package dev.reactiveevents.engine;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.spi.NewEvent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Publishes what its channel would accept, by a write that is not the channel's: each call by one, streams in batches. */
final class PublisherElsewhere implements EventPublisher {

    private final EventWriter writer;
    private final Function<List<NewEvent>, Mono<Void>> write;

    PublisherElsewhere(EventWriter writer, Function<List<NewEvent>, Mono<Void>> write) {
        this.writer = writer;
        this.write = write;
    }

    @Override
    public Mono<String> publish(Event event) {
        try {
            NewEvent encoded = writer.encode(event);
            Mono<Void> written = write.apply(List.of(encoded));
            return writer.unlessClosed(
                    () -> written.thenReturn(encoded.eventId().toString()));
        } catch (EventException refused) {
            return Mono.error(refused);
        }
    }

    @Override
    public Mono<List<String>> publishAll(Collection<Event> events) {
        if (events == null) {
            return Mono.error(BackendChannel.nothing("events to be published"));
        }
        try {
            List<NewEvent> encoded = new ArrayList<>(events.size());
            events.forEach(event -> encoded.add(writer.encode(event)));
            return encoded.isEmpty() ? writer.unlessClosed(() -> Mono.just(List.of())) : all(encoded);
        } catch (EventException refused) {
            return Mono.error(refused);
        }
    }

    private Mono<List<String>> all(List<NewEvent> encoded) {
        Mono<Void> written = write.apply(encoded);
        return writer.unlessClosed(() -> written.then(Mono.fromSupplier(() -> EventWriter.ids(encoded))));
    }

    @Override
    public Flux<String> publishAll(Publisher<Event> events) {
        return events == null
                ? Flux.error(BackendChannel.nothing("stream of events to be published"))
                : writer.stream(
                        events, batch -> write.apply(batch).then(Mono.fromSupplier(() -> EventWriter.ids(batch))));
    }
}
