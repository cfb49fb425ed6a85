package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Whole batches in one statement each: rows travel as arrays. */
final class PostgresStatements implements QueueStatements {

    /** The rows of {@code unnest} come, and get their {@code seq}, in the order of the arrays. */
    private static final String INSERT = """
            INSERT INTO ${table} (event_id, channel, type, event_key, payload, metadata, deliver_at, available_at, created_at)
            SELECT event_id, channel, type, event_key, payload::jsonb, metadata::jsonb, ${due}, ${due}, statement_timestamp()
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]${delays})
                AS e (event_id, channel, type, event_key, payload, metadata${names})
            """;

    private static final String DUE_NOW = INSERT.replace("${due}", "statement_timestamp()")
            .replace("${delays}", "")
            .replace("${names}", "");

    private static final String DUE_LATER = INSERT.replace(
                    "${due}", "GREATEST(deliver_at, statement_timestamp() + delay * interval '1 microsecond')")
            .replace("${delays}", ", $7::bigint[], $8::timestamptz[]")
            .replace("${names}", ", delay, deliver_at");

    /** What an idle channel publishes goes alone: without arrays it costs less, in the driver and in the server. */
    private static final String INSERT_ONE = """
            INSERT INTO ${table} (event_id, channel, type, event_key, payload, metadata, deliver_at, available_at, created_at)
            VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb,
                statement_timestamp(), statement_timestamp(), statement_timestamp())
            """;

    static final String UNIQUE_VIOLATION = "23505";

    private static final String LOCK_NOT_AVAILABLE = "55P03";

    private static final String UNLESS_STORED = " ON CONFLICT (event_id) DO NOTHING";

    private static final String FIND = """
            SELECT event_id, channel, status, lease_token FROM ${table} WHERE event_id = ANY ($1)
            """;

    private static final String DELETE_EXPIRED = """
            WITH turn AS MATERIALIZED (
                SELECT task FROM ${table:maintenance} WHERE task = 'janitor' FOR UPDATE SKIP LOCKED
            ), expired AS MATERIALIZED (
                SELECT event_id FROM ${table}
                WHERE status = 'acked' AND settled_at < statement_timestamp() - $1::bigint * interval '1 microsecond'
                    AND EXISTS (SELECT FROM turn)
                ORDER BY settled_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            DELETE FROM ${table} WHERE event_id = ANY (ARRAY(SELECT event_id FROM expired))
            """;

    private static final Pattern MICROS = Pattern.compile("\\$\\{micros:([^}]+)}");

    private final String insertOne;
    private final String insertNew;
    private final String insertDueNow;
    private final String insertDueLater;
    private final String find;
    private final PostgresClaim claim;
    private final PostgresNextOfKeys nextOfKeys;
    private final PostgresSettle settle;
    private final String deleteExpired;
    private final long retention;
    private final Watermarks watermarks;
    private final Stretches stretches;
    private final Keys keys;

    PostgresStatements(QueueTable table, Duration retention) {
        this(table, retention, System::nanoTime);
    }

    PostgresStatements(QueueTable table, Duration retention, LongSupplier nanos) {
        this.watermarks = new Watermarks(nanos);
        this.stretches = new Stretches(nanos);
        this.keys = new Keys(nanos);
        this.insertOne = filled(table, INSERT_ONE);
        this.insertNew = filled(table, DUE_NOW);
        this.insertDueNow = filled(table, DUE_NOW + UNLESS_STORED);
        this.insertDueLater = filled(table, DUE_LATER + UNLESS_STORED);
        this.find = filled(table, FIND);
        Successors successors = new Successors();
        this.claim = new PostgresClaim(table, watermarks, stretches, keys, successors);
        this.nextOfKeys = new PostgresNextOfKeys(table, keys, successors);
        this.settle = new PostgresSettle(table, retention);
        this.deleteExpired = filled(table, DELETE_EXPIRED);
        this.retention = Sql.micros(retention);
    }

    /**
     * With names, without line breaks and indents, because the driver reads through the text each time. Times travel as
     * numbers: to read them from text costs more than all the rest of a row.
     */
    static String filled(QueueTable table, String template) {
        String micros = MICROS.matcher(template).replaceAll("(date_part('epoch', $1) * 1000000)::bigint");
        return table.fill(micros).replaceAll("\\s+", " ").strip();
    }

    @Override
    public Mono<Long> insert(Connection connection, List<NewEvent> events) {
        keys.note(events);
        if (events.stream().noneMatch(NewEvent::isDelayed)) {
            return Sql.update(bind(connection.createStatement(insertDueNow), events));
        }
        return Sql.update(bind(connection.createStatement(insertDueLater), events)
                .bind(6, column(events, event -> Sql.micros(event.delay()), Long[]::new))
                .bind(7, column(events, Sql::deliverAt, Instant[]::new)));
    }

