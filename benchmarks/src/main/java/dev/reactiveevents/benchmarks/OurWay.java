package dev.reactiveevents.benchmarks;

import dev.reactiveevents.Event;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/** Ours: a channel object in each process. */
final class OurWay implements Way {

    private final ConnectionPool pool;
    private final R2dbcEventChannel events;

    OurWay(Lab lab, String table, BackendType backend) {
        this.pool = lab.pool();
        this.events = Lab.channel(pool, table, Duration.ZERO, backend);
    }

    @Override
    public Mono<Void> send(List<Parcel> parcels) {
        return parcels.size() == 1
                ? events.publish(Lab.CHANNEL, parcels.get(0)).then()
                : events.publishAll(parcels.stream()
                                .map(parcel -> Event.of(Lab.CHANNEL, parcel))
                                .toList())
                        .then();
    }

    @Override
    public void receive(Consumer<Parcel> handler, Runnable onReady) {
        events.subscribe(Lab.CHANNEL, SubscribeOptions.defaults().withOnReady(onReady))
                .subscribe(message -> {
                    handler.accept(message.payloadAs(Parcel.class));
                    message.ack().subscribe();
                });
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
    }
}
