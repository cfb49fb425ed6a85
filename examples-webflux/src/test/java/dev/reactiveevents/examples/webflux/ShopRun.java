package dev.reactiveevents.examples.webflux;

import dev.reactiveevents.EventChannel;
import java.time.Duration;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.test.web.reactive.server.WebTestClient;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** The application of the example on a port and a database of its own. */
final class ShopRun implements AutoCloseable {

    static final Duration LIMIT = Duration.ofSeconds(30);

    final ConfigurableApplicationContext application;
    final WebTestClient client;

    ShopRun() {
        application = new SpringApplicationBuilder(ShopApplication.class, OwnResources.class)
                .run(
                        "--server.port=0",
                        "--spring.r2dbc.url=r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");
        client = WebTestClient.bindToServer()
                .baseUrl(url())
                .responseTimeout(LIMIT)
                .build();
    }

    /** Applications of one test run end by themselves: resources that they shared would end with the first. */
    @Configuration(proxyBeanMethods = false)
    static class OwnResources {

        @Bean
        ReactorResourceFactory reactorResources() {
            ReactorResourceFactory own = new ReactorResourceFactory();
            own.setUseGlobalResources(false);
            own.setShutdownQuietPeriod(Duration.ZERO);
            return own;
        }
    }

    String url() {
        return "http://localhost:" + application.getEnvironment().getProperty("local.server.port");
    }

    EventChannel events() {
        return application.getBean(EventChannel.class);
    }

    LiveOrders live() {
        return application.getBean(LiveOrders.class);
    }

    void place(String customer, String item) {
        client.post()
                .uri("/orders")
                .bodyValue(new OrderController.NewOrder(customer, item))
                .exchange()
                .expectStatus()
                .isCreated();
    }

    /** How many orders have shipped and wait to be shown. */
    long waiting() {
        return events().inspect().counts("orders.shipped").block(LIMIT).ready().atLeast();
    }

    static void await(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .subscribeOn(Schedulers.boundedElastic())
                .filter(met -> met)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    @Override
    public void close() {
        SpringApplication.exit(application);
    }
}