    /** To insert what may be there costs a fifth more. What is there after all makes the whole statement fail. */
    @Override
    public Mono<Long> insertNew(Connection connection, List<NewEvent> events) {
        if (events.stream().anyMatch(NewEvent::isDelayed)) {
            return insert(connection, events);
        }
        keys.note(events);
        Statement statement = events.size() == 1
                ? bind(connection.createStatement(insertOne), events.get(0))
                : bind(connection.createStatement(insertNew), events);
        return Sql.update(statement)
                .onErrorResume(
                        R2dbcException.class,
                        failure -> UNIQUE_VIOLATION.equals(failure.getSqlState())
                                ? insert(connection, events)
                                : Mono.error(failure));
    }

    private static Statement bind(Statement statement, List<NewEvent> events) {
        return statement
                .bind(0, column(events, NewEvent::eventId, UUID[]::new))
                .bind(1, column(events, NewEvent::channel, String[]::new))
                .bind(2, column(events, NewEvent::type, String[]::new))
                .bind(3, column(events, NewEvent::key, String[]::new))
                .bind(4, column(events, NewEvent::payload, String[]::new))
                .bind(5, column(events, NewEvent::metadata, String[]::new));
    }

    private static Statement bind(Statement statement, NewEvent event) {
        statement.bind(0, event.eventId()).bind(1, event.channel()).bind(4, event.payload());
        bindText(statement, 2, event.type());
        bindText(statement, 3, event.key());
        bindText(statement, 5, event.metadata());
        return statement;
    }

    private static void bindText(Statement statement, int index, @Nullable String text) {
        if (text == null) {
            statement.bindNull(index, String.class);
        } else {
            statement.bind(index, text);
        }
    }

    @Override
    public Flux<StoredEvent> find(Connection connection, Collection<UUID> eventIds) {
        return Sql.query(connection.createStatement(find).bind(0, eventIds.toArray(UUID[]::new)), Sql::storedEvent);
    }

    @Override
    public Mono<List<Claimed>> claim(Connection connection, Claim claim, String consumer, Runnable taken) {
        return this.claim.claim(connection, claim, consumer, taken);
    }

    @Override
    public Mono<List<Boolean>> settle(Connection connection, Outcome outcome, List<Settlement> settlements) {
        return settle(connection, Map.of(outcome, settlements));
    }

    @Override
    public Mono<List<Boolean>> settle(Connection connection, Map<Outcome, List<Settlement>> settlements) {
        comeAgain(settlements.getOrDefault(Outcome.RELEASE, List.of()));
        return settle.settle(connection, settlements, null);
    }

    private void comeAgain(List<Settlement> released) {
        released.forEach(settlement -> {
            watermarks.lower(settlement.channel());
            stretches.lower(settlement.channel());
        });
    }

    @Override
    public boolean takesNext(String channel) {
        return keys.isResting(channel);
    }

    /**
     * Where a lease was lost, its key may be held by another event by now, or somebody works on the next event in a transaction
     * of their own: the settlements are then applied alone.
     */
    @Override
    public Mono<Done> settle(
            Connection connection, Map<Outcome, List<Settlement>> settlements, Claim next, String consumer) {
        comeAgain(settlements.getOrDefault(Outcome.RELEASE, List.of()));
        PostgresNextOfKeys.Along along =
                nextOfKeys.along(next, consumer, settlements.getOrDefault(Outcome.ACK, List.of()));
        return settle.settle(connection, settlements, along)
                .map(applied -> new Done(applied, along.claimed()))
                .onErrorResume(
                        R2dbcException.class,
                        failure -> keepsFromTakingNext(failure)
                                ? Sql.execute(connection, "ROLLBACK")
                                        .then(Mono.defer(() -> settle.settle(connection, settlements, null)))
                                        .map(applied -> new Done(applied, null))
                                : Mono.error(failure));
    }

    private static boolean keepsFromTakingNext(R2dbcException failure) {
        return UNIQUE_VIOLATION.equals(failure.getSqlState()) || LOCK_NOT_AVAILABLE.equals(failure.getSqlState());
    }

    /** How each outcome changes a row {@code e} by a settlement {@code s}, up to where that comes from. */
    Map<Outcome, String> changes() {
        return settle.changes();
    }

    @Override
    public void freed(Collection<Settlement> settled) {
        keys.settled(settled);
    }

    @Override
    public Mono<Long> deleteExpired(Connection connection, int limit) {
        return Sql.update(
                connection.createStatement(deleteExpired).bind(0, retention).bind(1, limit));
    }

    static <R, V> @Nullable V[] column(
            List<R> rows, Function<? super R, ? extends @Nullable V> value, IntFunction<@Nullable V[]> array) {
        return rows.stream().map(value).toArray(array);
    }
}
