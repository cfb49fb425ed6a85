package dev.reactiveevents.engine;

import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import reactor.core.publisher.Mono;

/** What a subscription gives back without having handed it over: to its old place, and the attempt does not count. */
final class Releases {

    private final IntSupplier work;
    private final AtomicInteger open = new AtomicInteger();
    private final Drained answered = new Drained();

    /**
     * Nothing so far.
     *
     * @param work not zero while more may be given back
     */
    Releases(IntSupplier work) {
        this.work = work;
    }

    void add(Queue<Delivery> waiting, Room room) {
        Delivery delivery;
        while ((delivery = waiting.poll()) != null) {
            room.drop();
            add(delivery);
        }
    }

    private void add(Delivery delivery) {
        open.incrementAndGet();
        delivery.release()
                .doFinally(end -> {
                    open.decrementAndGet();
                    check();
                })
                .subscribe(null, error -> {});
    }

    /** Completes when the database has answered all, or they have failed. */
    Mono<Void> answered() {
        return answered.whenZero(() -> open.get() + work.getAsInt());
    }

    /** To be called when the work may be done. */
    void check() {
        answered.check();
    }
}
