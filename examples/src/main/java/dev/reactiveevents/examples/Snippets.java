package dev.reactiveevents.examples;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.Overflow;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.ChannelSnapshot;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.core.type.TypeReference;

/** The code of README.md and docs/: compiled here, run by SnippetsTest, which also holds the pages to it. */
final class Snippets {

    record OrderPlaced(int number, String customer) {}

    private final R2dbcEventChannel events;

    Snippets(R2dbcEventChannel events) {
        this.events = events;
    }

    static R2dbcEventChannel open() {
        ConnectionFactory database = ConnectionFactories.get("r2dbc:h2:mem:///shop?options=DB_CLOSE_DELAY=-1");

        R2dbcEventChannel events = R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .build();

        EventSchema.of(events).migrate().block(); // once, at deployment or start
        return events;
    }

    static Flux<OrderPlaced> broadcast(ConnectionFactory database) {
        R2dbcEventChannel live = R2dbcEventChannel.create(database); // PostgreSQL's default: listen_notify
        Flux<OrderPlaced> placed = live.subscribe("orders").map(message -> message.payloadAs(OrderPlaced.class));
        return placed;
    }

    SubscribeOptions latestOnly() {
        SubscribeOptions latest = SubscribeOptions.defaults()
                .withPrefetch(100)
                .withOverflow(Overflow.DROP_OLDEST)
                .withOnMissed(dropped -> reload()); // how many were dropped; 0 after a time in which nothing was heard
        return latest;
    }

    private static void reload() {}

    static R2dbcEventChannel wokenByNotifications(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .probeInterval(Duration.ofSeconds(10)) // 30 s by default
                .build();
    }

    static boolean isHealthy(R2dbcEventChannel events) {
        ChannelSnapshot snapshot = events.snapshot();
        boolean healthy = snapshot.notifications() != ChannelSnapshot.Notifications.NOT_HEARD;
        return healthy;
    }

    static R2dbcEventChannel behindPooler(ConnectionFactory pooler) {
        return R2dbcEventChannel.builder(pooler)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .listenerConnections(ConnectionFactories.get("r2dbc:postgresql://user:password@localhost/shop"))
                .build();
    }

    Mono<String> publish() {
        return events.publish("orders", new OrderPlaced(42, "anna")); // Mono<String>: the event's id
    }

    Disposable subscribe() {
        return events.subscribe("orders") // Flux<EventMessage>, claims by demand
                .concatMap(message -> ship(message.payloadAs(OrderPlaced.class)).then(message.ack()))
                .subscribe();
    }

    Mono<String> sayMore() {
        OrderPlaced order = new OrderPlaced(42, "anna");
        return events.publish(Event.of("orders", order)
                .withType("order.placed")
                .withDelay(Duration.ofMillis(50))
                .withMetadata("source", "checkout")
                .withDeduplicationKey("order-42"));
    }

    Flux<String> publishMany(List<Event> collected, Flux<Event> stream) {
        Mono<List<String>> ids = events.publishAll(collected); // one transaction, ids in input order
        Flux<String> more = events.publishAll(stream); // batches, backpressured, ids after each commit
        return ids.flatMapIterable(all -> all).concatWith(more);
    }

    Mono<String> publishSafely(Event event) {
        Mono<String> publishing = events.publish(event); // the id is fixed here
        return publishing.retry(3); // so trying again stores the event once
    }

    Flux<Boolean> settle() {
        return events.subscribe("orders", SubscribeOptions.defaults().withPrefetch(64))
                .flatMap(
                        message -> ship(message.payloadAs(OrderPlaced.class))
                                .then(message.ack())
                                .onErrorResume(EventException.Undecodable.class, e -> message.reject(e.getMessage()))
                                .onErrorResume(IllegalStateException.class, e -> message.nack()),
                        8);
    }

    Mono<Boolean> longWork() {
        SubscribeOptions options = SubscribeOptions.defaults()
                .withPrefetch(1)
                .withRenewLeases(true)
                .withMaxProcessingTime(Duration.ofMinutes(30));
        return events.subscribe("orders", options)
                .concatMap(message -> ship(message.payloadAs(OrderPlaced.class)).then(message.ack()), 1)
                .next();
    }

    Mono<Boolean> one() {
        return events.receive("orders", Duration.ofSeconds(5)) // empty if none came in time
                .flatMap(EventMessage::ack);
    }

    static String read(EventMessage message) {
        int number = message.payload().get("number").intValue(); // a JSON tree
        OrderPlaced order = message.payloadAs(OrderPlaced.class);
        Map<String, Object> map = message.payloadAs(new TypeReference<Map<String, Object>>() {});
        String text = message.payloadText();
        return number + order.customer() + map.size() + text;
    }

    static R2dbcEventChannel configured(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .queueTable("shop_events")
                .lease(Duration.ofSeconds(30))
                .retention(Duration.ofDays(7))
                .maxAttempts(5)
                .retryPolicy(RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofMinutes(5)))
                .build();
    }

    static R2dbcEventChannel configuredByMap(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database)
                .options(Map.of("events_backend", "table_queue", "queue_table", "shop_events", "lease_seconds", 60))
                .build();
    }

    static String schema(R2dbcEventChannel events) {
        EventSchema schema = EventSchema.of(events);
        schema.migrate().block(); // creates or upgrades, any number of processes at once
        schema.validate().block(); // fails with what to do if it is not there or too old
        return schema.script(); // the same DDL, for Flyway or Liquibase
    }

    static void end(EventChannel events) {
        events.shutdown().block();
    }

    private static Mono<Void> ship(OrderPlaced order) {
        return order.number() > 0 ? Mono.empty() : Mono.error(new IllegalStateException("nothing to ship"));
    }
}
