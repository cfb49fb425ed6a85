package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * One statement per row: there is no network between. What an index begins with is part of each {@code ORDER BY}, also where it
 * is constant: otherwise H2 reads and sorts all of it. H2 keeps one {@code CURRENT_TIMESTAMP} for a transaction, that of its
 * first use.
 */
final class H2Statements implements QueueStatements {

    /**
     * Not by MERGE, which locks what it finds, so that a claim would pass it over. Within a transaction H2 takes the answer of a
     * subquery that it has answered before, whatever was inserted since, unless chance is in it.
     */
    private static final String INSERT = """
            INSERT INTO ${table}
                (event_id, channel, type, event_key, payload, metadata, deliver_at, available_at, created_at)
            SELECT CAST($1 AS UUID), CAST($2 AS VARCHAR), CAST($3 AS VARCHAR), CAST($4 AS VARCHAR),
                CAST($5 AS CLOB), CAST($6 AS CLOB), due, due, CURRENT_TIMESTAMP
            FROM (SELECT GREATEST(
                COALESCE($8, CURRENT_TIMESTAMP), DATEADD(MICROSECOND, $7, CURRENT_TIMESTAMP)) AS due)
            WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE event_id = $1 AND RAND() >= 0)
            """;

    private static final String FIND =
            "SELECT event_id, channel, status, lease_token FROM ${table} WHERE event_id = ANY ($1)";

    private static final String DELETE = "DELETE FROM ${table}";

    private static final Map<Outcome, String> CHANGES = Map.of(
            Outcome.ACK, """
                    UPDATE ${table} SET status = 'acked', available_at = NULL, settled_at = CURRENT_TIMESTAMP
                    """,
            Outcome.RETRY, """
                    UPDATE ${table}
                    SET status = 'ready', last_error = COALESCE($4, last_error),
                        deliver_at = DATEADD(MICROSECOND, $3, CURRENT_TIMESTAMP),
                        available_at = DATEADD(MICROSECOND, $3, CURRENT_TIMESTAMP)
                    """,
            Outcome.DEAD, """
                    UPDATE ${table}
                    SET status = 'dead', available_at = NULL, settled_at = CURRENT_TIMESTAMP,
                        last_error = COALESCE($3, last_error)
                    """,
            Outcome.RELEASE, """
                    UPDATE ${table} SET status = 'ready', attempts = attempts - 1, available_at = deliver_at
                    """,
            Outcome.EXTEND, """
                    UPDATE ${table}
                    SET available_at = GREATEST(available_at, DATEADD(MICROSECOND, $3, CURRENT_TIMESTAMP))
                    """);

    private static final String HELD = " WHERE event_id = $1 AND lease_token = $2 AND status = 'leased'";

    private static final String EXTENDABLE =
            "SELECT event_id FROM ${table} WHERE event_id = ANY ($1) AND status = 'leased' FOR UPDATE SKIP LOCKED";

    private static final String JANITORS_TURN =
            "SELECT task FROM ${table:maintenance} WHERE task = 'janitor' FOR UPDATE SKIP LOCKED";

    /** Asked apart from the deletion: H2 would ask again after each row that is deleted. */
    private static final String EXPIRED = """
            SELECT event_id FROM ${table}
            WHERE status = 'acked' AND settled_at < DATEADD(MICROSECOND, -$1, CURRENT_TIMESTAMP)
            ORDER BY status, settled_at
            FETCH FIRST $2 ROWS ONLY
            """;

    private static final String DELETE_THESE = DELETE + " WHERE event_id = ANY ($1)";

    private final QueueTable table;
    private final Duration retention;
    private final Keys keys = new Keys();
    private final H2Claim claim;

    H2Statements(QueueTable table, Duration retention) {
        this.table = table;
        this.retention = retention;
        this.claim = new H2Claim(table, keys);
    }

    private Statement statement(Connection connection, String template) {
        return connection.createStatement(table.fill(template));
    }

