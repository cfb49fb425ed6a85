package dev.reactiveevents.r2dbc;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.r2dbc.AmbientTransactions.Transaction;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Publishes in the transaction around whoever subscribes. The batches of a stream are written without its subscriber's context,
 * so that its transaction is looked for before.
 */
final class AmbientPublisher implements EventPublisher {

    private final Mono<Transaction> current;
    private final Function<Mono<Transaction>, EventPublisher> publishers;
    private final EventPublisher inCurrent;

    AmbientPublisher(Mono<Transaction> current, Function<Mono<Transaction>, EventPublisher> publishers) {
        this.current = current;
        this.publishers = publishers;
        this.inCurrent = publishers.apply(current);
    }

    @Override
    public Mono<String> publish(Event event) {
        return inCurrent.publish(event);
    }

    @Override
    public Mono<List<String>> publishAll(Collection<Event> events) {
        return inCurrent.publishAll(events);
    }

    @Override
    public Flux<String> publishAll(Publisher<Event> events) {
        return current.flatMapMany(
                transaction -> publishers.apply(Mono.just(transaction)).publishAll(events));
    }
}
