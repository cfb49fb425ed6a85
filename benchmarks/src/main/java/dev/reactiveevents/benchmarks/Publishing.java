package dev.reactiveevents.benchmarks;

import dev.reactiveevents.Event;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.databind.json.JsonMapper;

/** Callers that publish, each one thing after the other. */
final class Publishing implements Contestant {

    record Order(int order, String customer, String note) {
        static Order number(int number) {
            return new Order(number, "anna", "x".repeat(60));
        }
    }

    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final int TOGETHER = 1_000;

    private final Lab lab;
    private final String table;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private final int callers;
    private Supplier<Mono<Integer>> call = () -> Mono.just(0);

    private Publishing(Lab lab, String table, int callers) {
        this(lab, table, callers, BackendType.TABLE_QUEUE);
    }

    private Publishing(Lab lab, String table, int callers, BackendType backend) {
        this.lab = lab;
        this.table = table;
        this.callers = callers;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.channel(pool, table, Duration.ZERO, backend);
    }

    static Publishing ours(Lab lab, String table, int callers) {
        return ours(lab, table, callers, BackendType.TABLE_QUEUE);
    }

    static Publishing ours(Lab lab, String table, int callers, BackendType backend) {
        Publishing publishing = new Publishing(lab, table, callers, backend);
        publishing.call =
                () -> publishing.events.publish(Lab.CHANNEL, Order.number(7)).thenReturn(1);
        return publishing;
    }

    static Publishing oursTogether(Lab lab, String table) {
        Publishing publishing = new Publishing(lab, table, 1);
        publishing.call = () -> publishing
                .events
                .publishAll(orders().map(order -> Event.of(Lab.CHANNEL, order)).toList())
                .map(List::size);
        return publishing;
    }

    /** One INSERT for each call, by the driver, on a connection of the pool. */
    static Publishing bare(Lab lab, String table, int callers) {
        Publishing publishing = new Publishing(lab, table, callers);
        String sql = "INSERT INTO " + table
                + " (event_id, channel, payload, deliver_at, available_at, created_at) VALUES ($1, $2, $3::text::jsonb,"
                + " statement_timestamp(), statement_timestamp(), statement_timestamp())";
        publishing.call = () -> Mono.usingWhen(
                publishing.pool.create(),
                connection -> Flux.from(connection
                                .createStatement(sql)
                                .bind(0, id())
                                .bind(1, Lab.CHANNEL)
                                .bind(2, json(Order.number(7)))
                                .execute())
                        .concatMap(Result::getRowsUpdated)
                        .then(Mono.just(1)),
                Connection::close);
        return publishing;
    }

    /** One INSERT from arrays for each thousand, on one connection. */
    static Publishing bareTogether(Lab lab, String table) {
        Publishing publishing = new Publishing(lab, table, 1);
        String sql = "INSERT INTO " + table
                + " (event_id, channel, payload, deliver_at, available_at, created_at) SELECT id, channel,"
                + " payload::jsonb, statement_timestamp(), statement_timestamp(), statement_timestamp()"
                + " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS e (id, channel, payload)";
        publishing.call = () -> Mono.usingWhen(
                publishing.pool.create(),
                connection -> {
                    List<Order> orders = orders().toList();
                    return Flux.from(connection
                                    .createStatement(sql)
                                    .bind(0, orders.stream().map(order -> id()).toArray(UUID[]::new))
                                    .bind(
                                            1,
                                            orders.stream()
                                                    .map(order -> Lab.CHANNEL)
                                                    .toArray(String[]::new))
                                    .bind(
                                            2,
                                            orders.stream()
                                                    .map(Publishing::json)
                                                    .toArray(String[]::new))
                                    .execute())
                            .concatMap(Result::getRowsUpdated)
                            .then(Mono.just(orders.size()));
                },
                Connection::close);
        return publishing;
    }

    private static java.util.stream.Stream<Order> orders() {
        return IntStream.range(0, TOGETHER).mapToObj(Order::number);
    }

    /** Ordered in time, as ours are: random ones would spread over the whole index. */
    static UUID id() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return new UUID(
                System.currentTimeMillis() << 16 | 0x7000L | random.nextInt(0x1000),
                random.nextLong() & 0x3FFF_FFFF_FFFF_FFFFL | 0x8000_0000_0000_0000L);
    }

    static String json(Order order) {
        return MAPPER.writeValueAsString(order);
    }

    @Override
    public void prepare() {
        lab.execute("TRUNCATE " + table);
        lab.tidy(table);
    }

    @Override
    public double measure(Duration window) {
        return rate(callers, call, window, () -> lab.number("SELECT count(*) FROM " + table));
    }

    /** How much so many callers publish in a second, each one thing after the other; all of it must be stored. */
    static double rate(int callers, Supplier<Mono<Integer>> call, Duration window, LongSupplier inTable) {
        long start = System.nanoTime();
        long end = start + window.toNanos();
        long published = Flux.range(0, callers)
                .flatMap(
                        caller -> Mono.defer(call)
                                .repeat(() -> System.nanoTime() < end)
                                .reduce(0L, Long::sum),
                        callers)
                .reduce(0L, Long::sum)
                .block();
        double rate = published * 1e9 / (System.nanoTime() - start);
        long stored = inTable.getAsLong();
        if (stored != published) {
            throw new IllegalStateException(published + " events were published, " + stored + " are stored.");
        }
        return rate;
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
