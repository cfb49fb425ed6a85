package dev.reactiveevents.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.test.InMemoryBackend;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import tools.jackson.databind.JsonNode;

/** What a method that listens may look like, and what becomes of its events; on a channel in memory. */
class ListenerMethodsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(ReactiveEventsAutoConfiguration.class))
            .withBean(
                    EventChannel.class,
                    () -> InMemoryBackend.create().channel(),
                    definition -> definition.setDestroyMethodName("shutdown"))
            .withPropertyValues("reactive-events.listeners.shutdown-timeout=50ms");

    private <T> void listening(Class<T> methods, Consumer<EventChannel> test) {
        application.withBean(methods).run(context -> test.accept(context.getBean(EventChannel.class)));
    }

    private static DeadLetter dead(EventChannel events, String channel) {
        return events.deadLetters(channel)
                .browse(DeadLetterQuery.latest(1))
                .next()
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    private static Object next(BlockingQueue<Object> queue) {
        try {
            return queue.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    record Order(int number) {}

    // == What it gets ==

    static class Payloads {
        static final BlockingQueue<Object> GOT = new LinkedBlockingQueue<>();

        @ChannelListener("lists")
        void generic(List<Order> orders) {
            GOT.add(orders);
        }

        @ChannelListener("trees")
        void tree(JsonNode tree) {
            GOT.add(tree.get("number").asInt());
        }

        @ChannelListener("messages")
        void message(EventMessage message) {
            GOT.add(message.channel());
        }

        @ChannelListener("nothing")
        void nothing() {
            GOT.add("nothing");
        }
    }

    @Test
    void thePayloadIsWhatTheParameterSays() {
        listening(Payloads.class, events -> {
            events.publish("lists", List.of(new Order(1), new Order(2))).block(LIMIT);
            assertThat(next(Payloads.GOT)).isEqualTo(List.of(new Order(1), new Order(2)));
            events.publish("trees", new Order(3)).block(LIMIT);
            assertThat(next(Payloads.GOT)).isEqualTo(3);
            events.publish("messages", 4).block(LIMIT);
            assertThat(next(Payloads.GOT)).isEqualTo("messages");
            events.publish("nothing", 5).block(LIMIT);
            assertThat(next(Payloads.GOT)).isEqualTo("nothing");
        });
    }

    static class Orders {
        @ChannelListener("orders")
        Mono<Void> handle(Order order) {
            return Mono.empty();
        }
    }

    @Test
    void aPayloadThatIsSomethingElseMakesADeadLetterAtOnce() {
        listening(Orders.class, events -> {
            events.publish("orders", "no order").block(LIMIT);
            assertThat(dead(events, "orders").attempts()).isEqualTo(1);
        });
    }

    // == What it answers ==

    static class Answers {
        static final CompletableFuture<Void> FUTURE = new CompletableFuture<>();

        @ChannelListener(value = "flux", maxAttempts = "1")
        Flux<Integer> flux() {
            return Flux.just(1, 2).concatWith(Flux.error(new IllegalStateException("after two")));
        }

        @ChannelListener(value = "stages", maxAttempts = "1")
        CompletionStage<Void> stage() {
            return FUTURE;
        }

        @ChannelListener(value = "nulls", maxAttempts = "1")
        Mono<Void> none() {
            return null;
        }

        @ChannelListener(value = "thrown", notRetryOn = IOException.class)
        Mono<Void> thrown() throws IOException {
            throw new IOException("checked");
        }

        @ChannelListener(value = "plainly", notRetryOn = IOException.class)
        void plainly() throws IOException {
            throw new IOException("checked too");
        }
    }

    @Test
    void aPublisherIsFollowedToItsEnd() {
        listening(Answers.class, events -> {
            events.publish("flux", 1).block(LIMIT);
            assertThat(dead(events, "flux").reason()).contains("after two");
            events.publish("stages", 1).block(LIMIT);
            Answers.FUTURE.completeExceptionally(new IllegalStateException("too late"));
            assertThat(dead(events, "stages").reason()).contains("too late");
            events.publish("nulls", 1).block(LIMIT);
            assertThat(dead(events, "nulls").reason()).contains("returned null");
        });
    }

    @Test
    void whatItThrowsIsWhatFailed() {
        listening(Answers.class, events -> {
            events.publish("thrown", 1).block(LIMIT);
            assertThat(dead(events, "thrown")).satisfies(thrown -> {
                assertThat(thrown.attempts()).isEqualTo(1);
                assertThat(thrown.reason()).contains("IOException", "checked");
            });
            events.publish("plainly", 1).block(LIMIT);
            assertThat(dead(events, "plainly").attempts()).isEqualTo(1);
        });
    }

    // == How it is handled ==

    static class Options {
        static final BlockingQueue<Object> STARTED = new LinkedBlockingQueue<>();
        static final BlockingQueue<Object> TRIED = new LinkedBlockingQueue<>();

        @ChannelListener(value = "${names.many}", concurrency = "${many:3}")
        Mono<Void> many(int number) {
            STARTED.add(number);
            return Mono.never();
        }

        @ChannelListener(value = "named", options = "twice")
        void named(EventMessage message) {
            TRIED.add(message.attempts());
            throw new IllegalStateException("no");
        }

        @ChannelListener(value = "changed", options = "twice", maxAttempts = "3", notRetryOn = SecurityException.class)
        void changed(EventMessage message) {
            TRIED.add(message.attempts());
            throw new IllegalStateException("no");
        }
    }

    private void withOptions(Consumer<EventChannel> test) {
        application
                .withBean(Options.class)
                .withBean(
                        "twice",
                        ListenOptions.class,
                        () -> ListenOptions.defaults().withMaxAttempts(2).withRetry(RetryPolicy.fixed(Duration.ZERO)))
                .withPropertyValues("names.many=many")
                .run(context -> test.accept(context.getBean(EventChannel.class)));
    }

    @Test
    void asManyAreHandledAtOnceAsTheConcurrencySays() {
        withOptions(events -> {
            for (int number = 0; number < 4; number++) {
                events.publish("many", number).block(LIMIT);
            }
            assertThat(List.of(next(Options.STARTED), next(Options.STARTED), next(Options.STARTED)))
                    .containsExactlyInAnyOrder(0, 1, 2);
            assertThat(Options.STARTED).isEmpty();
        });
    }

    @Test
    void namedOptionsAreTakenAndChanged() {
        withOptions(events -> {
            events.publish("named", 1).block(LIMIT);
            assertThat(dead(events, "named").attempts()).isEqualTo(2);
            events.publish("changed", 1).block(LIMIT);
            assertThat(dead(events, "changed").attempts()).isEqualTo(3);
            assertThat(Options.TRIED).containsExactly(1, 2, 1, 2, 3);
        });
    }
}
