package dev.reactiveevents.benchmarks;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** By hand: NOTIFY on one connection, LISTEN on another. A notification is the payload and nothing else. */
final class NativeByHand implements Way {

    private final Lab lab;
    private final String topic;
    private final Connection sending;
    private @Nullable BareListener listener;

    NativeByHand(Lab lab, String topic) {
        this.lab = lab;
        this.topic = topic;
        this.sending = Mono.from(lab.connections().create()).block();
    }

    @Override
    public Mono<Void> send(List<Parcel> parcels) {
        return Flux.from(sending.createStatement(
                                "SELECT count(pg_notify($1, payload)) FROM unnest($2::text[]) AS n (payload)")
                        .bind(0, topic)
                        .bind(1, parcels.stream().map(Parcel::json).toArray(String[]::new))
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    @Override
    public void receive(Consumer<Parcel> handler, Runnable onReady) {
        listener = new BareListener(lab, topic, payload -> handler.accept(Parcel.read(payload)));
        onReady.run();
    }

    @Override
    public void close() {
        if (listener != null) {
            listener.close();
        }
        Mono.from(sending.close()).block();
    }
}
