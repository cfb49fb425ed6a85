package dev.reactiveevents.relay;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Schedulers;

/**
 * Natural batches: what is handed in until a thread that may block gets to it is sent together. Batches begin one after the
 * other and do not wait for each other's confirmations; how many events are on their way the listener bounds.
 */
final class Sending {

    private final EventTransport transport;
    private final int largest;
    private final Queue<Parcel> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger work = new AtomicInteger();

    Sending(EventTransport transport, int largest) {
        this.transport = transport;
        this.largest = largest;
    }

    /** Completes once the event is confirmed. */
    Mono<Void> send(EventMessage message) {
        return Mono.create(sink -> {
            Parcel parcel = new Parcel(message, sink);
            sink.onCancel(parcel::withdraw);
            queue.add(parcel);
            if (work.getAndIncrement() == 0) {
                begin();
            }
        });
    }

    private void begin() {
        try {
            Schedulers.boundedElastic().schedule(this::drain);
        } catch (RejectedExecutionException rejected) {
            work.set(0);
            takeAll().forEach(parcel -> parcel.sink.error(rejected));
        }
    }

    private void drain() {
        int missed = work.get();
        do {
            List<Parcel> batch;
            while (!(batch = nextBatch()).isEmpty()) {
                dispatch(batch);
            }
            missed = work.addAndGet(-missed);
        } while (missed != 0);
    }

    private List<Parcel> nextBatch() {
        return take(largest);
    }

    private List<Parcel> takeAll() {
        return take(Integer.MAX_VALUE);
    }

    private List<Parcel> take(int most) {
        List<Parcel> taken = new ArrayList<>();
        Parcel next;
        while (taken.size() < most && (next = queue.poll()) != null) {
            if (!next.isInVain()) {
                taken.add(next);
            }
        }
        return taken;
    }

    private void dispatch(List<Parcel> batch) {
        Map<EventMessage, Parcel> open = new IdentityHashMap<>(batch.size());
        batch.forEach(parcel -> open.put(parcel.message, parcel));
        Flux.defer(() -> transport.sendAll(
                        batch.stream().map(parcel -> parcel.message).toList()))
                .subscribe(new Confirmations(open));
    }

    /** One event, and who waits for its confirmation. */
    private static final class Parcel {

        private final EventMessage message;
        private final MonoSink<Void> sink;
        private volatile boolean withdrawn;

        Parcel(EventMessage message, MonoSink<Void> sink) {
            this.message = message;
            this.sink = sink;
        }

        void withdraw() {
            withdrawn = true;
        }

        /** If somebody else may have it by now, it is theirs to send, and the acknowledgement finds that out. */
        boolean isInVain() {
            boolean lost = !withdrawn && message.isLeaseLost();
            if (lost) {
                sink.success();
            }
            return lost || withdrawn;
        }

        /** Nobody is left to tell once withdrawn; Reactor would log the error as dropped. */
        void fail(Throwable failure) {
            if (!withdrawn) {
                sink.error(failure);
            }
        }
    }

    /** What the transport says of one batch. */
    private static final class Confirmations extends BaseSubscriber<Confirmation> {

        private final Map<EventMessage, Parcel> open;

        Confirmations(Map<EventMessage, Parcel> open) {
            this.open = open;
        }

        @Override
        protected void hookOnNext(Confirmation confirmation) {
            Parcel parcel = open.remove(confirmation.message());
            Throwable failure = confirmation.failure();
            if (parcel == null) {
                return;
            }
            if (failure == null) {
                parcel.sink.success();
            } else {
                parcel.fail(failure);
            }
        }

        @Override
        protected void hookOnComplete() {
            open.values()
                    .forEach(parcel -> parcel.fail(new EventException.OutcomeUnknown(
                            "The transport ended without saying what became of event " + parcel.message.eventId()
                                    + "; it is sent again.",
                            null)));
        }

        @Override
        protected void hookOnError(Throwable failure) {
            open.values().forEach(parcel -> parcel.fail(failure));
        }
    }
}
