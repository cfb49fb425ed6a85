package dev.reactiveevents.spring;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.web.server.context.WebServerInitializedEvent;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.transaction.annotation.Transactional;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** An application for tests: a shop that stores its orders and tells of them in one transaction, and those who hear of them. */
@SpringBootConfiguration
@EnableAutoConfiguration
class Shop {

    record Order(int number, String customer) {}

    @Bean
    Orders orders(DatabaseClient database, EventPublisher publisher) {
        return new Orders(database, publisher);
    }

    @Bean
    Warehouse warehouse() {
        return new Warehouse();
    }

    @Bean
    DeclaredListener audit(Warehouse warehouse) {
        return new DeclaredListener("audit", EventHandler.blocking(warehouse.audited::add));
    }

    /** Applications of one test end by themselves: resources that they shared would end with the first. */
    @Bean
    ReactorResourceFactory reactorResources() {
        ReactorResourceFactory own = new ReactorResourceFactory();
        own.setUseGlobalResources(false);
        own.setShutdownQuietPeriod(Duration.ZERO);
        return own;
    }

    /** Remembers whether listeners were there when the web server was. */
    @Bean
    WhenServing whenServing(ChannelListeners listeners) {
        return new WhenServing(listeners);
    }

    static class Orders {

        private final DatabaseClient database;
        private final EventPublisher publisher;

        Orders(DatabaseClient database, EventPublisher publisher) {
            this.database = database;
            this.publisher = publisher;
        }

        @Transactional
        public Mono<String> place(String channel, Order order) {
            return insert(order).then(publisher.publish(channel, order));
        }

        @Transactional
        public Mono<String> placeWithoutFunds(String channel, Order order) {
            return place(channel, order).then(Mono.error(new IllegalStateException("no funds")));
        }

        private Mono<Void> insert(Order order) {
            return database.sql("INSERT INTO orders (number, customer) VALUES (:number, :customer)")
                    .bindValues(Map.of("number", order.number(), "customer", order.customer()))
                    .then();
        }
    }

    static class Warehouse {

        final BlockingQueue<Order> reserved = new LinkedBlockingQueue<>();
        final BlockingQueue<String> shipped = new LinkedBlockingQueue<>();
        final BlockingQueue<EventMessage> audited = new LinkedBlockingQueue<>();
        final BlockingQueue<String> returns = new LinkedBlockingQueue<>();
        final BlockingQueue<Sinks.Empty<Void>> slow = new LinkedBlockingQueue<>();

        @ChannelListener(value = "orders", concurrency = "4")
        Mono<Void> reserve(Order order, EventMessage message) {
            return Mono.fromRunnable(() -> reserved.add(order));
        }

        @ChannelListener("shipments")
        void ship(Order order) {
            shipped.add(Thread.currentThread().getName() + " for " + order.customer());
        }

        @ChannelListener(
                value = "returns",
                maxAttempts = "${returns.attempts}",
                retryFirst = "1ms",
                retryLongest = "1ms")
        void takeBack(String what) {
            returns.add(what);
            throw new IllegalArgumentException("no such order: " + what);
        }

        @ChannelListener(value = "frauds", notRetryOn = SecurityException.class)
        Mono<Void> investigate(String what) {
            return Mono.error(new SecurityException(what));
        }

        @ChannelListener("slow")
        Mono<Void> takeTime(EventMessage message) {
            Sinks.Empty<Void> end = Sinks.empty();
            slow.add(end);
            return end.asMono();
        }
    }

    static final class WhenServing implements ApplicationListener<WebServerInitializedEvent> {

        private final ChannelListeners listeners;
        final AtomicBoolean listenedAlready = new AtomicBoolean(true);

        WhenServing(ChannelListeners listeners) {
            this.listeners = listeners;
        }

        @Override
        public void onApplicationEvent(WebServerInitializedEvent serving) {
            listenedAlready.set(!listeners.listeners().isEmpty());
        }
    }
}
