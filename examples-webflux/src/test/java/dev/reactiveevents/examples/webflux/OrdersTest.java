package dev.reactiveevents.examples.webflux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.reactivestreams.Subscription;
import org.springframework.r2dbc.core.DatabaseClient;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The service over HTTP: what is ordered is stored, shipped, and shown to those who look. */
@ResourceLock("SpringApplication") // it sets up logging for all of the process, which two must not do at once
class OrdersTest {

    private final ShopRun shop = new ShopRun();

    @AfterEach
    void close() {
        shop.close();
    }

    private Flux<Order> stream() {
        return shop.client
                .get()
                .uri("/orders/stream")
                .exchange()
                .expectStatus()
                .isOk()
                .returnResult(Order.class)
                .getResponseBody();
    }

    private String status(String item) {
        return shop.application
                .getBean(DatabaseClient.class)
                .sql("SELECT status FROM orders WHERE item = :item")
                .bind("item", item)
                .map(row -> row.get("status", String.class))
                .one()
                .block(ShopRun.LIMIT);
    }

    @Test
    void anOrderIsStoredShippedAndShown() {
        shop.place("anna", "lamp");
        Order shown = stream().blockFirst(ShopRun.LIMIT);

        assertThat(shown.item()).isEqualTo("lamp");
        assertThat(shown.status()).isEqualTo("shipped");
        assertThat(status("lamp")).isEqualTo("shipped");
    }

    @Test
    void anOrderThatSaysNothingIsRefused() {
        shop.client
                .post()
                .uri("/orders")
                .bodyValue(new OrderController.NewOrder("anna", " "))
                .exchange()
                .expectStatus()
                .isBadRequest();
    }

    /** No channel takes the character, and by then the order is in its table. */
    @Test
    void anOrderThatCannotBeToldIsNotStored() {
        shop.client
                .post()
                .uri("/orders")
                .bodyValue(new OrderController.NewOrder("anna", "gh\u0000st"))
                .exchange()
                .expectStatus()
                .is5xxServerError();
        assertThat(shop.application
                        .getBean(DatabaseClient.class)
                        .sql("SELECT COUNT(*) FROM orders")
                        .map(row -> row.get(0, Long.class))
                        .one()
                        .block(ShopRun.LIMIT))
                .isZero();
    }

    @Test
    void everyViewerSeesEveryOrder() throws InterruptedException {
        BlockingQueue<String> one = new LinkedBlockingQueue<>();
        BlockingQueue<String> other = new LinkedBlockingQueue<>();
        Disposable first = stream().subscribe(order -> one.add(order.item()));
        Disposable second = stream().subscribe(order -> other.add(order.item()));
        ShopRun.await(() -> shop.live().viewers() == 2);

        shop.place("anna", "lamp");
        assertThat(one.poll(30, TimeUnit.SECONDS)).isEqualTo("lamp");
        assertThat(other.poll(30, TimeUnit.SECONDS)).isEqualTo("lamp");
        first.dispose();
        second.dispose();
    }

    @Test
    void whenTheLastViewerLeavesNothingIsTakenAnyMore() {
        Disposable viewer = stream().subscribe();
        ShopRun.await(() -> shop.live().viewers() == 1);
        viewer.dispose();
        ShopRun.await(() -> shop.live().viewers() == 0);

        shop.place("anna", "lamp");
        ShopRun.await(() -> shop.waiting() == 1);
        assertThat(stream().blockFirst(ShopRun.LIMIT).item()).isEqualTo("lamp");
    }

    @Test
    void aViewerThatDoesNotAskSlowsNobody() {
        BaseSubscriber<Order> idle = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {}
        };
        BlockingQueue<Order> late = new LinkedBlockingQueue<>();
        shop.live().orders().doOnNext(late::add).subscribe(idle);
        Mono<List<Order>> others = shop.live().orders().take(3).collectList().cache();
        others.subscribe();
        shop.place("anna", "lamp");
        shop.place("anna", "chair");
        shop.place("anna", "table");

        assertThat(others.block(ShopRun.LIMIT)).hasSize(3);
        assertThat(late).isEmpty();
        idle.request(2);
        assertThat(late).hasSize(2);
        idle.cancel();
    }

    @Test
    void streamsEndWhenTheServerDoes() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        stream().doFinally(end -> ended.complete(null)).subscribe();
        ShopRun.await(() -> shop.live().viewers() == 1);
        shop.close();
        ended.get(10, TimeUnit.SECONDS); // the web server would wait for half a minute
    }
}
