package dev.reactiveevents.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventPublisher;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.spring.Shop.Order;
import io.micrometer.core.instrument.MeterRegistry;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.http.HttpMethod;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.test.web.reactive.server.WebTestClient;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/**
 * A whole application on a real PostgreSQL: it listens, publishes in its transactions, is watched, and ends in order. It polls
 * once an hour, so that whatever arrives was told.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ShopTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private String url;
    private ConfigurableApplicationContext shop;
    private Shop.Orders orders;
    private Shop.Warehouse warehouse;
    private EventChannel events;
    private WebTestClient client;

    @BeforeAll
    void start() {
        url = withOrders();
        shop = started(url, "reactive-events.listeners.ready-timeout=20s");
        orders = shop.getBean(Shop.Orders.class);
        warehouse = shop.getBean(Shop.Warehouse.class);
        events = shop.getBean(EventChannel.class);
        client = client(shop);
    }

    private static String withOrders() {
        String url = PostgresServer.freshDatabase();
        PostgresServer.execute(
                ConnectionFactories.get(url), "CREATE TABLE orders (number INTEGER NOT NULL, customer TEXT NOT NULL)");
        return url;
    }

    private static ConfigurableApplicationContext started(String url, String property) {
        return new SpringApplicationBuilder(Shop.class)
                .web(WebApplicationType.REACTIVE)
                .properties(
                        "server.port=0",
                        "spring.main.banner-mode=off",
                        "spring.r2dbc.url=" + url,
                        "reactive-events.backend=listen_notify_durable",
                        "reactive-events.schema.migrate=true",
                        "reactive-events.poll-interval=1h",
                        "reactive-events.gauges.channels=orders",
                        "reactive-events.endpoint.show-payloads=true",
                        "returns.attempts=2",
                        "management.endpoints.web.exposure.include=events,health",
                        "management.endpoint.health.show-details=always",
                        property)
                .run();
    }

    private static WebTestClient client(ConfigurableApplicationContext application) {
        return WebTestClient.bindToServer()
                .baseUrl("http://localhost:" + application.getEnvironment().getProperty("local.server.port"))
                .responseTimeout(LIMIT)
                .build();
    }

    @AfterAll
    void close() {
        shop.close();
    }

    private static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
        return assertThat(queue.poll(LIMIT.toSeconds(), TimeUnit.SECONDS))
                .isNotNull()
                .actual();
    }

    private static void await(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .subscribeOn(Schedulers.boundedElastic())
                .filter(met -> met)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    private long stored(int number) {
        return shop.getBean(DatabaseClient.class)
                .sql("SELECT COUNT(*) FROM orders WHERE number = " + number)
                .map(row -> row.get(0, Long.class))
                .one()
                .block(LIMIT);
    }

    // == Listeners ==

    @Test
    void listenersStartAfterTheWebServer() {
        assertThat(shop.getBean(Shop.WhenServing.class).listenedAlready).isFalse();
        assertThat(shop.getBean(ChannelListeners.class).listeners())
                .extracting(EventListener::channel)
                .containsExactlyInAnyOrder("orders", "shipments", "returns", "frauds", "slow", "audit");
    }

    @Test
    void aPlainMethodRunsWhereItMayBlock() throws InterruptedException {
        events.publish("shipments", new Order(1, "anna")).block(LIMIT);
        assertThat(next(warehouse.shipped)).startsWith("boundedElastic").endsWith("for anna");
    }

    @Test
    void aDeclaredListenerIsHeardAsWell() throws InterruptedException {
        events.publish("audit", 42).block(LIMIT);
        assertThat(next(warehouse.audited).payloadAs(Integer.class)).isEqualTo(42);
    }

    @Test
    void aFailureThatIsFinalMakesADeadLetterAtOnce() {
        String id = events.publish("frauds", "forged").block(LIMIT);
        await(() -> events.deadLetters("frauds").count().block(LIMIT) == 1);
        assertThat(events.deadLetters("frauds")
                        .browse(DeadLetterQuery.latest(1))
                        .blockFirst(LIMIT))
                .satisfies(dead -> {
                    assertThat(dead.eventId()).isEqualTo(id);
                    assertThat(dead.attempts()).isEqualTo(1);
                    assertThat(dead.reason()).contains("forged");
                });
    }

    // == Transactions ==

    @Test
    void whatATransactionPublishesIsHandledOnceItHasCommitted() throws InterruptedException {
        String id = orders.place("orders", new Order(42, "anna")).block(LIMIT);
        assertThat(id).isNotNull();
        assertThat(next(warehouse.reserved)).isEqualTo(new Order(42, "anna"));
        assertThat(stored(42)).isEqualTo(1);
    }

    @Test
    void otherProcessesAreWokenAsWell() {
        R2dbcEventChannel other = R2dbcEventChannel.builder(ConnectionFactories.get(url))
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .pollInterval(Duration.ofHours(1))
                .shutdownTimeout(Duration.ofSeconds(1))
                .build();
        Sinks.Empty<Void> ready = Sinks.empty();
        Mono<EventMessage> first = other.subscribe(
                        "elsewhere", SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty))
                .next()
                .cache();
        first.subscribe();
        ready.asMono().block(LIMIT);
        orders.place("elsewhere", new Order(44, "bert")).block(LIMIT);

        EventMessage message = first.block(LIMIT);
        assertThat(message.payloadAs(Order.class)).isEqualTo(new Order(44, "bert"));
        message.ack().block(LIMIT);
        other.shutdown().block(LIMIT);
    }

    @Test
    void whatIsRolledBackWasNeverPublished() {
        assertThatThrownBy(() -> orders.placeWithoutFunds("untold", new Order(43, "bert"))
                        .block(LIMIT))
                .hasMessage("no funds");
        assertThat(stored(43)).isZero();
        assertThat(events.receive("untold", Duration.ZERO).block(LIMIT)).isNull();
    }

    @Test
    void withoutATransactionItPublishesAsTheChannelDoes() {
        EventPublisher publisher = shop.getBean(EventPublisher.class);
        String id = publisher.publish("plain", 1).block(LIMIT);
        EventMessage message = events.receive("plain", LIMIT).block(LIMIT);
        assertThat(message.eventId()).isEqualTo(id);
        message.ack().block(LIMIT);
    }

    // == Watched ==

    @Test
    void itIsHealthyAndSaysWhy() {
        client.get()
                .uri("/actuator/health")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .jsonPath("$.components.events.status")
                .isEqualTo("UP")
                .jsonPath("$.components.events.details.backend")
                .isEqualTo("LISTEN_NOTIFY_DURABLE")
                .jsonPath("$.components.events.details.listeners.orders")
                .isEqualTo("RUNNING");
    }

    @Test
    void whatHappensIsMeasured() {
        MeterRegistry meters = shop.getBean(MeterRegistry.class);
        events.publish("measured", 1).block(LIMIT);
        assertThat(meters.get("events.publish")
                        .tag("channel", "measured")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(meters.get("events.publish.duration")
                        .tag("channel", "measured")
                        .timer()
                        .count())
                .isEqualTo(1);
        assertThat(meters.get("events.queue.ready").tag("channel", "orders").gauge())
                .isNotNull();
    }

    @Test
    void deadLettersAreBrowsedRequeuedAndPurged() throws InterruptedException {
        String id = events.publish("returns", "nothing").block(LIMIT);
        assertThat(next(warehouse.returns)).isEqualTo("nothing");
        assertThat(next(warehouse.returns)).isEqualTo("nothing");
        await(() -> events.deadLetters("returns").count().block(LIMIT) == 1);

        String dead = "/actuator/events/returns/dead-letters";
        client.get()
                .uri("/actuator/events/returns")
                .exchange()
                .expectBody()
                .jsonPath("$.counts.dead.atLeast")
                .isEqualTo(1)
                .jsonPath("$.processingTimes.events")
                .isEqualTo(0);
        client.get()
                .uri(dead + "?limit=5")
                .exchange()
                .expectBody()
                .jsonPath("$.deadLetters[0].eventId")
                .isEqualTo(id)
                .jsonPath("$.deadLetters[0].attempts")
                .isEqualTo(2)
                .jsonPath("$.deadLetters[0].payload")
                .isEqualTo("\"nothing\"")
                .jsonPath("$.deadLetters[0].reason")
                .value(String.class, reason -> assertThat(reason).contains("no such order: nothing"));

        done(HttpMethod.POST, dead, 0, "{\"eventId\": \"018f0000-0000-7000-8000-000000000000\"}");
        done(HttpMethod.POST, dead, 1, "{\"eventId\": \"" + id + "\"}");
        assertThat(next(warehouse.returns)).isEqualTo("nothing");
        assertThat(next(warehouse.returns)).isEqualTo("nothing");
        await(() -> events.deadLetters("returns").count().block(LIMIT) == 1);
        done(HttpMethod.DELETE, dead + "?limit=10", 1, "");
        assertThat(events.deadLetters("returns").count().block(LIMIT)).isZero();
    }

    private void done(HttpMethod method, String uri, int expected, String body) {
        WebTestClient.RequestBodySpec request =
                client.method(method).uri(uri).header("Content-Type", "application/json");
        (body.isEmpty() ? request : request.bodyValue(body))
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .jsonPath("$.count")
                .isEqualTo(expected);
    }

    @Test
    void badQuestionsAreRefused() {
        String dead = "/actuator/events/returns/dead-letters";
        client.get().uri("/actuator/events/no!name").exchange().expectStatus().isBadRequest();
        client.get().uri(dead + "?limit=0").exchange().expectStatus().isBadRequest();
        client.delete().uri(dead).exchange().expectStatus().isBadRequest();
    }

    @Test
    void theEndpointTellsWhoListens() {
        client.get()
                .uri("/actuator/events")
                .exchange()
                .expectBody()
                .jsonPath("$.backend")
                .isEqualTo("LISTEN_NOTIFY_DURABLE")
                .jsonPath("$.totals.listenersStarted")
                .isEqualTo(6)
                .jsonPath("$.listeners[?(@.channel == 'orders')].state")
                .isEqualTo("RUNNING");
    }

    // == The end ==

    @Test
    void whileHandlersEndRequestsAreStillAnswered() throws Exception {
        ConfigurableApplicationContext ending = started(withOrders(), "reactive-events.listeners.shutdown-timeout=20s");
        WebTestClient itsClient = client(ending);
        EventListener slow = slow(ending);
        ending.getBean(EventChannel.class).publish("slow", 1).block(LIMIT);
        Sinks.Empty<Void> work = next(ending.getBean(Shop.Warehouse.class).slow);

        CompletableFuture<Void> closed = CompletableFuture.runAsync(ending::close);
        await(() -> slow.state() == EventListener.State.STOPPING);
        itsClient.get().uri("/actuator/events").exchange().expectStatus().isOk();
        assertThat(closed).isNotDone();
        work.tryEmitEmpty().orThrow();
        closed.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        assertThat(slow.state()).isEqualTo(EventListener.State.STOPPED);
        assertThat(slow.counts().acked()).isEqualTo(1);
    }

    @Test
    void whatDoesNotEndInTimeIsGivenBack() throws Exception {
        String database = withOrders();
        ConfigurableApplicationContext ending = started(database, "reactive-events.listeners.shutdown-timeout=50ms");
        String id = ending.getBean(EventChannel.class).publish("slow", 1).block(LIMIT);
        next(ending.getBean(Shop.Warehouse.class).slow);
        ending.close();

        R2dbcEventChannel next = R2dbcEventChannel.builder(ConnectionFactories.get(database))
                .backend(BackendType.TABLE_QUEUE)
                .build();
        EventMessage again = next.receive("slow", Duration.ZERO).block(LIMIT);
        assertThat(again.eventId()).isEqualTo(id);
        assertThat(again.attempts()).isEqualTo(2);
        again.ack().block(LIMIT);
        next.shutdown().block(LIMIT);
    }

    private static EventListener slow(ConfigurableApplicationContext application) {
        return application.getBean(ChannelListeners.class).listeners().stream()
                .filter(listener -> listener.channel().equals("slow"))
                .findAny()
                .orElseThrow();
    }
}
