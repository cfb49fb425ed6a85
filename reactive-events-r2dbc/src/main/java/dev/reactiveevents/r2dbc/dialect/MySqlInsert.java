package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.NewEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Stores events, many in a statement, none of which is larger than the server takes. An id that is stored already makes a
 * statement fail, and only it: then what is stored is looked for and left out. So no other error is passed over, as it would
 * be by {@code INSERT IGNORE}.
 */
final class MySqlInsert {

    private static final String INSERT = """
            INSERT INTO ${table}
                (event_id, channel, type, event_key, payload, metadata, deliver_at, available_at, created_at)
            VALUES :rows
            """;

    private static final String NOW = "UTC_TIMESTAMP(6)";

    /** Waits for those who are about to store or to delete them, whatever this transaction has seen before. */
    private static final String STORED = "SELECT event_id FROM ${table} WHERE event_id IN :ids LOCK IN SHARE MODE";

    /** Waits for nobody: a transactional handler has its event's row for as long as it works. */
    private static final String SEEN = "SELECT event_id FROM ${table} WHERE event_id IN :ids";

    private static final String LARGEST_PACKET = "SELECT @@max_allowed_packet AS bytes";

    /** What a row has beside what is counted, and a statement beside its rows. */
    private static final int OVERHEAD = 512;

    /** Who stores the same ids may be another transaction, again and again. */
    private static final int TRIES = 5;

    /** Smaller than any server's limit by default, until it is known. */
    private static final long CAREFUL = 1 << 20;

    private final MySqlText insert;
    private final MySqlText stored;
    private final MySqlText seen;
    private volatile long largest;

    MySqlInsert(QueueTable table) {
        this.insert = new MySqlText(table, INSERT);
        this.stored = new MySqlText(table, STORED);
        this.seen = new MySqlText(table, SEEN);
    }

    boolean fitOneStatement(List<NewEvent> events) {
        return pieces(events, limit()).size() == 1;
    }

    private long limit() {
        return largest == 0 ? CAREFUL : largest;
    }

    Mono<Long> insert(Connection connection, List<NewEvent> events) {
        return insert(connection, events, piece -> insertPiece(connection, piece, TRIES));
    }

    /**
     * Looks first for what is stored, where ids were given. Not in a caller's transaction, which may see what was stored when it
     * began and is no longer.
     */
    Mono<Long> insertUnseen(Connection connection, List<NewEvent> events) {
        return insert(
                connection,
                events,
                piece -> piece.stream().anyMatch(NewEvent::idGiven)
                        ? insertOthers(connection, seen, piece, TRIES)
                        : insertPiece(connection, piece, TRIES));
    }

    private Mono<Long> insert(
            Connection connection, List<NewEvent> events, Function<List<NewEvent>, Mono<Long>> insertPiece) {
        return limit(connection, events)
                .flatMapIterable(limit -> pieces(events, limit))
                .concatMap(insertPiece)
                .reduce(0L, Long::sum);
    }

    /** Asked for only if it matters: in a caller's transaction a publish is one statement. */
    private Mono<Long> limit(Connection connection, List<NewEvent> events) {
        return largest > 0 || bytes(events) <= CAREFUL
                ? Mono.just(limit())
                : Sql.query(connection.createStatement(LARGEST_PACKET), row -> Sql.required(row, "bytes", Long.class))
                        .single()
                        .doOnNext(bytes -> largest = bytes);
    }

    private static long bytes(List<NewEvent> events) {
        return OVERHEAD + events.stream().mapToLong(MySqlInsert::size).sum();
    }

    private static List<List<NewEvent>> pieces(List<NewEvent> events, long limit) {
        List<List<NewEvent>> pieces = new ArrayList<>();
        int from = 0;
        long bytes = OVERHEAD;
        for (int i = 0; i < events.size(); i++) {
            long size = size(events.get(i));
            if (i > from && bytes + size > limit) {
                pieces.add(events.subList(from, i));
                from = i;
                bytes = OVERHEAD;
            }
            bytes += size;
        }
        pieces.add(events.subList(from, events.size()));
        return pieces;
    }

