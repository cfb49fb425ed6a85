package dev.reactiveevents.examples;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Publish, subscribe, acknowledge, in a database of its own in memory, or in the one whose R2DBC URL is given. Two
 * publishers, two subscribers that share the events, and one event that fails once and comes back.
 */
public final class Quickstart {

    private static final String IN_MEMORY = "r2dbc:h2:mem:///quickstart?options=DB_CLOSE_DELAY=-1";
    private static final int ORDERS_EACH = 5;
    private static final int ORDERS = 2 * ORDERS_EACH;
    private static final int UNLUCKY = 4;

    record OrderPlaced(int number, String customer) {}

    private final EventChannel events;
    private final String channel = "orders-" + UUID.randomUUID().toString().substring(0, 8);
    private final AtomicInteger deliveries = new AtomicInteger();
    private final AtomicInteger acks = new AtomicInteger();

    private Quickstart(EventChannel events) {
        this.events = events;
    }

    /**
     * Runs the example and ends.
     *
     * @param args an R2DBC URL, if another database than H2 in memory is to be used
     */
    public static void main(String[] args) {
        ConnectionFactory database = ConnectionFactories.get(args.length == 0 ? IN_MEMORY : args[0]);
        R2dbcEventChannel events = R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .build();
        EventSchema.of(events).migrate().block();
        System.out.println("Table queue on " + database.getMetadata().getName()
                + ": the schema is there, two publishers and two" + " subscribers begin.\n");

        Quickstart quickstart = new Quickstart(events);
        quickstart.run().block(Duration.ofSeconds(60));
        quickstart.tellCounts(database).block();
        events.shutdown().block();
    }

    private Mono<Void> run() {
        Flux<String> published = Flux.merge(publisher("checkout", 1), publisher("hotline", 1 + ORDERS_EACH));
        Flux<Boolean> worked =
                Flux.merge(subscriber("anna"), subscriber("bert")).take(ORDERS);
        return Mono.when(published, worked);
    }

    private Flux<String> publisher(String name, int first) {
        return Flux.range(first, ORDERS_EACH)
                .delayElements(Duration.ofMillis(40))
                .concatMap(number -> events.publish(Event.of(channel, new OrderPlaced(number, "customer-" + number % 3))
                                .withType("order.placed")
                                .withMetadata("source", name))
                        .doOnNext(id -> tell(name, "published order %d as event %s", number, id)));
    }

    /** Takes one event at a time; answers true for each that it acknowledged. */
    private Flux<Boolean> subscriber(String name) {
        return events.subscribe(channel, SubscribeOptions.defaults().withPrefetch(2))
                .concatMap(message -> work(name, message), 1)
                .filter(acknowledged -> acknowledged);
    }

    private Mono<Boolean> work(String name, EventMessage message) {
        OrderPlaced order = message.payloadAs(OrderPlaced.class);
        deliveries.incrementAndGet();
        tell(
                name,
                "received order %d from %s, delivery %d",
                order.number(),
                message.metadata().get("source"),
                message.attempts());
        Mono<Void> ship = Mono.delay(Duration.ofMillis(60)).then();
        return order.number() == UNLUCKY && message.attempts() == 1
                ? ship.then(giveBack(name, order, message))
                : ship.then(acknowledge(name, order, message));
    }

    private Mono<Boolean> giveBack(String name, OrderPlaced order, EventMessage message) {
        return message.nack(Duration.ofMillis(300))
                .doOnNext(done -> tell(name, "nacked order %d, it comes back in 300 ms", order.number()))
                .thenReturn(false);
    }

    private Mono<Boolean> acknowledge(String name, OrderPlaced order, EventMessage message) {
        return message.ack().doOnNext(done -> {
            acks.incrementAndGet();
            tell(name, "acked order %d", order.number());
        });
    }

    /** What the account above adds up to, and what the database says. */
    private Mono<Void> tellCounts(ConnectionFactory database) {
        System.out.printf(
                "%n%d events published, %d deliveries (one was nacked), %d acks.%n",
                ORDERS, deliveries.get(), acks.get());
        String count = "SELECT status, count(*) FROM \"reactive_event_queue\" WHERE channel = '" + channel
                + "' GROUP BY status ORDER BY status";
        return Flux.usingWhen(
                        database.create(),
                        connection -> Flux.from(
                                        connection.createStatement(count).execute())
                                .flatMap(result ->
                                        result.map(row -> row.get(1, Long.class) + " " + row.get(0, String.class))),
                        Connection::close)
                .collectList()
                .doOnNext(counts -> System.out.println("In the table: " + String.join(", ", counts) + "."))
                .then();
    }

    private static void tell(String who, String what, Object... values) {
        System.out.printf("%-8s  %s%n", who, what.formatted(values));
    }
}
