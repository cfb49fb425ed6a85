package dev.reactiveevents.engine;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.spi.NewEvent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
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
            return all(List.of(encoded)).map(ids -> ids.get(0));
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

    /** Written as the first who subscribes has it travel: the write knows by that when it is done again. */
    private Mono<List<String>> all(List<NewEvent> encoded) {
        AtomicReference<@Nullable Mono<List<String>>> first = new AtomicReference<>();
        return writer.unlessClosed(() -> writer.observed().publishing(encoded, carrying -> {
            if (first.get() == null) {
                first.compareAndSet(null, written(carrying));
            }
            return Objects.requireNonNull(first.get());
        }));
    }

    private Mono<List<String>> written(List<NewEvent> events) {
        return write.apply(events).then(Mono.fromSupplier(() -> {
            writer.observed().published(events);
            return EventWriter.ids(events);
        }));
    }

    @Override
    public Flux<String> publishAll(Publisher<Event> events) {
        return events == null
                ? Flux.error(BackendChannel.nothing("stream of events to be published"))
                : writer.stream(events, this::written);
    }
}
