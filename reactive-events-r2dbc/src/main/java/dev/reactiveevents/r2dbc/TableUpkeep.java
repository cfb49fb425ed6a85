package dev.reactiveevents.r2dbc;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.r2dbc.dialect.UpkeepStatements;
import dev.reactiveevents.spi.DeadEvent;
import dev.reactiveevents.spi.StoreUpkeep;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** What is done with the events in a table beside their way, each in a transaction of its own. */
final class TableUpkeep implements StoreUpkeep {

    private final Database database;
    private final UpkeepStatements statements;
    private final QueueTable table;

    TableUpkeep(Database database, UpkeepStatements statements, QueueTable table) {
        this.database = database;
        this.statements = statements;
        this.table = table;
    }

    @Override
    public Mono<List<DeadEvent.Found>> findDead(DeadEvent.Range range, int limit) {
        return database.transaction(
                "Looking for dead letters in " + table,
                connection -> statements.findDead(connection, range, limit).collectList());
    }

    @Override
    public Mono<Long> countDead(DeadEvent.Range range, @Nullable String type) {
        return database.transaction(
                "Counting dead letters in " + table, connection -> statements.countDead(connection, range, type));
    }

    @Override
    public Mono<List<DeadEvent>> readDead(String channel, Collection<UUID> eventIds) {
        return database.transaction(
                "Reading dead letters from " + table,
                connection -> statements.readDead(connection, channel, eventIds).collectList());
    }

    @Override
    public Mono<Long> requeueDead(String channel, Collection<UUID> eventIds) {
        return database.transaction(
                "Requeueing dead letters in " + table,
                connection -> statements.requeueDead(connection, channel, eventIds));
    }

    @Override
    public Mono<Long> purgeDead(String channel, Collection<UUID> eventIds) {
        return database.transaction(
                "Purging dead letters from " + table,
                connection -> statements.purgeDead(connection, channel, eventIds));
    }

    @Override
    public Mono<String> withdraw(UUID eventId) {
        return database.transaction(
                "Withdrawing event " + eventId + " from " + table,
                connection -> statements.withdraw(connection, eventId));
    }

    @Override
    public Mono<List<String>> channels() {
        return database.transaction(
                "Looking for channels in " + table,
                connection -> statements.channels(connection).collectList());
    }

    @Override
    public Mono<ChannelCounts> counts(String channel, int bound) {
        return database.transaction(
                "Counting events in " + table, connection -> statements.counts(connection, channel, bound));
    }

    @Override
    public Mono<List<LeaseHolder>> leases(String channel, int limit) {
        return database.transaction(
                "Reading leases from " + table,
                connection -> statements.leases(connection, channel, limit).collectList());
    }

    @Override
    public Mono<List<Duration>> processingTimes(String channel, int limit) {
        return database.transaction(
                "Reading processing times from " + table,
                connection ->
                        statements.processingTimes(connection, channel, limit).collectList());
    }
}
