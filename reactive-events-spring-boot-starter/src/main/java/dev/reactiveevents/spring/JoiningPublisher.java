package dev.reactiveevents.spring;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Publishes in Spring's transaction where there is one around the subscriber, and otherwise as the channel does. Both are
 * prepared when it is called, because payload and id are fixed then, and one of them is subscribed to.
 */
final class JoiningPublisher implements EventPublisher {

    private final R2dbcEventChannel events;
    private final SpringTransactions transactions;
    private final @Nullable EventPublisher inTransaction;

    JoiningPublisher(R2dbcEventChannel events, SpringTransactions transactions) {
        this.events = events;
        this.transactions = transactions;
        this.inTransaction = inTransaction(events, transactions);
    }

    private static @Nullable EventPublisher inTransaction(R2dbcEventChannel events, SpringTransactions transactions) {
        try {
            return events.joining(transactions);
        } catch (EventException.Unsupported keepsNoEvents) {
            return null; // and says so if it is used in a transaction
        }
    }

    @Override
    public Mono<String> publish(Event event) {
        Mono<String> alone = events.publish(event);
        Mono<String> joined = inTransaction == null ? Mono.error(this::keepsNone) : inTransaction.publish(event);
        return transactions.areActive().flatMap(active -> active ? joined : alone);
    }

    @Override
    public Mono<List<String>> publishAll(Collection<Event> batch) {
        Mono<List<String>> alone = events.publishAll(batch);
        Mono<List<String>> joined =
                inTransaction == null ? Mono.error(this::keepsNone) : inTransaction.publishAll(batch);
        return transactions.areActive().flatMap(active -> active ? joined : alone);
    }

    @Override
    public Flux<String> publishAll(Publisher<Event> stream) {
        Flux<String> alone = events.publishAll(stream);
        Flux<String> joined = inTransaction == null ? Flux.error(this::keepsNone) : inTransaction.publishAll(stream);
        return transactions.areActive().flatMapMany(active -> active ? joined : alone);
    }

    private EventException keepsNone() {
        return new EventException.Unsupported("Events were to be published in a transaction on "
                + events.snapshot().backend() + ", which keeps none; set reactive-events.backend to table_queue or"
                + " listen_notify_durable, or publish on EventChannel, which takes part in no transaction.");
    }
}
