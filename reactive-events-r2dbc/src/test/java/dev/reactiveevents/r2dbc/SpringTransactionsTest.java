package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.springframework.r2dbc.connection.R2dbcTransactionManager;
import org.springframework.r2dbc.connection.TransactionAwareConnectionFactoryProxy;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.transaction.reactive.TransactionalOperator;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Transactions that Spring began and ends. Within one nobody else closes its connection: Spring would lose it. */
class SpringTransactionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres(), BackendType.TABLE_QUEUE);
        }
    }

    @Nested
    class OnPostgresDurable extends OnEveryDatabase {
        OnPostgresDurable() {
            super(TestDatabase.postgres(), BackendType.LISTEN_NOTIFY_DURABLE);
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2(), BackendType.TABLE_QUEUE);
        }
    }

    abstract static class OnEveryDatabase {

        private final TestDatabase database;
        private final ConnectionFactory aware;
        private final TransactionalOperator spring;
        private final R2dbcEventChannel events;

        OnEveryDatabase(TestDatabase database, BackendType backend) {
            this.database = database.migrated();
            database.execute("CREATE TABLE ledger (payment INTEGER NOT NULL)");
            this.aware = new TransactionAwareConnectionFactoryProxy(database.connections());
            this.spring = TransactionalOperator.create(new R2dbcTransactionManager(database.connections()));
            this.events = TestDatabase.builder(aware)
                    .backend(backend)
                    .listenerConnections(database.connections())
                    .build();
        }

        @AfterEach
        void close() {
            events.shutdown().block(LIMIT);
        }

        private static Mono<Void> pay(Connection connection) {
            return Flux.from(connection
                            .createStatement("INSERT INTO ledger (payment) VALUES (42)")
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }

        private Mono<String> payAndPublish(Connection connection) {
            return pay(connection).then(events.in(connection).publish("orders", 42));
        }

        private void assertStored(long rows) {
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(rows);
            assertThat(database.number("SELECT COUNT(*) FROM ledger")).isEqualTo(rows);
        }

        @Test
        void aConnectionOfTheProxyIsThatOfTheTransaction() {
            Mono<String> work = Mono.from(aware.create()).flatMap(this::payAndPublish);
            spring.transactional(work).block(LIMIT);
            assertStored(1);
            assertThatThrownBy(() -> spring.transactional(work.then(Mono.error(new IllegalStateException("no funds"))))
                            .block(LIMIT))
                    .hasMessage("no funds");
            assertStored(1);
        }

        @Test
        void theConnectionThatSpringsClientLendsIsAlsoGood() {
            Mono<String> work = DatabaseClient.create(database.connections()).inConnection(this::payAndPublish);
            spring.execute(status -> work).blockLast(LIMIT);
            assertStored(1);
            spring.execute(status -> {
                        status.setRollbackOnly();
                        return work;
                    })
                    .blockLast(LIMIT);
            assertStored(1);
        }

        @Test
        void whatIsPublishedOnTheChannelItselfDoesNotJoin() {
            Mono<String> outside = events.publish("orders", 1)
                    .then(events.inTransaction(
                            (connection, publisher) -> pay(connection).then(publisher.publish("orders", 2))));
            assertThatThrownBy(
                            () -> spring.transactional(outside.then(Mono.error(new IllegalStateException("no funds"))))
                                    .block(LIMIT))
                    .hasMessage("no funds");
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(2);
            assertThat(database.number("SELECT COUNT(*) FROM ledger")).isEqualTo(1);
        }
    }
}
