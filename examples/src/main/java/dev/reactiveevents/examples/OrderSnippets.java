package dev.reactiveevents.examples;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactory;
import java.util.List;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The code of docs/order.md: compiled here, run by OrderSnippetsTest. */
final class OrderSnippets {

    record Moved(String account, int amount) {}

    private final EventChannel events;
    private final Function<Moved, Mono<Void>> bank;

    OrderSnippets(EventChannel events, Function<Moved, Mono<Void>> bank) {
        this.events = events;
        this.bank = bank;
    }

    Mono<List<String>> publish() {
        return events.publishAll(List.of(
                Event.of("accounts", new Moved("anna", 10)).withKey("anna"),
                Event.of("accounts", new Moved("bert", 20)).withKey("bert"),
                Event.of("accounts", new Moved("anna", 30)).withKey("anna"))); // comes when the first is settled
    }

    Flux<Boolean> work() {
        return events.subscribe("accounts")
                .flatMap(message -> book(message.payloadAs(Moved.class)).then(message.ack()), 8); // 8 keys at once
    }

    static R2dbcEventChannel parking(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .deadLetterKeys(DeadLetterKeys.PARK) // a dead letter holds back what follows in its key
                .build();
    }

    private Mono<Void> book(Moved moved) {
        return bank.apply(moved);
    }
}
