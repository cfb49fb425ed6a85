package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The statements of one queue table. They run on a connection that the caller opened, in the transaction that it began, and
 * leave both alone, except for claims and settlements of a {@linkplain Dialect#transactsAtOnce() dialect} where these are
 * transactions of their own; they report the driver's errors as they are. What they mean is said in {@link EventBackend}. All time is
 * the database's, at the moment of the statement.
 */
public interface QueueStatements {

    /**
     * Stores events in input order and skips those whose id is stored. Waits for another transaction that is about to store
     * one of these ids.
     *
     * @param connection the connection
     * @param events at least one, and no id twice
     * @return how many were stored
     */
    Mono<Long> insert(Connection connection, List<NewEvent> events);

    /**
     * Stores events as {@link #insert} does, in a transaction of ours, in which each statement sees what is committed by then.
     * It need not wait for whoever has the row of an event that is stored already, as a transactional handler has.
     *
     * @param connection the connection
     * @param events at least one, and no id twice
     * @return how many were stored
     */
    default Mono<Long> insertInOurs(Connection connection, List<NewEvent> events) {
        return insert(connection, events);
    }

    /**
     * Stores events as {@link #insert} does, in one statement, when none of their ids was chosen by a publisher: one of them is
     * stored already only if a publish is repeated. Outside a transaction; or in one of the caller's, and then none is stored.
     *
     * @param connection the connection
     * @param events at least one, and no id twice
     * @return how many were stored
     */
    default Mono<Long> insertNew(Connection connection, List<NewEvent> events) {
        return insert(connection, events);
    }

    /**
     * Whether {@link #insertNew} can store these in one statement.
     *
     * @param events at least one
     * @return true, unless overridden; false to store them in a transaction, by {@link #insert}
     */
    default boolean fitOneStatement(List<NewEvent> events) {
        return true;
    }

    /**
     * Looks events up.
     *
     * @param connection the connection
     * @param eventIds at least one
     * @return those that are stored, in any order
     */
    Flux<StoredEvent> find(Connection connection, Collection<UUID> eventIds);

    /**
     * Leases due events.
     *
     * @param connection the connection
     * @param claim what to take
     * @param consumer who takes it, for people to read
     * @param taken to be run when no other claim can take these events any more; need not be run, and may be run again
     * @return one answer for each request, in their order
     */
    Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken);

    /**
     * Applies settlements of one outcome, each while its event is leased under its token. Locks in the order of the list;
     * extensions wait for no lock, and are not applied where there is one: a transactional handler may keep it for long.
     *
     * @param connection the connection
     * @param outcome the outcome
     * @param settlements at least one
     * @return for each, in the order of the list, whether it was applied
     */
    Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements);

    /**
     * Applies settlements of several outcomes: by default those of one after those of the other. Where settlements are
     * transactions of their own, all of these are to be one.
     *
     * @param connection the connection
     * @param settlements by their outcomes, at least one of each
     * @return for each, in the order of the lists, whether it was applied
     */
    default Mono<List<Boolean>> settle(Connection connection, Map<Outcome, List<Settlement>> settlements) {
        return Flux.fromIterable(settlements.entrySet())
                .concatMap(same -> settle(connection, same.getKey(), same.getValue()))
                .concatMapIterable(Function.identity())
                .collectList();
    }

    /**
     * What came of settlements that were to take the next events of their keys along.
     *
     * @param applied for each settlement, in the order of the lists, whether it was applied
     * @param next what was claimed; null if nothing was looked for
     */
    record Done(List<Boolean> applied, @Nullable Claimed next) {}

    /**
     * Whether {@link #settle(Connection, Map, Claim, String)} is to be preferred at the moment, see {@link
     * EventBackend#takesNext}.
     *
     * @param channel the channel's name
     * @return false, unless overridden
     */
    default boolean takesNext(String channel) {
        return false;
    }

    /**
     * Applies settlements and leases the next events of the keys that acknowledgements among them free, in one transaction.
     *
     * @param connection the connection
     * @param settlements by their outcomes, at least one of each
     * @param next what to take
     * @param consumer who takes it, for people to read
     * @return what came of both
     */
    default Mono<Done> settle(
            Connection connection, Map<Outcome, List<Settlement>> settlements, Claim next, String consumer) {
        return settle(connection, settlements).map(applied -> new Done(applied, null));
    }

    /**
     * Tells what was settled here, once it is committed: claims that follow may look for the next events of these keys first,
     * or for these alone.
     * Does nothing by default.
     *
     * @param settled settlements that were applied, without those that had the next events of their keys looked for
     */
    default void freed(Collection<Settlement> settled) {}

    /**
     * Deletes acknowledged events whose retention is over, unless another process does so at this moment.
     *
     * @param connection the connection, in a transaction
     * @param limit how many at most
     * @return how many were deleted
     */
    Mono<Long> deleteExpired(Connection connection, int limit);
}