    @Override
    public Mono<Long> insert(Connection connection, List<NewEvent> events) {
        keys.note(events);
        return Sql.update(bindAll(statement(connection, INSERT), events, H2Statements::bind));
    }

    private static void bind(Statement statement, NewEvent event) {
        statement.bind(0, event.eventId()).bind(1, event.channel());
        bind(statement, 2, event.type(), String.class);
        bind(statement, 3, event.key(), String.class);
        statement.bind(4, event.payload());
        bind(statement, 5, event.metadata(), String.class);
        statement.bind(6, Sql.micros(event.delay()));
        bind(statement, 7, deliverAt(event), OffsetDateTime.class);
    }

    private static @Nullable OffsetDateTime deliverAt(NewEvent event) {
        Instant time = Sql.deliverAt(event);
        return time == null ? null : time.atOffset(ZoneOffset.UTC);
    }

    private static <R> Statement bindAll(Statement statement, List<R> rows, BiConsumer<Statement, R> bind) {
        for (int i = 0; i < rows.size(); i++) {
            bind.accept(i == 0 ? statement : statement.add(), rows.get(i));
        }
        return statement;
    }

    private static <V> Statement bind(Statement statement, int index, @Nullable V value, Class<V> type) {
        return value == null ? statement.bindNull(index, type) : statement.bind(index, value);
    }

    @Override
    public Flux<StoredEvent> find(Connection connection, Collection<UUID> eventIds) {
        return Sql.query(statement(connection, FIND).bind(0, eventIds.toArray(UUID[]::new)), Sql::storedEvent);
    }

    @Override
    public Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return this.claim.claim(connection, claim, consumer);
    }

    @Override
    public Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements) {
        boolean deletes = outcome == Outcome.ACK && retention.isZero();
        String change = deletes ? DELETE : Objects.requireNonNull(CHANGES.get(outcome));
        return outcome == Outcome.EXTEND
                ? Extensions.of(
                        settlements, extendable(connection, settlements), free -> settle(connection, change, free))
                : settle(connection, change, settlements);
    }

    private Mono<List<Boolean>> settle(Connection connection, String change, List<Settlement> settlements) {
        Statement statement = bindAll(statement(connection, change + HELD), settlements, H2Statements::bind);
        return Flux.from(statement.execute())
                .concatMap(Result::getRowsUpdated)
                .map(count -> count > 0)
                .collectList();
    }

    private Flux<UUID> extendable(Connection connection, List<Settlement> settlements) {
        UUID[] ids = settlements.stream().map(Settlement::eventId).toArray(UUID[]::new);
        return Sql.query(
                statement(connection, EXTENDABLE).bind(0, ids), row -> Sql.required(row, "event_id", UUID.class));
    }

    private static void bind(Statement statement, Settlement settlement) {
        statement.bind(0, settlement.eventId()).bind(1, settlement.leaseToken());
        switch (settlement.outcome()) {
            case RETRY -> bind(statement.bind(2, Sql.micros(settlement.after())), 3, settlement.reason(), String.class);
            case EXTEND -> statement.bind(2, Sql.micros(settlement.after()));
            case DEAD -> bind(statement, 2, settlement.reason(), String.class);
            case ACK, RELEASE -> {}
        }
    }

    @Override
    public void freed(Collection<Settlement> settled) {
        keys.settled(settled);
    }

    @Override
    public Mono<Long> deleteExpired(Connection connection, int limit) {
        Statement expired =
                statement(connection, EXPIRED).bind(0, Sql.micros(retention)).bind(1, limit);
        return Sql.query(statement(connection, JANITORS_TURN), row -> true)
                .hasElements()
                .filter(ours -> ours)
                .flatMapMany(ours -> Sql.query(expired, row -> Sql.required(row, "event_id", UUID.class)))
                .collectList()
                .flatMap(ids -> Sql.update(statement(connection, DELETE_THESE).bind(0, ids.toArray(UUID[]::new))));
    }
}
