package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Row;
import io.r2dbc.spi.RowMetadata;
import java.math.BigDecimal;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** One result, as Oracle's driver gives one for a query, for a batch with all of its counts, for OUT parameters or for an error. */
record OracleOnH2Result(Flux<Readable> rows, Flux<Long> counts, Throwable failure) implements Result {

    static Result failed(Throwable failure) {
        return new OracleOnH2Result(Flux.empty(), Flux.empty(), failure);
    }

    static Result outs(Map<String, Object> values) {
        return new OracleOnH2Result(Flux.just(new Out(values)), Flux.empty(), null);
    }

    /** A block without OUT parameters tells no count. */
    static Result nothing() {
        return new OracleOnH2Result(Flux.empty(), Flux.empty(), null);
    }

    /** Those of H2, one for each row of a batch. */
    static Flux<Result> of(List<? extends Result> results) {
        return Flux.fromIterable(results)
                .concatMap(result -> result.<Object>flatMap(segment -> segment instanceof Result.RowSegment row
                        ? Mono.just(Copy.of(row.row()))
                        : segment instanceof Result.UpdateCount count ? Mono.just(count.value()) : Mono.empty()))
                .collectList()
                .map(all -> new OracleOnH2Result(
                        Flux.fromIterable(all).ofType(Readable.class),
                        Flux.fromIterable(all).ofType(Long.class),
                        null))
                .cast(Result.class)
                .flux();
    }

    @Override
    public Publisher<Long> getRowsUpdated() {
        return failure != null ? Mono.error(failure) : counts.reduce(Long::sum);
    }

    @Override
    public <T> Publisher<T> map(Function<? super Readable, ? extends T> mapping) {
        return failure != null ? Flux.error(failure) : rows.map(mapping);
    }

    @Override
    public <T> Publisher<T> map(BiFunction<Row, RowMetadata, ? extends T> mapping) {
        throw new UnsupportedOperationException("The dialect reads by the other one.");
    }

    @Override
    public Result filter(Predicate<Segment> filter) {
        throw new UnsupportedOperationException("The dialect filters nothing.");
    }

    @Override
    public <T> Publisher<T> flatMap(Function<Segment, ? extends Publisher<? extends T>> mapping) {
        return failure != null
                ? Flux.from(mapping.apply(new Failed((R2dbcException) failure)))
                : counts.concatMap(count -> mapping.apply((UpdateCount) () -> count));
    }

    private record Failed(R2dbcException exception) implements Message {
        @Override
        public int errorCode() {
            return exception.getErrorCode();
        }

        @Override
        public String sqlState() {
            return exception.getSqlState();
        }

        @Override
        public String message() {
            return exception.getMessage();
        }
    }

    /** Numbers are decimal, and no other types but text and times are there. */
    private record Out(Map<String, Object> values) implements Readable {

        @Override
        public Object get(String name) {
            return values.get(name);
        }

        @Override
        public <T> T get(String name, Class<T> type) {
            return type.cast(values.get(name));
        }

        @Override
        public Object get(int index) {
            throw new UnsupportedOperationException();
        }

        @Override
        public <T> T get(int index, Class<T> type) {
            throw new UnsupportedOperationException();
        }
    }

    private record Copy(List<String> names, Map<String, Object> values) implements Readable {

        static Copy of(Row row) {
            Map<String, Object> values = new java.util.HashMap<>();
            List<String> names = new java.util.ArrayList<>();
            row.getMetadata().getColumnMetadatas().forEach(column -> {
                String name = column.getName().toLowerCase(java.util.Locale.ROOT);
                boolean text = column.getJavaType() == io.r2dbc.spi.Clob.class
                        || String.valueOf(column.getType().getName()).contains("CHARACTER");
                names.add(name);
                values.put(name, text ? row.get(column.getName(), String.class) : known(row.get(column.getName())));
            });
            return new Copy(names, values);
        }

        private static Object known(Object value) {
            return value == null || value instanceof LocalDateTime || value instanceof String
                    ? value
                    : new BigDecimal(value.toString());
        }

        @Override
        public Object get(String name) {
            if (!values.containsKey(name)) {
                throw new java.util.NoSuchElementException(name + " is not among " + names);
            }
            return values.get(name);
        }

        @Override
        public <T> T get(String name, Class<T> type) {
            Object value = get(name);
            if (value instanceof BigDecimal number && type != BigDecimal.class) {
                return type.cast(
                        type == Integer.class
                                ? (Object) number.intValueExact()
                                : type == Long.class ? (Object) number.longValueExact() : unknown(type));
            }
            return type.cast(value);
        }

        private static Object unknown(Class<?> type) {
            throw new IllegalArgumentException("The driver makes no " + type + " of a number.");
        }

        @Override
        public Object get(int index) {
            return get(names.get(index));
        }

        @Override
        public <T> T get(int index, Class<T> type) {
            return get(names.get(index), type);
        }
    }
}
