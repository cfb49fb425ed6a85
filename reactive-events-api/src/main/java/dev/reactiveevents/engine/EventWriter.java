package dev.reactiveevents.engine;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.EventOutlet;
import dev.reactiveevents.spi.NewEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.publisher.SynchronousSink;

/** Writes events to the backend, single ones in batches, and wakes the local subscribers of what it has written. */
final class EventWriter {

    /** So many batches are written at once. With more they are smaller, and cost more than is gained. */
    private static final int LANES = 2;

    private static final int ROWS = 1_000;
    private static final int WEIGHT = 4 << 20;
    private static final int WAITING = 1 << 16;
    private static final int STREAM_AHEAD = 1_024;

    private final EventOutlet backend;
    private final PayloadCodec codec;
    private final Duration timeout;
    private final EngineTime time;
    private final Consumer<Set<String>> wake;
    private final Observed observed;
    private final Batcher<NewEvent, String> single;
    /** Given ids may wait for another transaction that holds one of them: nobody else shall wait with them. */
    private final Batcher<NewEvent, String> singleWithGivenId;

    /** Each a transaction of its own, none waiting for another. */
    private final Batcher<List<NewEvent>, List<String>> together;

    private final Set<Batcher<?, ?>> lanes = ConcurrentHashMap.newKeySet();
    private final AtomicInteger writes = new AtomicInteger();
    private final Drained written = new Drained();
    private volatile boolean closed;

    EventWriter(
            EventOutlet backend,
            PayloadCodec codec,
            Duration timeout,
            EngineTime time,
            Consumer<Set<String>> wake,
            Observed observed) {
        this.backend = backend;
        this.codec = codec;
        this.timeout = timeout;
        this.time = time;
        this.wake = wake;
        this.observed = observed;
        this.single = batcher(LANES, this::write);
        this.singleWithGivenId = batcher(1, this::write);
        this.together = new Batcher<>(
                new Batcher.Limits(
                        "Publishing events in one transaction",
                        Integer.MAX_VALUE,
                        1,
                        Integer.MAX_VALUE,
                        WAITING,
                        timeout),
                events -> 1,
                batch -> write(batch.get(0)).map(List::of),
                time);
        lanes.addAll(List.of(single, singleWithGivenId, together));
    }

    private Batcher<NewEvent, String> batcher(int lanes, Function<List<NewEvent>, Mono<List<String>>> write) {
        Batcher.Limits limits = new Batcher.Limits("Publishing", lanes, ROWS, WEIGHT, WAITING, timeout);
        return new Batcher<>(limits, EventWriter::weight, write, time);
    }

    private static int weight(NewEvent event) {
        String metadata = event.metadata();
        return event.payload().length() + (metadata == null ? 0 : metadata.length());
    }

    // == One by one ==

    Mono<String> publish(@Nullable Event event) {
        NewEvent encoded;
        try {
            encoded = encode(event);
        } catch (EventException refused) {
            return Mono.error(refused);
        }
        Batcher<NewEvent, String> lane = encoded.idGiven() ? singleWithGivenId : single;
        return unlessClosed(() -> observed.publishing(List.of(encoded), one -> lane.submit(one.get(0))));
    }

    // == All or none ==

    Mono<List<String>> publishAll(@Nullable Iterable<Event> events) {
        if (events == null) {
            return Mono.error(BackendChannel.nothing("events to be published"));
        }
        List<NewEvent> encoded = new ArrayList<>();
        try {
            events.forEach(event -> encoded.add(encode(event)));
        } catch (EventException refused) {
            return Mono.error(refused);
        }
        return unlessClosed(
                () -> encoded.isEmpty() ? Mono.just(List.of()) : observed.publishing(encoded, together::submit));
    }

    // == As they come ==

    Flux<String> publishAll(@Nullable Publisher<Event> events) {
        if (events == null) {
            return Flux.error(BackendChannel.nothing("stream of events to be published"));
        }
        return stream(events, this::write);
    }

    Flux<String> stream(Publisher<Event> events, Function<List<NewEvent>, Mono<List<String>>> write) {
        return Flux.defer(() -> new Stream(write).publish(events));
    }

    /** One stream: batches in one lane, so that they are written in order, until its source ends or a batch fails. */
    private final class Stream {

        private final AtomicInteger stored = new AtomicInteger();
        private final AtomicReference<@Nullable Throwable> sourceFailed = new AtomicReference<>();
        private final AtomicReference<@Nullable Throwable> writeFailed = new AtomicReference<>();
        private final Sinks.Empty<Void> stop = Sinks.empty();
        private final Function<List<NewEvent>, Mono<List<String>>> write;
        private final Batcher<NewEvent, String> lane = batcher(1, this::writeNext);

