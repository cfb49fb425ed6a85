package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.NewEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What the statements of all dialects do alike. */
final class Sql {

    private Sql() {}

    static Mono<Void> execute(Connection connection, String sql) {
        return update(connection.createStatement(sql)).then();
    }

    /** Runs a statement and answers the sum of its counts. */
    static Mono<Long> update(Statement statement) {
        return Flux.from(statement.execute()).concatMap(Result::getRowsUpdated).reduce(0L, Long::sum);
    }

    static <T> Flux<T> query(Statement statement, Function<? super Readable, ? extends T> row) {
        return Flux.from(statement.execute()).concatMap(result -> result.map(row));
    }

    static <T> T required(Readable row, String column, Class<T> type) {
        return Objects.requireNonNull(row.get(column, type), column);
    }

    /** Reads an id, or the bytes of one where the database has no such type. */
    static @Nullable UUID uuid(Readable row, String column) {
        Object value = row.get(column);
        if (value == null || value instanceof UUID) {
            return (UUID) value;
        }
        ByteBuffer bytes = buffer(value);
        return new UUID(bytes.getLong(), bytes.getLong());
    }

    /** Reads text that is stored as bytes. */
    static String utf8(Readable row, String column) {
        return StandardCharsets.UTF_8
                .decode(buffer(Objects.requireNonNull(row.get(column), column)))
                .toString();
    }

    private static ByteBuffer buffer(Object bytes) {
        return bytes instanceof byte[] array ? ByteBuffer.wrap(array) : ((ByteBuffer) bytes).duplicate();
    }

    static UUID requiredUuid(Readable row, String column) {
        return Objects.requireNonNull(uuid(row, column), column);
    }

    /** Reads a truth, or the number that stands for it. */
    static boolean truth(Readable row, String column) {
        Object value = Objects.requireNonNull(row.get(column), column);
        return value instanceof Number number ? number.longValue() != 0 : (Boolean) value;
    }

    /** Reads a time, or the microseconds since 1970 as which a dialect sends it. */
    static Instant instant(Readable row, String column) {
        Object value = Objects.requireNonNull(row.get(column), column);
        return value instanceof Long micros ? instant(micros) : ((OffsetDateTime) value).toInstant();
    }

    /** The time so many microseconds after the beginning of 1970. */
    static Instant instant(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }

    static @Nullable Duration micros(Readable row, String column) {
        Long micros = row.get(column, Long.class);
        return micros == null ? null : Duration.of(micros, ChronoUnit.MICROS);
    }

    /** Rounds up, so that nothing is due, and no lease over, too early. */
    static long micros(Duration duration) {
        long micros = TimeUnit.MICROSECONDS.convert(duration);
        return duration.getNano() % 1_000 == 0 ? micros : micros + 1;
    }

    /** What lies before 1970 is in the past anyway, and may be out of the reach of a database. */
    static @Nullable Instant deliverAt(NewEvent event) {
        Instant time = event.deliverAt();
        return time == null || time.isAfter(Instant.EPOCH) ? time : Instant.EPOCH;
    }

    static StoredEvent storedEvent(Readable row) {
        return new StoredEvent(
                requiredUuid(row, "event_id"),
                required(row, "channel", String.class),
                required(row, "status", String.class),
                uuid(row, "lease_token"));
    }
}
