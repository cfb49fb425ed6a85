package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventPublisher;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Publishing in a transaction that a framework keeps in the Reactor Context. Polls hardly ever: what arrives was told. */
class AmbientTransactionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnPostgresDurable extends OnEveryDatabase {
        OnPostgresDurable() {
            super(TestDatabase.postgres(), BackendType.LISTEN_NOTIFY_DURABLE);
        }

        @Test
        void otherProcessesAreWokenToo() {
            Arrivals elsewhere = Arrivals.at(open());
            try (TestDatabase.Transaction transaction = database.transaction()) {
                Framework framework = Framework.in(transaction);
                publisher
                        .publish("orders", 1)
                        .contextWrite(context -> context.put(Framework.class, framework))
                        .block(LIMIT);
                framework.commit();
                assertThat(elsewhere.next(LIMIT).payloadAs(Integer.class)).isEqualTo(1);
            }
            elsewhere.cancel();
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2(), BackendType.TABLE_QUEUE);
        }
    }

    @Test
    void aBackendThatKeepsNothingHasNone() {
        R2dbcEventChannel events = TestDatabase.postgres()
                .builder()
                .backend(BackendType.LISTEN_NOTIFY)
                .build();
        assertThatThrownBy(() -> events.joining(database -> Mono.empty()))
                .isInstanceOf(EventException.Unsupported.class)
                .hasMessageContaining("LISTEN_NOTIFY_DURABLE");
        events.shutdown().block(LIMIT);
    }

    /** What a framework would have in the context. */
    private record Framework(Connection connection, List<String> calls, Queue<Runnable> actions)
            implements AmbientTransactions.Transaction {

        static Framework in(TestDatabase.Transaction transaction) {
            Recorded recorded = Recorded.of(transaction.connection());
            return new Framework(recorded.connection(), recorded.calls(), new ConcurrentLinkedQueue<>());
        }

        @Override
        public void afterCommit(Runnable action) {
            actions.add(action);
        }

        void commit() {
            Mono.from(connection.commitTransaction()).block(LIMIT);
            actions.forEach(Runnable::run);
        }
    }

    abstract static class OnEveryDatabase {

        final TestDatabase database;
        private final BackendType backend;
        private final List<R2dbcEventChannel> opened = new ArrayList<>();
        private final R2dbcEventChannel events;
        final EventPublisher publisher;

        OnEveryDatabase(TestDatabase database, BackendType backend) {
            this.database = database.migrated();
            this.backend = backend;
            this.events = open();
            this.publisher = events.joining(asked -> {
                assertThat(asked).isSameAs(database.connections());
                return Mono.deferContextual(context -> Mono.just(context.get(Framework.class)));
            });
        }

        final R2dbcEventChannel open() {
            R2dbcEventChannel channel = database.builder()
                    .backend(backend)
                    .pollInterval(Duration.ofMinutes(10))
                    .build();
            opened.add(channel);
            return channel;
        }

        @AfterEach
        void close() {
            Flux.fromIterable(opened).flatMap(R2dbcEventChannel::shutdown).blockLast(LIMIT);
        }

        @Test
        void theCommitWakesSubscribersAndNothingIsNotifiedBefore() {
            Arrivals arrivals = Arrivals.at(events);
            try (TestDatabase.Transaction transaction = database.transaction()) {
                Framework framework = Framework.in(transaction);
                String id = publisher
                        .publish("orders", 1)
                        .contextWrite(context -> context.put(Framework.class, framework))
                        .block(LIMIT);
                assertThat(framework.calls()).containsExactly("INSERT");
                assertThat(arrivals.hasNone()).isTrue();
                framework.commit();
                assertThat(arrivals.next(LIMIT).eventId()).isEqualTo(id);
            }
            arrivals.cancel();
        }

        @Test
        void oneMonoWorksInOneTransactionAfterTheOther() {
            Mono<String> order = publisher.publish("orders", 42);
            Flux<String> many = publisher.publishAll(Flux.just(Event.of("orders", 1), Event.of("orders", 2)));
            try (TestDatabase.Transaction rolledBack = database.transaction()) {
                Framework framework = Framework.in(rolledBack);
                order.thenMany(many)
                        .contextWrite(context -> context.put(Framework.class, framework))
                        .blockLast(LIMIT);
                rolledBack.rollback();
            }
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isZero();
            try (TestDatabase.Transaction transaction = database.transaction()) {
                Framework framework = Framework.in(transaction);
                order.then(order)
                        .thenMany(many)
                        .contextWrite(context -> context.put(Framework.class, framework))
                        .blockLast(LIMIT);
                framework.commit();
            }
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(3);
        }

        @Test
        void afterAShutdownItRefuses() {
            events.shutdown().block(LIMIT);
            assertThatThrownBy(() -> publisher
                            .publish("orders", 1)
                            .contextWrite(context -> context.put(
                                    Framework.class, new Framework(null, List.of(), new ConcurrentLinkedQueue<>())))
                            .block(LIMIT))
                    .isInstanceOf(EventException.Closed.class);
        }

        @Test
        void badInputIsRefusedBeforeATransactionIsLookedFor() {
            assertThatThrownBy(() -> publisher.publish("no name!", 1).block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class);
            assertThatThrownBy(() -> events.joining(null)).isInstanceOf(EventException.Invalid.class);
        }
    }
}
