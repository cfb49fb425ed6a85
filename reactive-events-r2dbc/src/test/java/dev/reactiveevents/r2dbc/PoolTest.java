package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

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

        private static final int KEYS = 3;
        private static final int OF_EACH = 20;
        private static final int PAYMENTS = 40;

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

        /** A transaction holds the only connection until it ends; what it needs for that it has. */
        @Test
        void handlersAndTransactionsShareOneConnection() {
            database.execute("CREATE TABLE ledger (payment INTEGER PRIMARY KEY)");
            ConnectionPool pool = database.pool(1);
            R2dbcEventChannel events = TestDatabase.builder(pool).build();
            Sinks.Many<EventMessage> handled = Sinks.many().replay().all();
            EventListener keyed = events.listen(
                    "orders",
                    message -> Mono.fromRunnable(() -> note(handled, message)),
                    ListenOptions.defaults().withConcurrency(4));
            EventListener transactional = events.listen(
                    "payments",
                    events.transactional((message, connection) ->
                            insert(connection, message).then(Mono.fromRunnable(() -> note(handled, message)))),
                    ListenOptions.defaults().withConcurrency(1));
            Mono.when(keyed.ready(), transactional.ready()).block(LIMIT);

            List<EventMessage> all = Flux.merge(
                            events.publishAll(IntStream.range(0, KEYS * OF_EACH)
                                    .mapToObj(i -> Event.of("orders", i / KEYS).withKey("key-" + i % KEYS))
                                    .toList()),
                            events.publishAll(IntStream.range(0, PAYMENTS)
                                    .mapToObj(i -> Event.of("payments", i))
                                    .toList()))
                    .thenMany(handled.asFlux())
                    .take(KEYS * OF_EACH + PAYMENTS)
                    .collectList()
                    .block(LIMIT);
            Mono.when(keyed.stop(LIMIT), transactional.stop(LIMIT)).block(LIMIT);

            assertThat(keyed.counts()).isEqualTo(allAcked(KEYS * OF_EACH));
            assertThat(transactional.counts()).isEqualTo(allAcked(PAYMENTS));
            for (int key = 0; key < KEYS; key++) {
                String name = "key-" + key;
                assertThat(payloads(all, message -> name.equals(message.key())))
                        .as(name)
                        .containsExactlyElementsOf(
                                IntStream.range(0, OF_EACH).boxed().toList());
            }
            assertThat(payloads(all, message -> message.channel().equals("payments")))
                    .containsExactlyInAnyOrderElementsOf(
                            IntStream.range(0, PAYMENTS).boxed().toList());
            assertThat(database.number("SELECT COUNT(*) FROM ledger")).isEqualTo(PAYMENTS);
            events.shutdown().block(LIMIT);
            pool.disposeLater().block(LIMIT);
        }

        private static void note(Sinks.Many<EventMessage> handled, EventMessage message) {
            handled.emitNext(message, Sinks.EmitFailureHandler.busyLooping(LIMIT));
        }

        private static Mono<Void> insert(Connection connection, EventMessage message) {
            return Flux.from(connection
                            .createStatement(
                                    "INSERT INTO ledger (payment) VALUES (" + message.payloadAs(Integer.class) + ")")
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }

        private static EventListener.Counts allAcked(int count) {
            return new EventListener.Counts(0, count, 0, 0, count, 0, 0, 0);
        }

        private static List<Integer> payloads(List<EventMessage> messages, Predicate<EventMessage> wanted) {
            return messages.stream()
                    .filter(wanted)
                    .map(message -> message.payloadAs(Integer.class))
                    .toList();
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
