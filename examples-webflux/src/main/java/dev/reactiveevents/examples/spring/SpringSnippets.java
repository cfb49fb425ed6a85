package dev.reactiveevents.examples.spring;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.spring.ChannelCustomizer;
import dev.reactiveevents.spring.ChannelListener;
import dev.reactiveevents.spring.DeclaredListener;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.stereotype.Component;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import reactor.core.publisher.Mono;

/** The code of docs/spring-boot.md, as one application. */
@SpringBootConfiguration
@EnableAutoConfiguration
@Import({SpringSnippets.Checkout.class, SpringSnippets.Warehouse.class})
class SpringSnippets {

    record OrderPlaced(int number, String customer) {}

    static class OutOfStock extends RuntimeException {}

    /** What has been done, for a test. */
    static class Journal {
        final Queue<String> lines = new ConcurrentLinkedQueue<>();

        Mono<Void> note(String line) {
            return Mono.fromRunnable(() -> lines.add(line));
        }
    }

    @Bean
    Journal journal() {
        return new Journal();
    }

    @Service
    static class Checkout {

        private final DatabaseClient database;
        private final EventPublisher publisher;

        Checkout(DatabaseClient database, EventPublisher publisher) {
            this.database = database;
            this.publisher = publisher;
        }

        @Transactional
        public Mono<String> place(OrderPlaced order) {
            return database.sql("INSERT INTO shop_order (number, customer) VALUES (:number, :customer)")
                    .bindValues(Map.of("number", order.number(), "customer", order.customer()))
                    .then()
                    .then(publisher.publish("orders", order)); // commits or vanishes with the order
        }
    }

    @Component
    static class Warehouse {

        private final Journal journal;

        Warehouse(Journal journal) {
            this.journal = journal;
        }

        @ChannelListener("orders")
        Mono<Void> reserve(OrderPlaced order) {
            return journal.note("reserved " + order.number()); // completes: ack; fails: again, later
        }

        @ChannelListener(
                value = "parcels",
                concurrency = "${parcels.concurrency:8}",
                maxAttempts = "5",
                retryFirst = "500ms",
                retryLongest = "1m",
                notRetryOn = OutOfStock.class)
        void ship(OrderPlaced order, EventMessage message) { // may block
            journal.lines.add("shipped " + order.number() + " at attempt " + message.attempts());
        }
    }

    @Bean
    DeclaredListener billing(Journal journal) {
        EventRouter router = new EventRouter()
                .on("invoice.paid", OrderPlaced.class, (order, message) -> journal.note("paid " + order.number()))
                .otherwise(message -> journal.note("other " + message.type()));
        return new DeclaredListener(
                "billing",
                router,
                ListenOptions.defaults()
                        .withConcurrency(4)
                        .withRetry(RetryPolicy.fixed(Duration.ofSeconds(5)).notOn(IllegalStateException.class)));
    }

    @Bean
    DeclaredListener payments(R2dbcEventChannel events) {
        EventHandler once = events.transactional((message, connection) -> Mono.from(connection
                        .createStatement("INSERT INTO ledger (number) VALUES ($1)")
                        .bind(0, message.payloadAs(Integer.class))
                        .execute())
                .flatMap(result -> Mono.from(result.getRowsUpdated())));
        return new DeclaredListener("payments", once); // the row and the acknowledgement commit together
    }

    @Bean
    ChannelCustomizer retriesOfMyOwn() {
        return builder -> builder.retryPolicy(RetryPolicy.custom(failures -> Duration.ofSeconds(failures)));
    }

    @Bean(destroyMethod = "shutdown", defaultCandidate = false)
    @Qualifier("live")
    R2dbcEventChannel live(ConnectionFactory database) {
        return R2dbcEventChannel.builder(database)
                .backend(BackendType.LISTEN_NOTIFY)
                .build();
    }
}