        Stream(Function<List<NewEvent>, Mono<List<String>>> write) {
            this.write = write;
        }

        Flux<String> publish(Publisher<Event> events) {
            lanes.add(lane);
            return Flux.from(events)
                    .handle(this::encode)
                    .onErrorResume(error -> {
                        sourceFailed.set(error);
                        return Mono.empty();
                    })
                    .takeUntilOther(stop.asMono())
                    .flatMapSequential(this::submit, STREAM_AHEAD, 1)
                    .concatWith(Mono.defer(this::outcome))
                    .doFinally(end -> lanes.remove(lane));
        }

        private void encode(Event event, SynchronousSink<NewEvent> sink) {
            if (closed) {
                sink.error(closedError());
                return;
            }
            try {
                sink.next(EventWriter.this.encode(event));
            } catch (EventException refused) {
                sink.error(refused);
            }
        }

        /** Its error is told once, at the end, when all that was stored before has been told. */
        private Mono<String> submit(NewEvent event) {
            return observed.publishing(List.of(event), one -> lane.submit(one.get(0)))
                    .onErrorResume(error -> {
                        fail(error);
                        return Mono.empty();
                    });
        }

        private Mono<List<String>> writeNext(List<NewEvent> batch) {
            Throwable before = writeFailed.get();
            return before != null
                    ? Mono.error(before)
                    : write.apply(batch)
                            .doOnNext(ids -> stored.addAndGet(ids.size()))
                            .doOnError(this::fail);
        }

        private void fail(Throwable error) {
            writeFailed.compareAndSet(null, error);
            stop.tryEmitEmpty();
        }

        private Mono<String> outcome() {
            Throwable error = writeFailed.get() != null ? writeFailed.get() : sourceFailed.get();
            if (error instanceof EventException known) {
                return Mono.error(known.withDetail("Of this stream " + stored.get() + " events are stored."));
            }
            return error == null ? Mono.empty() : Mono.error(error);
        }
    }

    // == Common to all ==

    NewEvent encode(@Nullable Event event) {
        NewEvent encoded = codec.encode(event);
        requires(encoded.isDelayed(), Capability.DELAY, encoded, "a delay");
        requires(encoded.key() != null, Capability.KEYS, encoded, "a key");
        requires(encoded.idGiven(), Capability.DEDUPLICATION, encoded, "an id or a deduplication key");
        return encoded;
    }

    private void requires(boolean asked, Capability capability, NewEvent event, String what) {
        if (asked && !backend.capabilities().contains(capability)) {
            throw new EventException.Unsupported("An event for channel \"" + event.channel() + "\" has " + what
                    + ", which " + backend.name() + " cannot serve; leave it out, or choose another backend.");
        }
    }

    /** Counted here, since a stream that is cancelled leaves its last batch behind. */
    private Mono<List<String>> write(List<NewEvent> events) {
        return Mono.defer(() -> {
            writes.incrementAndGet();
            return Mono.defer(() -> backend.publish(events))
                    .doFinally(end -> {
                        writes.decrementAndGet();
                        written.check();
                    })
                    .then(Mono.fromSupplier(() -> written(events)));
        });
    }

    private List<String> written(List<NewEvent> events) {
        observed.published(events);
        wake.accept(channels(events));
        return ids(events);
    }

    private static Set<String> channels(List<NewEvent> events) {
        return events.size() == 1
                ? Set.of(events.get(0).channel())
                : events.stream().map(NewEvent::channel).collect(Collectors.toSet());
    }

    Observed observed() {
        return observed;
    }

    static List<String> ids(List<NewEvent> events) {
        List<String> ids = new ArrayList<>(events.size());
        for (NewEvent event : events) {
            ids.add(event.eventId().toString());
        }
        return ids;
    }

    <T> Mono<T> unlessClosed(Supplier<Mono<T>> publish) {
        return Mono.defer(() -> closed ? Mono.error(closedError()) : publish.get());
    }

    private static EventException closedError() {
        return new EventException.Closed(
                "Publishing was asked for on a channel that has been shut down; nothing was stored.");
    }

    // == Ending ==

    /** Takes nothing new. Completes once all that was accepted is written. */
    Mono<Void> close() {
        return Mono.defer(() -> {
            closed = true;
            return Flux.fromIterable(lanes).concatMap(Batcher::drained).then(written.whenZero(writes::get));
        });
    }

    int open() {
        return lanes.stream().mapToInt(Batcher::open).sum();
    }

    void abort(EventException reason) {
        lanes.forEach(lane -> lane.abort(reason));
    }
}
