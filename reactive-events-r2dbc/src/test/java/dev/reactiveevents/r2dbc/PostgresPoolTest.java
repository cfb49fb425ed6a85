package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** A pool of one connection, and no pool at all: slower, but nothing waits for itself. */
class PostgresPoolTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final PostgresQueue queue = new PostgresQueue();

    @AfterEach
    void close() {
        queue.close();
    }

    @Test
    void aPoolOfOneConnectionIsEnough() {
        worksOver(queue.pool("pool-of-one", 1), 2_000);
    }

    @Test
    void aPlainConnectionFactoryIsEnough() {
        worksOver(queue.direct(), 200);
    }

    private void worksOver(ConnectionFactory database, int count) {
        R2dbcEventChannel events = queue.open(queue.builder(database));
        Flux<String> published = Flux.merge(
                Flux.range(0, count).flatMap(i -> events.publish("orders", i), 32),
                events.publishAll(Flux.range(0, count).map(i -> Event.of("orders", i))),
                events.publishAll(IntStream.range(0, count)
                                .mapToObj(i -> Event.of("orders", i))
                                .toList())
                        .flatMapIterable(ids -> ids));
        List<Flux<Boolean>> consumers = IntStream.range(0, 5)
                .mapToObj(i -> events.subscribe("orders").flatMap(EventMessage::ack, 16))
                .toList();
        Flux<Boolean> acks = Flux.merge(consumers).take(3L * count);

        List<Boolean> all = published
                .ignoreElements()
                .cast(Boolean.class)
                .mergeWith(acks)
                .collectList()
                .block(LIMIT);
        assertThat(all).hasSize(3 * count).doesNotContain(false);
    }
}
