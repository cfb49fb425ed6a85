package dev.reactiveevents.examples;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventHandler;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.Overflow;
import dev.reactiveevents.RetryPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** The code of the pages about handlers and retries: run by HandlerSnippetsTest. */
final class HandlerSnippets {

    record OrderPlaced(int number, String customer) {}

    /** What a handler throws for an order that will never be right. */
    static final class ValidationException extends RuntimeException {
        ValidationException(String message) {
            super(message);
        }
    }

    final Sinks.Many<String> done = Sinks.many().replay().all();

    /** With what the next orders fail to be shipped, one each. */
    final Queue<RuntimeException> failures = new ConcurrentLinkedQueue<>();

    private final EventChannel events;

    HandlerSnippets(EventChannel events) {
        this.events = events;
    }

    EventListener listen() {
        EventListener listener = events.listen(
                "orders",
                message -> ship(message.payloadAs(OrderPlaced.class)), // completes: ack; fails: again, later
                ListenOptions.defaults().withConcurrency(8));

        listener.ready().block(); // nothing published from here on is missed
        return listener;
    }

    static void stop(EventListener listener) {
        listener.stop(Duration.ofSeconds(30)).block();
    }

    EventListener blocking() {
        EventHandler handler = EventHandler.blocking(message -> print(message.payloadAs(OrderPlaced.class)));
        return events.listen("labels", handler);
    }

    EventListener bySelf() {
        return events.listen(
                "orders",
                message -> ship(message.payloadAs(OrderPlaced.class))
                        .then(message.ack())
                        .then(),
                ListenOptions.defaults().withAutoAck(false));
    }

    EventListener patient() {
        ListenOptions patient = ListenOptions.defaults().withMaxProcessingTime(Duration.ofHours(2));
        return events.listen(
                "reports",
                message -> pages(message)
                        .takeWhile(page -> !message.isLeaseLost()) // then somebody else may have it: stop working
                        .concatMap(this::write)
                        .then(),
                patient);
    }

    EventRouter routes() {
        EventRouter billing = new EventRouter().on("invoice.paid", message -> note("paid"));

        EventRouter orders = new EventRouter()
                .on("order.placed", OrderPlaced.class, (order, message) -> ship(order))
                .on("order.*.cancelled", message -> note("cancelled"))
                .on("order.**", message -> note("something else about an order"))
                .include("billing", billing) // billing.invoice.paid
                .otherwise(message -> note("neither"));
        return orders;
    }

    EventListener route() {
        return events.listen("shop", routes());
    }

    ListenOptions byCustomer() {
        ListenOptions options = ListenOptions.defaults()
                .withConcurrency(8)
                .withKeyedConcurrency(
                        message -> message.payloadAs(OrderPlaced.class).customer());
        return options;
    }

    ListenOptions latestOnly() {
        ListenOptions options = ListenOptions.defaults()
                .withPrefetch(100)
                .withOverflow(Overflow.DROP_OLDEST)
                .withOnMissed(dropped -> note("missed").subscribe());
        return options;
    }

    ListenOptions retrying() {
        ListenOptions options = ListenOptions.defaults()
                .withMaxAttempts(5)
                .withRetry(RetryPolicy.exponential(Duration.ofSeconds(1), Duration.ofMinutes(5))
                        .notOn(ValidationException.class));
        return options;
    }

    static List<RetryPolicy> policies() {
        RetryPolicy fixed = RetryPolicy.fixed(Duration.ofSeconds(10));
        RetryPolicy none = RetryPolicy.none(); // the first failure makes a dead letter
        RetryPolicy own = RetryPolicy.custom(failures -> failures < 4 ? Duration.ofMinutes(failures) : null);
        RetryPolicy choosy = RetryPolicy.defaults()
                .notOn(failure -> String.valueOf(failure.getMessage()).contains("unknown"));
        return List.of(fixed, none, own, choosy);
    }

    EventListener decidingItself() {
        return events.listen(
                "orders",
                message -> ship(message.payloadAs(OrderPlaced.class))
                        .onErrorResume(
                                ValidationException.class,
                                wrong -> message.reject(wrong.getMessage()).then())
                        .onErrorResume(
                                EventException.Unavailable.class,
                                away -> message.nack(Duration.ofMinutes(1)).then()));
    }

    private Mono<Void> ship(OrderPlaced order) {
        RuntimeException failure = failures.poll();
        if (failure != null) {
            return note("could not ship " + order.number()).then(Mono.error(failure));
        }
        return order.number() > 0
                ? note("shipped " + order.number())
                : Mono.error(new ValidationException("no such order: " + order.number()));
    }

    private void print(OrderPlaced order) {
        done.tryEmitNext("printed " + order.number());
    }

    private static Flux<String> pages(EventMessage message) {
        return Flux.just("1", "2").map(page -> message.channel() + page);
    }

    private Mono<Void> write(String page) {
        return note("wrote " + page);
    }

    private Mono<Void> note(String what) {
        return Mono.fromRunnable(() -> done.tryEmitNext(what));
    }
}
