package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** A pool of one connection, and no pool at all: slower, but nothing waits for itself. */
class PoolTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2());
        }
    }

    abstract static class OnEveryDatabase {

        private final TestDatabase database;

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
        }

        @Test
        void aPoolOfOneConnectionIsEnough() {
            ConnectionPool pool = database.pool(1);
            worksOver(pool, 2_000);
            pool.disposeLater().block(LIMIT);
        }

        @Test
        void aPlainConnectionFactoryIsEnough() {
            worksOver(database.connections(), 200);
        }

        private void worksOver(ConnectionFactory connections, int count) {
            R2dbcEventChannel events = TestDatabase.builder(connections).build();
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
            events.shutdown().block(LIMIT);
        }
    }
}
