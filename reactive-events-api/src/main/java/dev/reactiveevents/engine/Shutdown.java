package dev.reactiveevents.engine;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.EventBackend;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The end of a channel, in order: nothing new; what was accepted is written; what waits is given back; what is in hand is
 * waited for; at the bound it is given back too; and what the database has not answered shortly after is told so.
 */
final class Shutdown {

    private static final Logger LOG = Loggers.getLogger(Shutdown.class);
    /** How long the database may take, once the bound is reached, to answer what is still to be told to it. */
    static final Duration GRACE = Duration.ofSeconds(2);

    private final EventBackend backend;
    private final Duration bound;
    private final EngineTime time;
    private final EventWriter writer;
    private final Dequeuer dequeuer;
    private final Listeners listeners;
    private final Settler settler;
    private final AtomicBoolean begun = new AtomicBoolean();
    private final Sinks.Empty<Void> done = Sinks.empty();

    Shutdown(
            EventBackend backend,
            Duration bound,
            EngineTime time,
            EventWriter writer,
            Dequeuer dequeuer,
            Listeners listeners,
            Settler settler) {
        this.backend = backend;
        this.bound = bound;
        this.time = time;
        this.writer = writer;
        this.dequeuer = dequeuer;
        this.listeners = listeners;
        this.settler = settler;
    }

    boolean hasBegun() {
        return begun.get();
    }

    /** Runs once, detached from whoever asked first, so that a cancelled subscriber does not stop it half-way. */
    Mono<Void> run() {
        return Mono.defer(() -> {
            if (begun.compareAndSet(false, true)) {
                inOrder().subscribe(null, this::failed, done::tryEmitEmpty);
            }
            return done.asMono();
        });
    }

    private void failed(Throwable error) {
        LOG.warn("The shutdown of {} ended with an error.", backend.name(), error);
        done.tryEmitEmpty();
    }

    private Mono<Void> inOrder() {
        Mono<Void> quiet = Mono.when(writer.close(), dequeuer.stop())
                .then(listeners.ended())
                .then(dequeuer.deliveries().drained())
                .then(settler.drained());
        return within(bound, quiet)
                .onErrorResume(late -> giveBack())
                .then(Mono.defer(() -> within(GRACE, backend.shutdown())))
                .onErrorResume(error -> {
                    LOG.warn("The backend {} did not end in time or failed: {}", backend.name(), error.toString());
                    return Mono.empty();
                });
    }

    private Mono<Void> within(Duration limit, Mono<Void> work) {
        return work.timeout(Mono.create(sink -> sink.onDispose(time.after(limit, sink::success))));
    }

    private Mono<Void> giveBack() {
        listeners.stopHandlers();
        Mono<Void> given = Mono.when(allGivenBack(), dequeuer.stop())
                .then(allGivenBack()) // also what a claim that was in flight has brought
                .then(Mono.defer(writer::close))
                .then(Mono.defer(settler::drained));
        return within(GRACE, given).onErrorResume(late -> abandon());
    }

    private Mono<Void> allGivenBack() {
        return Flux.defer(() -> Flux.fromIterable(dequeuer.deliveries().all()))
                .flatMap(delivery -> givenBack(delivery).onErrorComplete(), Integer.MAX_VALUE)
                .then();
    }

    private static Mono<Boolean> givenBack(Delivery delivery) {
        return delivery.isHandedOver() ? delivery.giveBack() : delivery.release();
    }

    private Mono<Void> abandon() {
        LOG.warn(
                "{} did not answer during the shutdown: the outcome of {} publishes and {} settlements is unknown, and {}"
                        + " messages wait for their lease to lapse.",
                backend.name(),
                writer.open(),
                settler.open(),
                dequeuer.deliveries().size());
        EventException reason = new EventException.OutcomeUnknown(
                "The channel was shut down before the database answered; it may or may not have been done.", null);
        writer.abort(reason);
        settler.abort(reason);
        return Mono.empty();
    }
}
