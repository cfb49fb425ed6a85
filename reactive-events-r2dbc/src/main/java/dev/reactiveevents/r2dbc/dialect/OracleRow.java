package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A row of Oracle with the types that the other dialects have: an id is text there, a truth a number, and every number decimal;
 * times are without a zone, in UTC.
 */
record OracleRow(Readable row) implements Readable {

    private static final Set<String> IDS = Set.of("event_id", "lease_token");
    private static final Set<String> LARGE = Set.of("payload", "metadata");

    static <T> Flux<T> query(Statement statement, Function<? super Readable, ? extends T> read) {
        return Sql.query(statement, row -> read.apply(new OracleRow(row)));
    }

    static <T> Flux<T> query(Connection connection, OracleText text, Function<? super Readable, ? extends T> read) {
        return query(text.on(connection), read);
    }

    /** The counts of a batch, one for each of its rows. The driver gives them in one result, whose sum would be its count. */
    static Flux<Long> counts(Statement statement) {
        return Flux.from(statement.execute()).concatMap(result -> result.flatMap(OracleRow::count));
    }

    private static Mono<Long> count(Result.Segment segment) {
        if (segment instanceof Result.Message message) {
            return Mono.error(message.exception());
        }
        return segment instanceof Result.UpdateCount count ? Mono.just(count.value()) : Mono.empty();
    }

    /** A copy, because a row lasts no longer than it is read. Columns of text are read as text, whatever their type. */
    static Readable kept(Readable row, List<String> columns) {
        Map<String, Object> values = new HashMap<>();
        for (String column : columns) {
            Object value = LARGE.contains(column) ? row.get(column, String.class) : row.get(column);
            if (value != null) {
                values.put(column, value);
            }
        }
        return new OracleRow(new Kept(values));
    }

    private record Kept(Map<String, Object> values) implements Readable {

        @Override
        public @Nullable Object get(String name) {
            return values.get(name);
        }

        @Override
        public <T> @Nullable T get(String name, Class<T> type) {
            return type.cast(values.get(name));
        }

        @Override
        public @Nullable Object get(int index) {
            throw new UnsupportedOperationException(
                    "A copied row has names only; ask for column " + index + " by its.");
        }

        @Override
        public <T> @Nullable T get(int index, Class<T> type) {
            throw new UnsupportedOperationException(
                    "A copied row has names only; ask for column " + index + " by its.");
        }
    }

    @Override
    public @Nullable Object get(String name) {
        Object value = row.get(name);
        return value instanceof String id && IDS.contains(name) ? UUID.fromString(id) : known(value);
    }

    @Override
    public @Nullable Object get(int index) {
        return known(row.get(index));
    }

    private static @Nullable Object known(@Nullable Object value) {
        return value instanceof LocalDateTime time ? time.atOffset(ZoneOffset.UTC) : value;
    }

    @Override
    public <T> @Nullable T get(String name, Class<T> type) {
        return type == String.class ? row.get(name, type) : as(row.get(name), type);
    }

    @Override
    public <T> @Nullable T get(int index, Class<T> type) {
        return type == String.class ? row.get(index, type) : as(row.get(index), type);
    }

    private static <T> @Nullable T as(@Nullable Object value, Class<T> type) {
        if (value instanceof Number number) {
            return type.cast(
                    type == Boolean.class
                            ? (Object) (number.longValue() != 0)
                            : type == Integer.class ? (Object) number.intValue() : (Object) number.longValue());
        }
        return type.cast(value instanceof String id && type == UUID.class ? UUID.fromString(id) : known(value));
    }
}
