package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.r2dbc.R2dbcEventChannelBuilder;
import dev.reactiveevents.test.InMemoryBackend;
import io.netty.channel.DefaultEventLoopGroup;
import io.netty.util.concurrent.DefaultEventExecutorGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutorGroup;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadFactory;
import java.util.function.Function;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Wrong threads and wrong values, and how failures arrive. */
class MisuseTest {

    private final Stage stage = Stage.inMemory();
    private final BlockingEventChannel blocking = stage.blocking();

    @AfterEach
    void end() {
        blocking.close();
        stage.close();
    }

    // == Threads that must not block ==

    private static Throwable failureOn(EventExecutorGroup threads, Callable<?> call) {
        try {
            return threads.submit(call).await().cause();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            threads.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
        }
    }

    static Stream<Function<BlockingEventChannel, Object>> calls() {
        return Stream.of(
                blocking -> blocking.publish("orders", 1),
                blocking -> blocking.publishAll(List.of(Event.of("orders", 1))),
                blocking -> blocking.receive("orders", Duration.ZERO),
                blocking -> blocking.blockingSubscribe("orders"),
                blocking -> blocking.listen("orders", message -> {}),
                blocking -> blocking.stopListener("0197f0a0-0000-7000-8000-000000000000"),
                blocking -> blocking.ackAll(List.of()),
                blocking -> blocking.withdraw("0197f0a0-0000-7000-8000-000000000000"),
                blocking -> blocking.ack("0197f0a0-0000-7000-8000-000000000000"),
                blocking -> blocking.nack("0197f0a0-0000-7000-8000-000000000000"));
    }

