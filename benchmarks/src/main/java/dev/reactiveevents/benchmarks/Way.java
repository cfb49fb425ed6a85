package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.BackendType;
import java.util.List;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/** How parcels get from one process to another. Each has an end of it, and uses one half. */
interface Way extends AutoCloseable {

    /** The ways there are. */
    enum Kind {
        DURABLE,
        DURABLE_BY_HAND,
        NATIVE,
        NATIVE_BY_HAND;

        /** Opens an end. Both ends name the same table; by hand what is listened to is named like it. */
        Way open(Lab lab, String table) {
            return switch (this) {
                case DURABLE -> new OurWay(lab, table, BackendType.LISTEN_NOTIFY_DURABLE);
                case DURABLE_BY_HAND -> new DurableByHand(lab, table);
                case NATIVE -> new OurWay(lab, table, BackendType.LISTEN_NOTIFY);
                case NATIVE_BY_HAND -> new NativeByHand(lab, table);
            };
        }

        boolean needsTable() {
            return this == DURABLE || this == DURABLE_BY_HAND;
        }
    }

    /** Sends these in one transaction, and completes once it is committed. */
    Mono<Void> send(List<Parcel> parcels);

    /** Hands over what arrives, until closed. Calls {@code onReady} once whatever is sent will arrive. */
    void receive(Consumer<Parcel> handler, Runnable onReady);

    @Override
    void close();
}
