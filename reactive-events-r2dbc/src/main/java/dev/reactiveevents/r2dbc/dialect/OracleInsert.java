package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.NewEvent;
import io.r2dbc.spi.Clob;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Stores events in batches. Of a batch that fails at one row the rows before it are stored: a savepoint undoes them. An id that
 * is stored already makes it fail; then what is stored is looked for and left out.
 */
final class OracleInsert {

    /** What may be longer than 4,000 bytes comes last: Oracle takes no other value behind it. */
    private static final String INSERT = """
            INSERT INTO ${table}
                   (event_id, channel, type, event_key, created_at, deliver_at, available_at, payload, metadata)
            VALUES (:event_id, :channel, :event_type, :event_key, ${now}, ${due}, ${due}, :payload, :metadata)
            """;

    private static final String DUE_LATER = "GREATEST(${now} + NUMTODSINTERVAL(:delay_seconds, 'SECOND'), :due_at)";

    private static final String STORED = "SELECT event_id FROM ${table} WHERE event_id IN (${many})";

    private static final String SAVEPOINT = "reactive_events";

    /** The largest text that the driver binds without a large object, which it would make by blocking, has 32,766 bytes. */
    private static final int LONGEST_TEXT = 32_000;

    /** Who stores the same ids may be another transaction, again and again. */
    private static final int TRIES = 5;

    private final OracleText insertNow;
    private final OracleText insertLater;
    private final OracleText stored;

    OracleInsert(QueueTable table) {
        this.insertNow = new OracleText(table, INSERT.replace("${due}", "${now}"));
        this.insertLater = new OracleText(table, INSERT.replace("${due}", DUE_LATER));
        this.stored = new OracleText(table, STORED);
    }

    Mono<Long> insert(Connection connection, List<NewEvent> events) {
        return insert(connection, events, TRIES);
    }

    private Mono<Long> insert(Connection connection, List<NewEvent> events, int tries) {
        return Mono.defer(() -> insertAll(connection, batches(events)))
                .thenReturn((long) events.size())
                .onErrorResume(
                        R2dbcException.class,
                        failure -> tries > 1 && OracleErrors.isDuplicate(failure)
                                ? insertOthers(connection, events, tries - 1)
                                : Mono.error(failure));
    }

    private Mono<Void> insertAll(Connection connection, List<List<NewEvent>> batches) {
        Mono<Void> all = Flux.fromIterable(batches)
                .concatMap(batch -> OracleRow.counts(statement(connection, batch)))
                .then();
        boolean oneRow = batches.size() == 1 && batches.get(0).size() == 1;
        return oneRow || connection.isAutoCommit()
                ? all
                : Mono.from(connection.createSavepoint(SAVEPOINT))
                        .then(all)
                        .onErrorResume(failure -> Mono.from(connection.rollbackTransactionToSavepoint(SAVEPOINT))
                                .onErrorComplete()
                                .then(Mono.error(failure)));
    }

    private Mono<Long> insertOthers(Connection connection, List<NewEvent> events, int tries) {
        return Flux.fromIterable(events)
                .map(event -> event.eventId().toString())
                .buffer(OracleText.MOST)
                .concatMap(ids -> OracleRow.query(
                        stored.on(connection, ids, "${value}", ", "), row -> Sql.required(row, "event_id", UUID.class)))
                .collect(Collectors.toSet())
                .flatMap(there -> {
                    List<NewEvent> others = without(events, there);
                    return others.isEmpty() ? Mono.just(0L) : insert(connection, others, tries);
                });
    }

    private static List<NewEvent> without(List<NewEvent> events, Set<UUID> ids) {
        return events.stream().filter(event -> !ids.contains(event.eventId())).toList();
    }

    /** What follows each other and is of one text. Large objects go one by one: a batch has values of one type. */
    private static List<List<NewEvent>> batches(List<NewEvent> events) {
        List<List<NewEvent>> batches = new ArrayList<>();
        int from = 0;
        for (int i = 1; i <= events.size(); i++) {
            if (i == events.size() || !sameBatch(events.get(i - 1), events.get(i))) {
                batches.add(events.subList(from, i));
                from = i;
            }
        }
        return batches;
    }

    private static boolean sameBatch(NewEvent before, NewEvent event) {
        return before.isDelayed() == event.isDelayed() && !hasLarge(before) && !hasLarge(event);
    }

    private static boolean hasLarge(NewEvent event) {
        return isLarge(event.payload()) || isLarge(event.metadata());
    }

    /** A character is at most three bytes, and a pair of surrogates four. */
    static boolean isLarge(@Nullable String text) {
        return text != null
                && text.length() * 3L > LONGEST_TEXT
                && text.codePoints().asLongStream().map(OracleInsert::bytes).sum() > LONGEST_TEXT;
    }

    private static long bytes(long character) {
        return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    }

    private Statement statement(Connection connection, List<NewEvent> batch) {
        boolean later = batch.get(0).isDelayed();
        Statement statement = (later ? insertLater : insertNow).on(connection);
        for (int i = 0; i < batch.size(); i++) {
            bind(i == 0 ? statement : statement.add(), batch.get(i), later);
        }
        return statement;
    }

    private static void bind(Statement statement, NewEvent event, boolean later) {
        statement.bind("event_id", event.eventId().toString()).bind("channel", event.channel());
        bind(statement, "event_type", event.type());
        bind(statement, "event_key", event.key());
        bind(statement, "payload", event.payload());
        bind(statement, "metadata", event.metadata());
        if (later) {
            statement.bind("delay_seconds", OracleText.seconds(event.delay()));
            Instant time = Sql.deliverAt(event);
            statement.bind("due_at", OracleText.time(time == null ? Instant.EPOCH : time));
        }
    }

    static void bind(Statement statement, String name, @Nullable String text) {
        if (text == null) {
            statement.bindNull(name, String.class);
        } else {
            statement.bind(name, isLarge(text) ? Clob.from(Mono.just(Objects.requireNonNull(text))) : text);
        }
    }
}
