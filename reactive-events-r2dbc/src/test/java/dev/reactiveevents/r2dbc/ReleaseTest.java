package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** A driver that does not come to an end with a connection keeps nobody from what is decided by then. */
class ReleaseTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

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

        private final List<String> endings = new CopyOnWriteArrayList<>();
        private final TestDatabase database;
        private final R2dbcEventChannel events;
        private volatile String unending = "nothing";

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
            this.events = TestDatabase.builder(database.changed(connections -> connections.map(this::unanswering)))
                    .build();
        }

        @AfterEach
        void close() {
            unending = "nothing";
            events.shutdown().block(LIMIT);
        }

        @Test
        void whatIsCommittedIsToldThoughTheConnectionIsNeverGivenBack() {
            unending = "close";
            String id = events.publish("orders", 1).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
            assertThat(message.eventId()).isEqualTo(id);
            assertThat(message.ack().block(LIMIT)).isTrue();
            assertThat(endings).hasSizeGreaterThanOrEqualTo(3).containsOnly("close");
        }

        @Test
        void theTransactionOfAHandlerIsToldThoughItsConnectionIsNeverGivenBack() {
            events.publish("orders", 1).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
            unending = "close";
            events.transactional((order, connection) -> Mono.empty())
                    .handle(message)
                    .block(LIMIT);
            assertThat(endings).containsOnly("close");
            assertThat(database.query("SELECT status FROM \"queue\"", String.class))
                    .containsExactly("acked");
        }

        @Test
        void aFailureIsToldThoughTheRollbackNeverEndsAndUntilThenNobodyElseHasTheConnection() {
            unending = "rollback";
            StepVerifier.create(events.inTransaction(
                            (connection, publisher) -> Mono.error(new IllegalStateException("The work failed."))))
                    .expectErrorMessage("The work failed.")
                    .verify(LIMIT);
            assertThat(endings).containsExactly("rollback");
        }

        /** Once something is unending: what it does at its end is noted, and of that it is never told that it is done. */
        private Connection unanswering(Connection real) {
            return Intercepted.of(Connection.class, real, (method, values, answer) -> switch (method) {
                case "close" -> told("close", answer);
                case "rollbackTransaction" -> told("rollback", answer);
                case "createStatement" -> "ROLLBACK".equals(values[0]) ? rollback((Statement) answer) : answer;
                default -> answer;
            });
        }

        private Statement rollback(Statement real) {
            return Intercepted.of(
                    Statement.class,
                    real,
                    (method, values, answer) -> method.equals("execute") && unending.equals("rollback")
                            ? told("rollback", Flux.from(real.execute()).concatMap(Result::getRowsUpdated))
                            : answer);
        }

        private Object told(String ending, Object answer) {
            if (unending.equals("nothing")) {
                return answer;
            }
            Flux<?> done = Flux.from((Publisher<?>) answer).doOnSubscribe(asked -> endings.add(ending));
            return unending.equals(ending) ? done.then(Mono.never()) : done;
        }
    }
}
