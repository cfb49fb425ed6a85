package dev.reactiveevents.examples;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.blocking.BlockingOptions;
import dev.reactiveevents.blocking.BlockingSubscription;
import dev.reactiveevents.examples.Snippets.OrderPlaced;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** The code of docs/blocking.md: compiled here, run by BlockingSnippetsTest. */
final class BlockingSnippets {

    static final Set<Integer> SHIPPED = ConcurrentHashMap.newKeySet();

    private BlockingSnippets() {}

    static void work(EventChannel events, OrderPlaced order) {
        try (BlockingEventChannel blocking = BlockingEventChannel.of(events);
                BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            blocking.publish("orders", order); // returns once it is stored
            for (EventMessage message : orders) { // waits for the next event
                ship(message.payloadAs(OrderPlaced.class));
                blocking.ack(message);
            }
        }
    }

    static BlockingEventChannel configured(EventChannel events, Executor executor) {
        BlockingEventChannel blocking = BlockingEventChannel.of(
                events,
                BlockingOptions.defaults()
                        .withTimeout(Duration.ofSeconds(5))
                        .withIdleTimeout(Duration.ofMinutes(10))
                        .withExecutor(executor));
        return blocking;
    }

    static int inBatches(BlockingEventChannel blocking) {
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            List<EventMessage> batch = orders.take(500, Duration.ofSeconds(1)); // 500, or what came in a second
            batch.forEach(message -> ship(message.payloadAs(OrderPlaced.class)));
            blocking.ackAll(batch); // in one statement, not one by one
            return batch.size();
        }
    }

    static void withCare(BlockingEventChannel blocking, BlockingSubscription orders) {
        EventMessage message = orders.next();
        try {
            ship(message.payloadAs(OrderPlaced.class));
            blocking.ack(message);
        } catch (EventException.Undecodable unreadable) {
            blocking.reject(message, unreadable.getMessage()); // a dead letter
        } catch (IllegalStateException failed) {
            blocking.nack(message); // comes again, as the retry policy says
        }
    }

    static String listening(BlockingEventChannel blocking) {
        String id = blocking.listen(
                        "orders",
                        message -> ship(message.payloadAs(OrderPlaced.class)),
                        ListenOptions.defaults()
                                .withConcurrency(8)
                                .withMaxAttempts(5)
                                .withRetry(RetryPolicy.fixed(Duration.ofMillis(10))))
                .id();
        return id;
    }

    private static void ship(OrderPlaced order) {
        if (order.number() <= 0) {
            throw new IllegalStateException("nothing to ship");
        }
        SHIPPED.add(order.number());
    }
}
