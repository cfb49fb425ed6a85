package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;

/** What travels with an event also does so through transactions. */
class ContextInTransactionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Context CAUSE = Context.of(EventContext.CORRELATION_ID, "order-42");

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
        private final R2dbcEventChannel events;

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
            this.events = database.builder().build();
        }

        @AfterEach
        void shutDown() {
            events.shutdown().block(LIMIT);
        }

        private void assertCarried(int count) {
            List<EventMessage> arrived =
                    events.subscribe("next").take(count).collectList().block(LIMIT);
            assertThat(arrived)
                    .hasSize(count)
                    .allSatisfy(message ->
                            assertThat(message.metadata()).containsEntry(EventContext.CORRELATION_ID, "order-42"));
        }

        @Test
        void throughATransactionalHandler() {
            events.listen(
                    "orders",
                    events.transactional(
                            (message, connection) -> events.in(connection).publish("next", 1)));
            events.publish("orders", 1).contextWrite(CAUSE).block(LIMIT);

            assertCarried(1);
        }

        @Test
        void throughATransactionOfOurs() {
            events.inTransaction((connection, publisher) -> publisher.publishAll(
                            List.of(Event.of("next", 1), Event.of("next", 2).withMetadata("a", 1))))
                    .contextWrite(CAUSE)
                    .block(LIMIT);

            assertCarried(2);
        }

        @Test
        void throughATransactionOfTheCallers() {
            try (TestDatabase.Transaction transaction = database.transaction()) {
                events.in(transaction.connection())
                        .publishAll(Flux.just(Event.of("next", 1)))
                        .then(Mono.from(transaction.connection().commitTransaction()))
                        .contextWrite(CAUSE)
                        .block(LIMIT);
            }

            assertCarried(1);
        }

        /** As with any publish: the event is as the first who subscribed had it. */
        @Test
        void whoSubscribesAgainStoresNothingElse() {
            try (TestDatabase.Transaction transaction = database.transaction()) {
                Mono<String> publish = events.in(transaction.connection()).publish("next", 1);
                String first = publish.contextWrite(CAUSE).block(LIMIT);
                String again = publish.contextWrite(Context.of(EventContext.CORRELATION_ID, "another"))
                        .block(LIMIT);
                Mono.from(transaction.connection().commitTransaction()).block(LIMIT);
                assertThat(again).isEqualTo(first);
            }

            assertCarried(1);
            assertThat(database.number("SELECT count(*) FROM \"queue\"")).isEqualTo(1);
        }
    }
}
