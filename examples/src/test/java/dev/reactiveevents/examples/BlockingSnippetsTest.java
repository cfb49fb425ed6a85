package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.blocking.BlockingEventChannel;
import dev.reactiveevents.blocking.BlockingSubscription;
import dev.reactiveevents.examples.Snippets.OrderPlaced;
import dev.reactiveevents.test.InMemoryBackend;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What stands in docs/blocking.md works. */
class BlockingSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final InMemoryBackend backend = InMemoryBackend.create();
    private final EventChannel events = backend.channel();
    private final BlockingEventChannel blocking = BlockingEventChannel.of(events);

    @AfterEach
    void end() {
        blocking.close();
        events.shutdown().block(LIMIT);
    }

    @Test
    void theLoopWorksUntilTheChannelIsShutDown() throws Exception {
        CompletableFuture<Void> loop =
                CompletableFuture.runAsync(() -> BlockingSnippets.work(events, new OrderPlaced(4_711, "anna")));
        while (!BlockingSnippets.SHIPPED.contains(4_711) && !loop.isDone()) {
            Thread.onSpinWait();
        }
        events.shutdown().block(LIMIT); // waits for the ack
        loop.get(30, TimeUnit.SECONDS);
        assertThat(backend.channel().receive("orders", Duration.ZERO).blockOptional(LIMIT))
                .isEmpty();
    }

    @Test
    void batchesAreAckedTogether() {
        blocking.publish("orders", new OrderPlaced(1, "anna"));
        blocking.publish("orders", new OrderPlaced(2, "bert"));
        assertThat(BlockingSnippets.inBatches(blocking)).isEqualTo(2);
        assertThat(blocking.receive("orders", Duration.ZERO)).isEmpty();
    }

    @Test
    void theCarefulLoopRejectsWhatItCannotRead() {
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            blocking.publish("orders", "no order");
            BlockingSnippets.withCare(blocking, orders);
            blocking.publish("orders", new OrderPlaced(1, "anna"));
            BlockingSnippets.withCare(blocking, orders);
            blocking.publish("orders", new OrderPlaced(0, "nothing to ship"));
            BlockingSnippets.withCare(blocking, orders);
        }
        assertThat(blocking.deadLetters("orders").count()).isEqualTo(1);
        ChannelCounts counts = blocking.inspect().counts("orders");
        assertThat(counts.delayed().atLeast() + counts.ready().atLeast())
                .as("given back, to come again later or by now")
                .isEqualTo(1);
    }

    @Test
    void theListenerShipsAndStops() {
        String listener = BlockingSnippets.listening(blocking);
        blocking.publish("orders", new OrderPlaced(4_712, "anna"));
        awaitShipped(4_712);
        assertThat(blocking.stopListener(listener)).isTrue();
        assertThat(blocking.receive("orders", Duration.ZERO)).isEmpty();
    }

    @Test
    void handlersRunOnTheConfiguredExecutor() {
        Set<String> threads = ConcurrentHashMap.newKeySet();
        ExecutorService executor = Executors.newSingleThreadExecutor(task -> new Thread(task, "configured"));
        try (BlockingEventChannel configured = BlockingSnippets.configured(events, executor)) {
            CountDownLatch handled = new CountDownLatch(1);
            configured.listen("orders", message -> {
                threads.add(Thread.currentThread().getName());
                handled.countDown();
            });
            configured.publish("orders", new OrderPlaced(1, "anna"));
            assertThat(handled.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        } finally {
            executor.shutdown();
        }
        assertThat(threads).containsExactly("configured");
    }

    private static void awaitShipped(int order) {
        for (long end = System.nanoTime() + LIMIT.toNanos(); !BlockingSnippets.SHIPPED.contains(order); ) {
            assertThat(System.nanoTime())
                    .as("order " + order + " is shipped in time")
                    .isLessThan(end);
            Thread.onSpinWait();
        }
    }
}
