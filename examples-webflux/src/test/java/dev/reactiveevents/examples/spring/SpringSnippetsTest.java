package dev.reactiveevents.examples.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.examples.spring.SpringSnippets.OrderPlaced;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.r2dbc.core.DatabaseClient;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Runs what docs/spring-boot.md shows. */
@ResourceLock("SpringApplication") // it sets up logging for all of the process, which two must not do at once
class SpringSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private ConfigurableApplicationContext application;
    private EventChannel events;
    private SpringSnippets.Journal journal;

    @BeforeEach
    void start() {
        application = new SpringApplicationBuilder(SpringSnippets.class)
                .web(WebApplicationType.NONE)
                .run(
                        "--spring.r2dbc.url=r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1",
                        "--spring.sql.init.mode=never",
                        "--reactive-events.backend=table_queue",
                        "--reactive-events.schema.migrate=true");
        events = application.getBean(EventChannel.class);
        journal = application.getBean(SpringSnippets.Journal.class);
        application
                .getBean(DatabaseClient.class)
                .sql("CREATE TABLE shop_order (number INTEGER, customer VARCHAR(100))")
                .then()
                .block(LIMIT);
        application
                .getBean(DatabaseClient.class)
                .sql("CREATE TABLE ledger (number INTEGER)")
                .then()
                .block(LIMIT);
    }

    @AfterEach
    void close() {
        application.close();
    }

    private void awaitLine(String line) {
        await(Mono.fromSupplier(() -> journal.lines.contains(line)));
    }

    private static void await(Mono<Boolean> condition) {
        condition
                .subscribeOn(Schedulers.boundedElastic())
                .filter(met -> met)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    @Test
    void anOrderIsPlacedAndReserved() {
        application
                .getBean(SpringSnippets.Checkout.class)
                .place(new OrderPlaced(42, "anna"))
                .block(LIMIT);
        awaitLine("reserved 42");
    }

    @Test
    void parcelsAreShipped() {
        events.publish("parcels", new OrderPlaced(42, "anna")).block(LIMIT);
        awaitLine("shipped 42 at attempt 1");
    }

    @Test
    void routesAreTaken() {
        events.publish(Event.of("billing", new OrderPlaced(42, "anna")).withType("invoice.paid"))
                .block(LIMIT);
        events.publish(Event.of("billing", 1).withType("invoice.lost")).block(LIMIT);
        awaitLine("paid 42");
        awaitLine("other invoice.lost");
    }

    @Test
    void paymentsAreWrittenDown() {
        events.publish("payments", 42).block(LIMIT);
        await(application
                .getBean(DatabaseClient.class)
                .sql("SELECT COUNT(*) FROM ledger WHERE number = 42")
                .map(row -> row.get(0, Long.class) == 1)
                .one());
    }

    @Test
    void aSecondChannelIsThereForThoseWhoNameIt() {
        assertThat(application.getBean("live")).isNotSameAs(events);
    }
}
