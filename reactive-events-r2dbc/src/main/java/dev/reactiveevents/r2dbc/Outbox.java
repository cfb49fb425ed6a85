package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.NewEvent;
import io.r2dbc.spi.Connection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Signal;

/**
 * Publishes in transactions of others. Where the transaction is ours, its commit wakes subscribers as any publish does; of
 * others' commits nobody tells us, so that the notification is part of the transaction.
 */
final class Outbox {

    /** Stores events on a connection of somebody's. */
    interface Store {
        /** {@code again} if they may be stored already */
        Mono<Void> publish(Connection connection, List<NewEvent> events, boolean again);
    }

    private final Store store;
    private final Failures failures;
    private final @Nullable TableNews news;
    private final boolean wakeOnCommit;

    /**
     * An outbox.
     *
     * @param news what tells other processes, if anything does
     * @param wakeOnCommit whether it also does in transactions of others
     */
    Outbox(Store store, Failures failures, @Nullable TableNews news, boolean wakeOnCommit) {
        this.store = store;
        this.failures = failures;
        this.news = news;
        this.wakeOnCommit = wakeOnCommit;
    }

    EventPublisher in(EventChannel channel, Connection connection) {
        return EventChannels.publisher(
                channel,
                connection instanceof GuardedConnection ours
                        ? events -> insert(ours, events)
                                .doOnSuccess(stored -> ours.afterCommit(() -> wake(channel, events)))
                        : events -> news == null || !wakeOnCommit
                                ? insert(connection, events)
                                : insertAndTell(connection, events, news));
    }

    /** As one of our own transactions: of its commit we are told. The connection is another one if it is subscribed to again. */
    EventPublisher in(EventChannel channel, Mono<AmbientTransactions.Transaction> current) {
        return EventChannels.publisher(channel, events -> {
            AtomicBoolean again = new AtomicBoolean();
            return current.flatMap(transaction -> insert(transaction.connection(), events, again)
                    .doOnSuccess(stored -> transaction.afterCommit(() -> wake(channel, events))));
        });
    }

    private void wake(EventChannel channel, List<NewEvent> events) {
        Set<String> channels = channelsOf(events);
        EventChannels.wake(channel, channels);
        if (news != null) {
            news.tell(channels);
        }
    }

    private static Set<String> channelsOf(List<NewEvent> events) {
        return events.stream().map(NewEvent::channel).collect(Collectors.toSet());
    }

    /** No event of an id of our own can be stored already, unless the caller subscribes to the same publish again. */
    private Mono<Void> insert(Connection connection, List<NewEvent> events) {
        return insert(connection, events, new AtomicBoolean());
    }

    private Mono<Void> insert(Connection connection, List<NewEvent> events, AtomicBoolean again) {
        return Mono.defer(() -> store.publish(connection, events, again.getAndSet(true)))
                .onErrorMap(failure -> told(connection, events, failure));
    }

    /** Both are sent at once. If the first fails, so does the second, for no reason of its own. */
    private Mono<Void> insertAndTell(Connection connection, List<NewEvent> events, TableNews others) {
        Mono<Signal<Void>> stored = insert(connection, events).materialize();
        Mono<Signal<Void>> told = Mono.defer(() -> others.tell(connection, channelsOf(events)))
                .onErrorMap(failure -> told(connection, events, failure))
                .materialize();
        return Mono.zip(stored, told)
                .flatMap(both -> both.getT1().isOnError()
                        ? Mono.error(Objects.requireNonNull(both.getT1().getThrowable()))
                        : Mono.just(both.getT2()).dematerialize());
    }

    private Throwable told(Connection connection, List<NewEvent> events, Throwable failure) {
        String attempted = "Storing " + events.size() + " events in a transaction of the caller's";
        boolean inTransaction = connection instanceof GuardedConnection || !connection.isAutoCommit();
        Throwable told = inTransaction ? failures.ofUndone(attempted, failure) : failures.ofCommit(attempted, failure);
        Throwable outcome = Failures.outcome(told);
        return outcome instanceof EventException known
                ? known.withDetail("Roll back the transaction that this was part of.")
                : outcome;
    }
}
