package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** The connection breaks after a commit and before its answer: what was asked for is done, and nobody was told. */
class CommitFaultsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String COUNT = "SELECT count(*) FROM \"queue\"";

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

        private final LosingAnswers answers = new LosingAnswers();
        private final TestDatabase database;
        private final R2dbcEventChannel events;

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
            this.events = TestDatabase.builder(database.changed(answers::change))
                    .lease(Duration.ofSeconds(3))
                    .pollInterval(Duration.ofMillis(50))
                    .build();
        }

        @AfterEach
        void close() {
            events.shutdown().block(LIMIT);
        }

        @Test
        void aPublishIsOfUnknownOutcomeAndStoredOnceWhenRepeated() {
            assertStoredOnceWhenRepeated(events.publish("orders", 1), 1);
        }

        @Test
        void aPublishWithAGivenIdIsOfUnknownOutcomeAndStoredOnceWhenRepeated() {
            assertStoredOnceWhenRepeated(events.publish(Event.of("orders", 1).withId(UUID.randomUUID())), 1);
        }

        @Test
        void aPublishOfAllIsOfUnknownOutcomeAndStoredOnceWhenRepeated() {
            assertStoredOnceWhenRepeated(
                    events.publishAll(List.of(Event.of("orders", 1), Event.of("orders", 2), Event.of("bills", 3))), 3);
        }

        private void assertStoredOnceWhenRepeated(Mono<?> publishing, int count) {
            answers.loseNext();
            StepVerifier.create(publishing)
                    .expectError(EventException.OutcomeUnknown.class)
                    .verify(LIMIT);
            assertThat(answers.hasLost()).isTrue();
            assertThat(database.number(COUNT)).isEqualTo(count);

            assertThat(publishing.block(LIMIT)).isEqualTo(publishing.block(LIMIT));
            assertThat(database.number(COUNT)).isEqualTo(count);
        }

        @Test
        void anAckIsRepeatedAndTrue() {
            events.publish("orders", 1).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
            answers.loseNext();

            assertThat(message.ack().block(LIMIT)).isTrue();
            assertThat(answers.hasLost()).isTrue();
            assertThat(database.query("SELECT status FROM \"queue\"", String.class))
                    .containsExactly("acked");
        }

        @Test
        void aTransactionalHandlersCommitIsOfUnknownOutcomeAndStands() {
            database.execute("CREATE TABLE ledger (payment INTEGER NOT NULL)");
            events.publish("orders", 1).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
            String payment = "INSERT INTO ledger (payment) VALUES (1)";
            answers.loseNextBehind(payment);
            StepVerifier.create(events.transactional((order, connection) -> Flux.from(
                                            connection.createStatement(payment).execute())
                                    .concatMap(Result::getRowsUpdated))
                            .handle(message))
                    .expectError(EventException.OutcomeUnknown.class)
                    .verify(LIMIT);

            assertThat(answers.hasLost()).isTrue();
            assertThat(database.number("SELECT COUNT(*) FROM ledger")).isEqualTo(1);
            assertThat(database.query("SELECT status FROM \"queue\"", String.class))
                    .containsExactly("acked");
        }

        @Test
        void whatAClaimTookComesBackWhenItsLeaseIsOver() {
            events.publish("orders", 1).block(LIMIT);
            answers.loseNext();
            EventMessage message = events.subscribe("orders").next().block(LIMIT);

            assertThat(answers.hasLost()).isTrue();
            assertThat(message.attempts()).isEqualTo(2);
            assertThat(message.ack().block(LIMIT)).isTrue();
        }
    }
}
