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

    /** Not by MERGE, which locks what it finds, so that a claim would pass it over. */
    private static final String INSERT = """
            INSERT INTO ${table}
                (event_id, channel, type, event_key, payload, metadata, deliver_at, available_at, created_at)
            SELECT CAST($1 AS UUID), CAST($2 AS VARCHAR), CAST($3 AS VARCHAR), CAST($4 AS VARCHAR),
                CAST($5 AS CLOB), CAST($6 AS CLOB), due, due, CURRENT_TIMESTAMP
            FROM (SELECT GREATEST(
                COALESCE($8, CURRENT_TIMESTAMP), DATEADD(MICROSECOND, $7, CURRENT_TIMESTAMP)) AS due)
            WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE event_id = $1)
            """;

    private static final String FIND =
            "SELECT event_id, channel, status, lease_token FROM ${table} WHERE event_id = ANY ($1)";

    /** H2 limits before it skips locked rows: two who claim at once would see the same first rows, and the second get none. */
    private static final String TAKE_TURN = "SELECT task FROM ${table:maintenance} WHERE task = 'claim' FOR UPDATE";

    /** The lower bound keeps the walk off the settled rows, which have no such time and come first in the index. */
    private static final String DUE =
            "channel = $1 AND available_at > TIMESTAMP WITH TIME ZONE '0001-01-01 00:00:00+00'"
                    + " AND available_at <= CURRENT_TIMESTAMP";

    /** With $4, suspects; otherwise the others, and what only remains to be buried. */
    private static final String WANTED =
            "CASE WHEN $4 THEN lapses >= $3 ELSE lapses < $3 OR status = 'leased' AND attempts >= $2 END";

    /** Finds first and locks then: with {@code FOR UPDATE} H2 reads all that is due, in whatever order. */
    private static final String SELECT = """
            SELECT
                CASE WHEN status = 'leased' AND attempts >= $2 THEN 'dead'
                    WHEN status = 'leased' AND lapses + 1 = $3 THEN 'suspect'
                    ELSE 'leased' END AS becomes,
                event_id, type, event_key, payload, metadata, attempts + 1 AS attempts, created_at, deliver_at,
                DATEADD(MICROSECOND, $6, CURRENT_TIMESTAMP) AS lease_expires_at
            FROM ${table}
            WHERE event_id IN (
                    SELECT event_id FROM ${table}
                    WHERE ${due} AND ${wanted}
                    ORDER BY channel, available_at, seq
                    FETCH FIRST $5 ROWS ONLY)
                AND ${due} AND ${wanted}
            ORDER BY available_at, seq
            FOR UPDATE SKIP LOCKED
            """;

    private static final String LEASE = """
            UPDATE ${table}
            SET status = 'leased',
                attempts = attempts + 1,
                lapses = lapses + CASE status WHEN 'leased' THEN 1 ELSE 0 END,
                lease_token = $2,
                leased_by = $3,
                available_at = DATEADD(MICROSECOND, $4, CURRENT_TIMESTAMP)
            WHERE event_id = ANY ($1)
            """;

    private static final String SUSPECT = """
            UPDATE ${table} SET status = 'ready', lapses = lapses + 1, lease_token = NULL WHERE event_id = ANY ($1)
            """;

    private static final String BURY = """
            UPDATE ${table}
            SET status = 'dead', lapses = lapses + 1, lease_token = $2, available_at = NULL, settled_at = CURRENT_TIMESTAMP,
                last_error = 'The lease lapsed at attempt ' || attempts || ', which was the last.'
            WHERE event_id = ANY ($1)
            """;

    /** {@code DATEDIFF} compares the clocks on the wall, of two zones if need be: both times are brought to one. */
    private static final String REMAINS = """
            SELECT
                DATEDIFF(MICROSECOND, CURRENT_TIMESTAMP AT TIME ZONE 'UTC', (
                    SELECT available_at AT TIME ZONE 'UTC' FROM ${table}
                    WHERE channel = $1 AND available_at > CURRENT_TIMESTAMP
                    ORDER BY channel, available_at, seq
                    FETCH FIRST ROW ONLY)) AS next_due,
                EXISTS (SELECT 1 FROM ${table} WHERE ${due} AND ${wanted}) AS passed_over,
                NOT $4 AND EXISTS (
                    SELECT 1 FROM ${table} USE INDEX (${table:suspect})
                    WHERE channel = $1 AND lapses >= $3 AND available_at <= CURRENT_TIMESTAMP) AS suspects
            """;

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

    H2Statements(QueueTable table, Duration retention) {
        this.table = table;
        this.retention = retention;
    }

    private Statement statement(Connection connection, String template) {
        return connection.createStatement(
                table.fill(template.replace("${due}", DUE).replace("${wanted}", WANTED)));
    }

    @Override
    public Mono<Long> insert(Connection connection, List<NewEvent> events) {
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
        return Sql.update(statement(connection, TAKE_TURN))
                .thenMany(Flux.fromIterable(claim.requests()))
                .concatMap(request -> claim(connection, claim, request, consumer))
                .collectList();
    }

    private Mono<Claimed> claim(Connection connection, Claim claim, Claim.Request request, String consumer) {
        Taken taken = new Taken(request);
        Statement select = bind(statement(connection, SELECT), claim, request)
                .bind(4, request.limit())
                .bind(5, Sql.micros(claim.lease()));
        return Sql.query(select, taken::add)
                .thenMany(Flux.defer(() -> changes(connection, claim, consumer, taken)))
                .thenMany(Sql.query(bind(statement(connection, REMAINS), claim, request), taken::remains))
                .then(Mono.fromSupplier(taken::toClaimed));
    }

    private static Statement bind(Statement statement, Claim claim, Claim.Request request) {
        return statement
                .bind(0, request.channel())
                .bind(1, request.maxAttempts())
                .bind(2, request.suspectAfter())
                .bind(3, claim.suspects());
    }

    private Flux<Long> changes(Connection connection, Claim claim, String consumer, Taken taken) {
        Statement lease = statement(connection, LEASE)
                .bind(0, taken.leased())
                .bind(1, claim.leaseToken())
                .bind(2, consumer)
                .bind(3, Sql.micros(claim.lease()));
        Statement suspect = statement(connection, SUSPECT).bind(0, taken.suspected());
        Statement bury = statement(connection, BURY).bind(0, taken.exhausted()).bind(1, claim.leaseToken());
        return Flux.just(lease, suspect, bury).concatMap(Sql::update);
    }

    @Override
    public Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements) {
        boolean deletes = outcome == Outcome.ACK && retention.isZero();
        String change = deletes ? DELETE : Objects.requireNonNull(CHANGES.get(outcome));
        Statement statement = bindAll(statement(connection, change + HELD), settlements, H2Statements::bind);
        return Flux.from(statement.execute())
                .concatMap(Result::getRowsUpdated)
                .map(count -> count > 0)
                .collectList();
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
