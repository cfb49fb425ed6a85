package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * A walk of an index with locks sees each row as it is when it comes by. A batch that is committed while a claim walks over it must
 * be taken from its first event, or not at all.
 */
class MySqlOrderTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int BATCHES = Boolean.getBoolean("reactiveevents.soak") ? 2_000 : 100;
    private static final int SIZE = 300;

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(MariaDbServer.freshDatabase());
        }
    }

    @Nested
    class OnMySql extends OnEither {
        OnMySql() {
            super(MySqlServer.freshDatabase());
        }
    }

    abstract static class OnEither {

        private final MySqlQueue queue;

        OnEither(String url) {
            queue = new MySqlQueue(url);
        }

        @AfterEach
        void close() {
            queue.close();
        }

        @Test
        void batchesComeInTheirOrderWhileTheyArePublished() {
            R2dbcEventChannel events = queue.open(queue.builder().lease(Duration.ofSeconds(30)));
            Sinks.Empty<Void> ready = Sinks.empty();
            CompletableFuture<List<Integer>> arrived = events.subscribe(
                            "orders", SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty))
                    .take(BATCHES * SIZE)
                    .flatMapSequential(message -> message.ack().thenReturn(message.payloadAs(Integer.class)), 1_024)
                    .collectList()
                    .toFuture();
            ready.asMono().block(LIMIT);
            Flux.range(0, BATCHES)
                    .concatMap(batch -> events.publishAll(IntStream.range(0, SIZE)
                            .mapToObj(i -> Event.of("orders", batch * SIZE + i))
                            .toList()))
                    .blockLast(LIMIT.multipliedBy(5));

            assertThat(Mono.fromFuture(arrived).block(LIMIT))
                    .isEqualTo(IntStream.range(0, BATCHES * SIZE).boxed().toList());
        }
    }
}
