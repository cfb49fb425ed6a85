package dev.reactiveevents.examples.webflux;

import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

@RestController
class OrderController {

    record NewOrder(String customer, String item) {}

    private final Orders orders;
    private final LiveOrders live;

    OrderController(Orders orders, LiveOrders live) {
        this.orders = orders;
        this.live = live;
    }

    @PostMapping("/orders")
    @ResponseStatus(HttpStatus.CREATED)
    Mono<Order> place(@RequestBody NewOrder order) {
        return isText(order.customer()) && isText(order.item())
                ? orders.place(order.customer(), order.item())
                : Mono.error(new ResponseStatusException(
                        HttpStatus.BAD_REQUEST, "An order needs a customer and an item, each of 1 to 100 characters."));
    }

    private static boolean isText(String given) {
        return given != null && !given.isBlank() && given.length() <= 100;
    }

    @GetMapping(path = "/orders/stream", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    Flux<ServerSentEvent<Order>> stream() {
        return live.orders()
                .map(order -> ServerSentEvent.builder(order).build())
                .startWith(
                        ServerSentEvent.<Order>builder().comment("live").build()); // the browser knows it is connected
    }
}