    @ParameterizedTest
    @MethodSource("calls")
    void onAParallelThreadEveryCallIsRefusedByTheNameOfTheThreadAndOfTheReactiveCall(
            Function<BlockingEventChannel, Object> call) {
        assertThatThrownBy(() -> Mono.fromCallable(() -> call.apply(blocking))
                        .subscribeOn(Schedulers.parallel())
                        .block(Stage.LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("\"parallel-", "must not block", "Call EventChannel.");
        assertThat(blocking.receive("orders", Duration.ZERO)).isEmpty();
    }

    @Test
    void aSubscriptionIsRefusedThereToo() {
        blocking.publish("orders", 1);
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            assertThatThrownBy(() -> Mono.fromCallable(orders::next)
                            .subscribeOn(Schedulers.parallel())
                            .block(Stage.LIMIT))
                    .isInstanceOf(EventException.Invalid.class)
                    .hasMessageContainingAll("BlockingSubscription.next", "\"parallel-", "EventChannel.subscribe");
            assertThat(orders.next().attempts()).isEqualTo(1);
        }
    }

    @Test
    void settlingNamesTheReactiveCallOfTheMessage() {
        blocking.publish("orders", 1);
        var message = blocking.receive("orders", Stage.LIMIT).orElseThrow();
        assertThatThrownBy(() -> Mono.fromCallable(() -> blocking.ack(message))
                        .subscribeOn(Schedulers.parallel())
                        .block(Stage.LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining("EventMessage.ack(");
    }

    @Test
    void aPlainEventLoopOfNettyIsRefusedAndItsThreadsForWorkAreNot() {
        assertThat(failureOn(new DefaultEventLoopGroup(1), () -> blocking.publish("orders", 1)))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("EventLoop", "must not block", "EventChannel.publish");
        ThreadFactory likeGrpc = new DefaultThreadFactory("grpc-default-worker-ELG", true);
        assertThat(failureOn(new DefaultEventLoopGroup(1, likeGrpc), () -> blocking.publish("orders", 1)))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("grpc-default-worker-ELG-", "must not block");
        assertThat(failureOn(new DefaultEventExecutorGroup(1), () -> blocking.publish("orders", 1)))
                .isNull();
    }

    @Test
    void aChannelThatForbidsBlockingIsRefused() {
        R2dbcEventChannelBuilder builder = R2dbcEventChannel.builder(ConnectionFactories.get("r2dbc:h2:mem:///never"))
                .backend(BackendType.TABLE_QUEUE);
        assertThatThrownBy(() -> BlockingEventChannel.of(builder.blocking(false).build()))
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContainingAll("blocking(false)", "portal_bridge", "EventChannel");
        assertThat(BlockingEventChannel.of(
                        builder.options(Map.of("portal_bridge", true)).build()))
                .isNotNull();
        assertThatThrownBy(() ->
                        BlockingEventChannel.of(InMemoryBackend.create().channel(Stage.OPTIONS.withBlocking(false))))
                .isInstanceOf(EventException.Unsupported.class);
    }

    // == One thread at a time ==

    @Test
    void twoThreadsInOneSubscriptionAreToldSo() {
        BlockingSubscription orders = blocking.blockingSubscribe("orders");
        Background<?> first = Background.run("the first", orders::next).awaitWaiting();
        assertThat(Background.run("the second", () -> orders.poll(Duration.ZERO))
                        .failure())
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("poll", "\"the second\"", "\"the first\"", "open one for each");
        blocking.publish("orders", 1);
        assertThat(first.result()).isNotNull();
        assertThat(Background.run("the second", () -> orders.poll(Duration.ZERO))
                        .result())
                .as("one after the other is fine")
                .isEmpty();
    }

    // == How failures arrive ==

    @Test
    void aFailureIsOfItsKindWithTheStackTraceOfTheCallAndTheOriginalAsCause() {
        Event unwritable = Event.of("orders", new Object() {
            @SuppressWarnings("unused")
            public String getName() {
                throw new IllegalStateException("cannot be written");
            }
        });
        assertThatThrownBy(() -> blocking.publish(unwritable))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContaining(Thread.currentThread().getName())
                .hasCauseInstanceOf(EventException.Invalid.class)
                .satisfies(failure -> assertThat(failure.getStackTrace())
                        .extracting(StackTraceElement::getClassName)
                        .contains(MisuseTest.class.getName()));
    }

    @Test
    void aSubscriptionThatCannotBeMendedFailsWhereItIsAskedFor() {
        try (Stage empty = Stage.on(ConnectionFactories.get("r2dbc:h2:mem:///empty?options=DB_CLOSE_DELAY=-1"));
                BlockingEventChannel none = empty.blocking()) {
            assertThatThrownBy(() -> none.blockingSubscribe("orders"))
                    .isInstanceOf(EventException.Misconfigured.class)
                    .hasMessageContaining("migrate");
        }
    }

    @Test
    void afterAShutdownFailuresSaySo() {
        var events = stage.open();
        BlockingEventChannel late = BlockingEventChannel.of(events);
        events.shutdown().block(Stage.LIMIT);
        assertThatThrownBy(() -> late.publish("orders", 1))
                .isInstanceOf(EventException.Closed.class)
                .hasCauseInstanceOf(EventException.Closed.class);
        assertThatThrownBy(() -> late.blockingSubscribe("orders")).isInstanceOf(EventException.Closed.class);
    }

    // == Wrong values ==

    @Test
    void wrongValuesAreRefused() {
        BlockingOptions options = BlockingOptions.defaults();
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            Stream.<ThrowingCallable>of(
                            () -> options.withTimeout(Duration.ZERO),
                            () -> options.withTimeout(null),
                            () -> options.withIdleTimeout(Duration.ofDays(366)),
                            () -> options.withExecutor(null),
                            () -> BlockingEventChannel.of(null),
                            () -> blocking.publish(null),
                            () -> blocking.publishAll(null),
                            () -> blocking.receive("orders", null),
                            () -> blocking.receive("no such name", Duration.ZERO),
                            () -> blocking.blockingSubscribe("orders", null),
                            () -> blocking.blockingSubscribe("no such name", SubscribeOptions.defaults()),
                            () -> blocking.ackAll(null),
                            () -> blocking.reject(null, "reason"),
                            () -> blocking.ack("no UUID"),
                            () -> orders.poll(Duration.ofSeconds(-1)),
                            () -> orders.poll(null),
                            () -> orders.take(0, Duration.ZERO))
                    .forEach(call -> assertThatThrownBy(call).isInstanceOf(EventException.Invalid.class));
        }
    }
}
