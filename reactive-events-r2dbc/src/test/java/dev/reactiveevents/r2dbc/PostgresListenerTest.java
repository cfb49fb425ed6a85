package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;
import reactor.util.retry.Retry;

/** A listener and a server that goes away, or lacks what it needs. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class PostgresListenerTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Sinks.Many<String> handled = Sinks.many().replay().all();

    @ParameterizedTest
    @EnumSource(names = {"TABLE_QUEUE", "LISTEN_NOTIFY_DURABLE", "LISTEN_NOTIFY"})
    void aListenerSaysThatItIsCutOffAndGoesOnWhenTheServerIsBack(BackendType backend) {
        try (PostgresServer.Restartable server = new PostgresServer.Restartable()) {
            ConnectionPool pool = new TestDatabase(ConnectionFactories.get(server.url()))
                    .migrated()
                    .pool(5);
            R2dbcEventChannel events = TestDatabase.builder(pool)
                    .backend(backend)
                    .pollInterval(Duration.ofMillis(200))
                    .build();
            EventListener listener = events.listen("orders", message -> {
                handled.tryEmitNext(message.eventId());
                return Mono.empty();
            });
            listener.ready().block(LIMIT);

            server.stop();
            await(listener, State.CUT_OFF);
            assertThat(listener.failure()).isNotNull();

            server.start();
            await(listener, State.RUNNING);
            assertThat(listener.failure()).isNull();
            String id = events.publish("orders", "afterwards")
                    .retryWhen(Retry.fixedDelay(100, Duration.ofMillis(100)))
                    .block(LIMIT);
            handled.asFlux().takeUntil(id::equals).blockLast(LIMIT);

            events.shutdown().block(LIMIT);
            assertThat(listener.state()).isEqualTo(State.STOPPED);
            pool.disposeLater().block(LIMIT);
        }
    }

    /** Looks again and again. */
    private static void await(EventListener listener, State expected) {
        Mono.fromSupplier(listener::state)
                .filter(state -> state == expected)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                .block(LIMIT);
    }

    @Test
    void aListenerWithoutItsTableFailsWithWhatToDo() {
        R2dbcEventChannel events = TestDatabase.postgres().builder().build();
        EventListener listener = events.listen("orders", message -> Mono.empty());

        StepVerifier.create(listener.ready())
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Misconfigured.class)
                        .hasMessageContaining("migrate"))
                .verify(LIMIT);
        assertThat(listener.state()).isEqualTo(State.FAILED);
        assertThat(listener.failure()).isInstanceOf(EventException.Misconfigured.class);
        events.shutdown().block(LIMIT);
    }
}
