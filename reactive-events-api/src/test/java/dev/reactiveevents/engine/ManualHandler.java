package dev.reactiveevents.engine;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A handler whose work ends when the test says so. */
final class ManualHandler implements EventHandler {

    final List<EventMessage> started = new ArrayList<>();
    final List<EventMessage> cancelled = new ArrayList<>();
    private final List<Sinks.Empty<Void>> ends = new ArrayList<>();

    @Override
    public Mono<Void> handle(EventMessage message) {
        Sinks.Empty<Void> end = Sinks.empty();
        started.add(message);
        ends.add(end);
        return end.asMono().doOnCancel(() -> cancelled.add(message));
    }

    void complete(int index) {
        ends.get(index).tryEmitEmpty();
    }

    void fail(int index, Throwable error) {
        ends.get(index).tryEmitError(error);
    }
}