    /** At most: a character has three bytes, a pair of surrogates four, and one that is escaped two. */
    private static long size(NewEvent event) {
        long characters =
                length(event.payload()) + length(event.metadata()) + length(event.type()) + 2 * length(event.key());
        return OVERHEAD + 3 * characters;
    }

    private static long length(@Nullable String text) {
        return text == null ? 0 : text.length();
    }

    private Mono<Long> insertPiece(Connection connection, List<NewEvent> events, int tries) {
        return Mono.defer(() -> {
            requireSmallEnough(events);
            return Sql.update(insert.with(Map.of("rows", rows(events))).on(connection))
                    .map(ignored -> (long) events.size())
                    .onErrorResume(
                            R2dbcException.class,
                            failure -> MySqlFamily.isDuplicate(failure) && tries > 1
                                    ? insertOthers(connection, stored, events, tries - 1)
                                    : Mono.error(failure));
        });
    }

    private void requireSmallEnough(List<NewEvent> events) {
        if (events.size() == 1 && size(events.get(0)) > limit()) {
            long bytes = bytes(events.get(0));
            if (bytes > limit()) {
                throw new EventException.Invalid("Event " + events.get(0).eventId() + " takes up to " + bytes
                        + " bytes on its way to the database, which takes no more than " + limit()
                        + " at once; make the payload smaller, or max_allowed_packet of the server larger.");
            }
        }
    }

    private static long bytes(NewEvent event) {
        return OVERHEAD
                + bytes(event.payload())
                + bytes(event.metadata())
                + bytes(event.type())
                + 2 * bytes(event.key());
    }

    /** As they are written into a statement: quotes, backslashes and what ends a line have another character before them. */
    private static long bytes(@Nullable String text) {
        return text == null
                ? 0
                : text.codePoints()
                        .map(character -> character < 0x80
                                ? "\"'\\\n\r\032\0".indexOf(character) < 0 ? 1 : 2
                                : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4)
                        .asLongStream()
                        .sum();
    }

    /** Leaves out those that a look finds stored. */
    private Mono<Long> insertOthers(Connection connection, MySqlText look, List<NewEvent> events, int tries) {
        List<UUID> ids = events.stream().map(NewEvent::eventId).toList();
        return Sql.query(look.with(Map.of("ids", ids)).on(connection), row -> Sql.requiredUuid(row, "event_id"))
                .collect(Collectors.toSet())
                .flatMap(there -> {
                    List<NewEvent> others = without(events, there);
                    return others.isEmpty() ? Mono.just(0L) : insertPiece(connection, others, tries);
                });
    }

    private static List<NewEvent> without(List<NewEvent> events, Set<UUID> ids) {
        return events.stream().filter(event -> !ids.contains(event.eventId())).toList();
    }

    private static Consumer<Composed> rows(List<NewEvent> events) {
        return to -> {
            String before = "(";
            for (NewEvent event : events) {
                to.text(before).value(event.eventId());
                to.text(",").value(event.channel());
                to.text(",").value(event.type());
                to.text(",").value(MySqlText.bytes(event.key()));
                to.text(",").value(event.payload());
                to.text(",").value(event.metadata());
                String due = due(event);
                to.text("," + due + "," + due + "," + NOW + ")");
                before = ",(";
            }
        };
    }

    private static String due(NewEvent event) {
        if (!event.isDelayed()) {
            return NOW;
        }
        String delayed = NOW + " + INTERVAL " + Sql.micros(event.delay()) + " MICROSECOND";
        Instant time = Sql.deliverAt(event);
        return time == null ? delayed : "GREATEST(" + delayed + ", " + literal(time) + ")";
    }

    /** A time later than the year 9999 has no place in a column, and never comes either. */
    static String literal(Instant time) {
        Instant latest = Instant.parse("9999-12-31T23:59:59.999999Z");
        Instant kept = time.isAfter(latest) ? latest : time;
        long micros = TimeUnit.SECONDS.toMicros(kept.getEpochSecond()) + TimeUnit.NANOSECONDS.toMicros(kept.getNano());
        return MySqlText.time(micros);
    }
}
