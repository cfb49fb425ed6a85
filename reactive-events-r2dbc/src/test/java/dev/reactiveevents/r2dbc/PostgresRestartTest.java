package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;
import reactor.util.retry.Retry;

/** The server itself is stopped and started again, with its data. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class PostgresRestartTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Sinks.Empty<Void> ready = Sinks.empty();
    private final Sinks.Many<String> arrived = Sinks.many().replay().all();

    @ParameterizedTest
    @EnumSource(names = {"TABLE_QUEUE", "LISTEN_NOTIFY_DURABLE"})
    void aSubscriptionAndItsPublisherOutliveTheServer(BackendType backend) {
        try (PostgresServer.Restartable server = new PostgresServer.Restartable()) {
            ConnectionPool pool = new TestDatabase(ConnectionFactories.get(server.url()))
                    .migrated()
                    .pool(5);
            R2dbcEventChannel events = TestDatabase.builder(pool)
                    .backend(backend)
                    .lease(Duration.ofSeconds(2))
                    .pollInterval(Duration.ofMillis(200))
                    .build();
            outlives(server, events);
            events.shutdown().block(LIMIT);
            pool.disposeLater().block(LIMIT);
        }
    }

    private void outlives(PostgresServer.Restartable server, R2dbcEventChannel events) {
        Set<String> confirmed = new HashSet<>(publish(events, 20));
        Disposable consumer = consume(events);
        ready.asMono().block(LIMIT);
        confirmed.addAll(publish(events, 20));

        server.stop();
        assertThat(catchThrowable(() -> publish(events, 1)))
                .isInstanceOfAny(EventException.Unavailable.class, EventException.OutcomeUnknown.class);

        server.start();
        confirmed.addAll(events.publish("orders", "afterwards")
                .retryWhen(Retry.fixedDelay(100, Duration.ofMillis(100)))
                .flux()
                .collectList()
                .block(LIMIT));
        Set<String> missing = new HashSet<>(confirmed);
        arrived.asFlux()
                .doOnNext(missing::remove)
                .takeUntil(id -> missing.isEmpty())
                .blockLast(LIMIT);
        assertThat(confirmed).hasSize(41);
        consumer.dispose();
    }

    private static List<String> publish(R2dbcEventChannel events, int count) {
        return Flux.range(0, count)
                .flatMap(i -> events.publish("orders", i))
                .collectList()
                .block(LIMIT);
    }

    /** An ack that was lost with the server is a redelivery: nothing else is asked of this consumer. */
    private Disposable consume(R2dbcEventChannel events) {
        SubscribeOptions options = SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty);
        return events.subscribe("orders", options)
                .concatMap(message -> message.ack().onErrorReturn(false).thenReturn(message))
                .map(EventMessage::eventId)
                .subscribe(arrived::tryEmitNext, arrived::tryEmitError, arrived::tryEmitComplete);
    }
}
