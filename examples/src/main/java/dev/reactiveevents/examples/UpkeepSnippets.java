package dev.reactiveevents.examples;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import dev.reactiveevents.examples.Snippets.OrderPlaced;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.time.Instant;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The code of docs/dead-letters.md, docs/inspection.md and docs/transactions.md, run by UpkeepSnippetsTest. */
final class UpkeepSnippets {

    private final R2dbcEventChannel events;

    UpkeepSnippets(R2dbcEventChannel events) {
        this.events = events;
    }

    Flux<String> reasons() {
        DeadLetters dead = events.deadLetters("orders");
        Flux<String> reasons = dead.browse(DeadLetterQuery.latest(50))
                .map(letter -> letter.diedAt() + " " + letter.payloadText() + ": " + letter.reason());
        return reasons;
    }

    static Flux<DeadLetter> nextPage(DeadLetters dead, DeadLetter last) {
        Flux<DeadLetter> next = dead.browse(DeadLetterQuery.latest(50).after(last.cursor()));
        return next;
    }

    static Mono<Long> requeue(DeadLetters dead, String eventId) {
        Mono<Long> requeued = dead.requeue(DeadLetterQuery.oldest(1_000).withType("order.placed"));
        Mono<Boolean> one = dead.requeue(eventId);
        return one.then(requeued);
    }

    static Mono<Long> purge(DeadLetters dead, Instant lastYear) {
        Mono<Long> purged = dead.purge(DeadLetterQuery.oldest(Long.MAX_VALUE).withDiedBefore(lastYear));
        return purged;
    }

    static R2dbcEventChannel forgetting(ConnectionFactory database) {
        R2dbcEventChannel forgetting = R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .deadRetention(Duration.ofDays(30)) // dead letters are kept for ever otherwise
                .build();
        return forgetting;
    }

    Mono<Boolean> withdraw(String eventId) {
        Mono<Boolean> withdrawn = events.withdraw(eventId); // a delayed event nobody has taken yet
        return withdrawn;
    }

    Mono<String> inspect() {
        Mono<ChannelCounts> counts = events.inspect().counts("orders"); // ready, leased, dead and more
        Flux<ChannelCounts> all = events.inspect().counts(); // of each channel that has events
        Flux<LeaseHolder> leases = events.inspect().leases("orders", 100); // who holds what, and until when
        Mono<ProcessingTimes> times = events.inspect().processingTimes("orders", 1_000); // of the latest thousand
        return counts.flatMap(orders -> Mono.zip(all.count(), leases.count(), times)
                .map(found -> "ready " + orders.ready() + ", channels " + found.getT1() + ", leases " + found.getT2()
                        + ", timed " + found.getT3().events()));
    }

    EventListener transactional() {
        EventHandler handler = events.transactional(
                (message, connection) -> insertInto(connection, "ledger", message.payloadAs(OrderPlaced.class)));

        EventListener listener = events.listen("payments", handler);
        return listener;
    }

    Disposable bySubscription(EventHandler handler) {
        Disposable subscription = events.subscribe("payments")
                .flatMap(message -> handler.handle(message).onErrorComplete(), 4)
                .subscribe();
        return subscription;
    }

    private static Mono<Void> insertInto(Connection connection, String table, OrderPlaced order) {
        return Flux.from(connection
                        .createStatement("INSERT INTO " + table + " (number, customer) VALUES ($1, $2)")
                        .bind(0, order.number())
                        .bind(1, order.customer())
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }
}
