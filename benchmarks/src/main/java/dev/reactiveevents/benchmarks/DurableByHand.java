package dev.reactiveevents.benchmarks;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * By hand: INSERT and NOTIFY in one statement; whoever listens claims what there is, hands it over and deletes it on another
 * connection. Notifications that come during a claim lead to one more.
 */
final class DurableByHand implements Way {

    private record Claimed(UUID id, Parcel parcel) {}

    private final Lab lab;
    private final String table;
    private final Connection sending;
    private final Connection claiming;
    private final Connection settling;
    private @Nullable BareListener listener;
    private Disposable receiving = Disposables.disposed();

    DurableByHand(Lab lab, String table) {
        this.lab = lab;
        this.table = table;
        this.sending = Mono.from(lab.connections().create()).block();
        this.claiming = Mono.from(lab.connections().create()).block();
        this.settling = Mono.from(lab.connections().create()).block();
    }

    @Override
    public Mono<Void> send(List<Parcel> parcels) {
        return Flux.from(sending.createStatement("WITH stored AS (INSERT INTO " + table
                                + " (event_id, channel, payload, deliver_at, available_at, created_at) SELECT id,"
                                + " $1::text, payload::jsonb, statement_timestamp(), statement_timestamp(),"
                                + " statement_timestamp() FROM unnest($2::uuid[], $3::text[]) AS e (id, payload))"
                                + " SELECT pg_notify($4::text, $1::text)")
                        .bind(0, Lab.CHANNEL)
                        .bind(1, parcels.stream().map(parcel -> Publishing.id()).toArray(UUID[]::new))
                        .bind(2, parcels.stream().map(Parcel::json).toArray(String[]::new))
                        .bind(3, table)
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    @Override
    public void receive(Consumer<Parcel> handler, Runnable onReady) {
        Sinks.Many<String> heard = Sinks.many().unicast().onBackpressureBuffer();
        receiving = heard.asFlux()
                .onBackpressureLatest()
                .concatMap(channel -> claim(), 0)
                .subscribe(claimed -> {
                    claimed.forEach(each -> handler.accept(each.parcel()));
                    settle(claimed).subscribe();
                });
        listener = new BareListener(lab, table, heard::tryEmitNext);
        onReady.run();
    }

    private Mono<List<Claimed>> claim() {
        return Flux.from(claiming.createStatement("UPDATE " + table
                                + " SET status = 'leased', attempts = attempts + 1, lease_token = $1, leased_by = 'bare',"
                                + " available_at = statement_timestamp() + interval '30 seconds'"
                                + " WHERE event_id = ANY(ARRAY(SELECT event_id FROM " + table
                                + " WHERE channel = $2 AND event_key IS NULL AND available_at <= statement_timestamp()"
                                + " ORDER BY available_at, seq LIMIT 1000 FOR UPDATE SKIP LOCKED))"
                                + " RETURNING event_id, payload::text")
                        .bind(0, Publishing.id())
                        .bind(1, Lab.CHANNEL)
                        .execute())
                .concatMap(result ->
                        result.map(row -> new Claimed(row.get(0, UUID.class), Parcel.read(row.get(1, String.class)))))
                .collectList();
    }

    private Mono<Void> settle(List<Claimed> claimed) {
        return Flux.from(settling.createStatement(
                                "DELETE FROM " + table + " WHERE event_id = ANY($1) AND status = 'leased'")
                        .bind(0, claimed.stream().map(Claimed::id).toArray(UUID[]::new))
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    @Override
    public void close() {
        if (listener != null) {
            listener.close();
        }
        receiving.dispose();
        Flux.just(sending, claiming, settling).flatMap(Connection::close).blockLast();
    }
}
