package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/** Listeners whose handlers block. */
@Timeout(100)
@ParameterizedClass
@EnumSource
class ListeningTest {

    private static final ListenOptions EIGHT = ListenOptions.defaults().withConcurrency(8);

    private final Stage stage;
    private final BlockingEventChannel blocking;
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch release = new CountDownLatch(1);

    ListeningTest(Stage.Place place) {
        this.stage = place.open();
        this.blocking = stage.blocking();
    }

    @AfterEach
    void end() {
        blocking.close();
        stage.close();
    }

    private interface Work {
        void run(EventMessage message) throws Exception;
    }

    private static Consumer<EventMessage> handler(Work work) {
        return message -> {
            try {
                work.run(message);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        };
    }

    /** A listener whose handler has begun with an event, and goes on once it is released. */
    private EventListener atWorkUntilReleased(Work then) throws InterruptedException {
        EventListener listener = blocking.listen("orders", handler(message -> {
            begun.countDown();
            await(release);
            then.run(message);
        }));
        blocking.publish("orders", 1);
        await(begun);
        return listener;
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void whatAHandlerPublishesKeepsTheChain() {
        blocking.listen("orders", message -> blocking.publish("shipped", 1));
        Context cause = Context.of(EventContext.CORRELATION_ID, "order-42");
        stage.open().publish("orders", 1).contextWrite(cause).block(Stage.LIMIT);
        try (BlockingSubscription shipped = blocking.blockingSubscribe("shipped")) {
            assertThat(shipped.take(1, Stage.LIMIT))
                    .singleElement()
                    .satisfies(message ->
                            assertThat(message.metadata()).containsEntry(EventContext.CORRELATION_ID, "order-42"));
        }
    }

    @Test
    void handlersThatBlockRunAtTheSameTimeAsTheConcurrencySays() throws Exception {
        CyclicBarrier together = new CyclicBarrier(8);
        CountDownLatch all = new CountDownLatch(80);
        EventListener listener = blocking.listen(
                "orders",
                handler(message -> {
                    together.await(60, TimeUnit.SECONDS);
                    blocking.publish("shipped", message.payloadAs(Integer.class));
                    all.countDown();
                }),
                EIGHT);
        IntStream.range(0, 80).forEach(order -> blocking.publish("orders", order));
        await(all);
        assertThat(blocking.stopListener(listener.id())).isTrue();
        assertThat(blocking.stopListener(listener.id())).isFalse();
        assertThat(listener.state()).isEqualTo(EventListener.State.STOPPED);
        assertThat(listener.counts().acked()).isEqualTo(80);
        try (BlockingSubscription shipped = blocking.blockingSubscribe("shipped")) {
            assertThat(shipped.take(80, Stage.LIMIT)).hasSize(80);
        }
    }

    @Test
    void aHandlerThatThrowsGetsItsEventAgain() throws Exception {
        Queue<Integer> attempts = new ConcurrentLinkedQueue<>();
        CountDownLatch thrice = new CountDownLatch(3);
        blocking.listen(
                "orders",
                message -> {
                    attempts.add(message.attempts());
                    thrice.countDown();
                    if (message.attempts() < 3) {
                        throw new IllegalStateException("not yet");
                    }
                },
                ListenOptions.defaults().withRetry(RetryPolicy.fixed(Duration.ZERO)));
        blocking.publish("orders", 1);
        await(thrice);
        assertThat(attempts).containsExactly(1, 2, 3);
    }

    @Test
    void whateverAHandlerThrowsItsEventComesAgain() throws Exception {
        Queue<Integer> attempts = new ConcurrentLinkedQueue<>();
        CountDownLatch thrice = new CountDownLatch(3);
        blocking.listen(
                "orders",
                message -> {
                    attempts.add(message.attempts());
                    thrice.countDown();
                    switch (message.attempts()) {
                        case 1 -> throw new NoClassDefFoundError("a library that is missing");
                        case 2 -> throw new StackOverflowError("too deep");
                        default -> {}
                    }
                },
                ListenOptions.defaults().withRetry(RetryPolicy.fixed(Duration.ZERO)));
        blocking.publish("orders", 1);
        await(thrice);
        assertThat(attempts).containsExactly(1, 2, 3);
    }

    @Test
    void handlersRunOnTheGivenExecutorWhichStaysOpen() throws Exception {
        ExecutorService given = Executors.newFixedThreadPool(2, task -> new Thread(task, "given"));
        try (BlockingEventChannel other =
                BlockingEventChannel.of(stage.open(), BlockingOptions.defaults().withExecutor(given))) {
            Set<String> threads = ConcurrentHashMap.newKeySet();
            CountDownLatch all = new CountDownLatch(10);
            other.listen("orders", message -> {
                threads.add(Thread.currentThread().getName());
                all.countDown();
            });
            IntStream.range(0, 10).forEach(order -> blocking.publish("orders", order));
            await(all);
            assertThat(threads).containsExactly("given");
        }
        assertThat(given.isShutdown()).isFalse();
        given.shutdown();
    }

    @Test
    void closingInterruptsHandlersThatDoNotEndInTimeAndTheirEventsComeAgain() throws Exception {
        CountDownLatch interrupted = new CountDownLatch(1);
        BlockingEventChannel impatient =
                BlockingEventChannel.of(stage.open(), BlockingOptions.defaults().withTimeout(Duration.ofSeconds(2)));
        impatient.listen("orders", message -> {
            begun.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
        });
        String id = blocking.publish("orders", 1);
        await(begun);
        impatient.close();
        await(interrupted);
        EventMessage again = blocking.receive("orders", Stage.LIMIT).orElseThrow();
        assertThat(again.eventId()).isEqualTo(id);
        assertThat(again.attempts()).isEqualTo(2);
    }

    @Test
    void aCloseThatIsInterruptedWhileItWaitsReturnsAndTheListenersGoOnStopping() throws Exception {
        EventListener listener = atWorkUntilReleased(message -> {});
        Background<Boolean> close = Background.run("closing", () -> {
            blocking.close();
            return true;
        });
        close.awaitWaiting().interrupt();
        assertThat(close.result()).isTrue();
        assertThat(close.interruptedAfterwards()).isTrue();
        assertThat(listener.state()).isEqualTo(EventListener.State.STOPPING);
        release.countDown();
        listener.stop(Stage.LIMIT).block(Stage.LIMIT);
        assertThat(listener.counts().acked()).isEqualTo(1);
    }

    @Test
    void aHandlerAtWorkMayCallWhileItsChannelIsBeingClosed() throws Exception {
        EventListener listener =
                atWorkUntilReleased(message -> blocking.publish("shipped", message.payloadAs(Integer.class)));
        Background<Boolean> close = Background.run("closing", () -> {
                    blocking.close();
                    return true;
                })
                .awaitWaiting();
        release.countDown();
        assertThat(close.result()).isTrue();
        assertThat(listener.counts().acked()).isEqualTo(1);
        assertThat(stage.blocking().receive("shipped", Stage.LIMIT)).isPresent();
        assertThatThrownBy(() -> blocking.publish("orders", 2)).isInstanceOf(EventException.Closed.class);
    }

    @Test
    void closingDoesNotWaitForAHandlerThatCannotBeInterrupted() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        BlockingEventChannel impatient =
                BlockingEventChannel.of(stage.open(), BlockingOptions.defaults().withTimeout(Duration.ofSeconds(2)));
        impatient.listen("orders", message -> {
            begun.countDown();
            while (release.getCount() > 0) {
                try {
                    release.await();
                } catch (InterruptedException ignored) {
                    // as code does that knows better
                }
            }
            ended.countDown();
        });
        String id = blocking.publish("orders", 1);
        await(begun);
        impatient.close();
        assertThat(ended.getCount()).isEqualTo(1);
        assertThat(blocking.receive("orders", Stage.LIMIT).orElseThrow().eventId())
                .isEqualTo(id);
        release.countDown();
        await(ended);
    }

    @Test
    void aListenerThatIsStartedWhileItsChannelIsClosedIsStopped() {
        Queue<EventListener> started = new ConcurrentLinkedQueue<>();
        Queue<BlockingEventChannel> toBeClosed = new ConcurrentLinkedQueue<>();
        EventChannel events = stage.open();
        EventChannel closedMeanwhile = (EventChannel) Proxy.newProxyInstance(
                EventChannel.class.getClassLoader(), new Class<?>[] {EventChannel.class}, (proxy, method, given) -> {
                    Object answer = method.invoke(events, given);
                    if (answer instanceof EventListener listener) {
                        started.add(listener);
                        toBeClosed.remove().close();
                    }
                    return answer;
                });
        BlockingEventChannel closing = BlockingEventChannel.of(closedMeanwhile);
        toBeClosed.add(closing);
        assertThatThrownBy(() -> closing.listen("orders", message -> {}))
                .isInstanceOf(EventException.Closed.class)
                .hasMessageContaining("orders");
        assertThat(started.remove().state()).isIn(EventListener.State.STOPPING, EventListener.State.STOPPED);
    }

    @Test
    void aListenerThatWasStoppedByItselfIsNotWaitedFor() {
        EventListener listener = blocking.listen("orders", message -> {});
        listener.stop(Stage.LIMIT).block(Stage.LIMIT);
        Mono.fromRunnable(blocking::close).subscribeOn(Schedulers.parallel()).block(Stage.LIMIT);
    }

    @Test
    void aListenerGoesOnStoppingIfWhoStopsItIsInterrupted() throws Exception {
        EventListener listener = atWorkUntilReleased(message -> {});
        Background<Boolean> stop = Background.run("stopping", () -> blocking.stopListener(listener.id()))
                .awaitWaiting()
                .interrupt();
        assertThat(stop.failure()).isInstanceOf(EventException.Interrupted.class);
        assertThat(stop.interruptedAfterwards()).isTrue();
        assertThat(listener.state()).isEqualTo(EventListener.State.STOPPING);
        release.countDown();
        listener.stop(Stage.LIMIT).block(Stage.LIMIT);
        assertThat(listener.counts().acked()).isEqualTo(1);
    }

    @Test
    void onAThreadThatWasInterruptedBeforeAListenerIsNotStopped() {
        EventListener listener = blocking.listen("orders", message -> {});
        Background<Boolean> stop = Background.run("interrupted", () -> {
            Thread.currentThread().interrupt();
            return blocking.stopListener(listener.id());
        });
        assertThat(stop.failure())
                .isInstanceOf(EventException.Interrupted.class)
                .hasMessageContaining("nothing was sent");
        assertThat(listener.state()).isEqualTo(EventListener.State.RUNNING);
    }

    @Test
    void wrongValuesAreRefused() {
        assertThatThrownBy(() -> blocking.listen("orders", null)).isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> blocking.listen("orders", message -> {}, null))
                .isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> blocking.listen("no such name", message -> {}))
                .isInstanceOf(EventException.Invalid.class);
        assertThatThrownBy(() -> blocking.stopListener(null)).isInstanceOf(EventException.Invalid.class);
        assertThat(blocking.stopListener("nobody")).isFalse();
    }

    @Test
    @EnabledForJreRange(max = JRE.JAVA_20)
    void handlersRunOnAPoolOfAsManyThreadsAsTheConcurrency() throws Exception {
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        CountDownLatch all = new CountDownLatch(500);
        blocking.listen(
                "orders",
                message -> {
                    threads.add(Thread.currentThread());
                    all.countDown();
                },
                EIGHT);
        IntStream.range(0, 500).forEach(order -> blocking.publish("orders", order));
        await(all);
        assertThat(threads)
                .hasSizeLessThanOrEqualTo(8)
                .allSatisfy(thread -> assertThat(thread.getName()).startsWith("events-orders-"));
    }
}
