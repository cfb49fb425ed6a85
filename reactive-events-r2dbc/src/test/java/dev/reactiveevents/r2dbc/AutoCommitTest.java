package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.H2Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** What was told to be stored is stored, also where sessions were told not to commit by themselves. */
class AutoCommitTest {

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

    @Nested
    class OnMariaDb extends OnEveryDatabase {
        OnMariaDb() {
            super(TestDatabase.mariaDb());
        }
    }

    /** A connection that is lost in the middle of a statement; what is called on it is noted. */
    private static List<String> calledOnceLost(boolean answersWhetherItCommits) {
        TestDatabase database = TestDatabase.h2();
        List<String> called = new CopyOnWriteArrayList<>();
        UnaryOperator<Connection> noting = connection -> (Connection) Proxy.newProxyInstance(
                AutoCommitTest.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, values) -> {
                    called.add(method.getName());
                    if (method.getName().equals("isAutoCommit")) {
                        if (!answersWhetherItCommits) {
                            throw new IllegalStateException("closed");
                        }
                        return false;
                    }
                    return method.invoke(connection, values);
                });
        Database lost = new Database(
                database.changed(connection -> connection.map(noting)), new H2Dialect(), QueueTable.of("queue"));
        StepVerifier.create(lost.statement(
                        "Looking", connection -> Mono.error(new R2dbcNonTransientResourceException("lost", "08006"))))
                .verifyErrorSatisfies(failure -> assertThat(failure)
                        .isInstanceOfAny(EventException.OutcomeUnknown.class, EventException.Unavailable.class));
        return called;
    }

    /** As Oracle's driver does not. */
    @Test
    void aConnectionIsGivenBackThatDoesNotAnswerWhetherItCommits() {
        assertThat(calledOnceLost(false)).containsOnlyOnce("close");
    }

    /** A pool would lend it again. */
    @Test
    void aConnectionIsAskedForASignOfLifeBeforeItIsRolledBackAndGivenBack() {
        assertThat(calledOnceLost(true)).containsSubsequence("validate", "rollbackTransaction", "close");
    }

    abstract static class OnEveryDatabase {

        private final TestDatabase database;

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
        }

        private static Mono<Connection> withoutAutoCommit(Mono<Connection> connection) {
            return connection.delayUntil(opened -> opened.setAutoCommit(false));
        }

        @Test
        void aPublishIsCommittedThatItsSessionWouldNotCommit() {
            R2dbcEventChannel events = TestDatabase.builder(database.changed(OnEveryDatabase::withoutAutoCommit))
                    .build();
            events.publish("orders", 1).block(LIMIT);
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(1);
            assertThat(events.receive("orders", LIMIT)
                            .flatMap(message -> message.ack())
                            .block(LIMIT))
                    .isTrue();
            events.shutdown().block(LIMIT);
            assertThat(database.query("SELECT status FROM \"queue\"", String.class))
                    .doesNotContain("leased", "ready");
        }

        /** As after a lost answer. */
        @Test
        void aPublishThatIsRepeatedIsStoredOnce() {
            R2dbcEventChannel events = TestDatabase.builder(database.changed(OnEveryDatabase::withoutAutoCommit))
                    .build();
            Mono<String> publish = events.publish("orders", 1);
            String id = publish.block(LIMIT);
            assertThat(publish.block(LIMIT)).isEqualTo(id);
            events.shutdown().block(LIMIT);
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(1);
        }

        /** A database that takes a transaction to have failed refuses all that comes next in it. */
        @Test
        void aPublishThatFailsLeavesNothingToTheNextOnItsConnection() {
            ConnectionPool one = new ConnectionPool(
                    ConnectionPoolConfiguration.builder(database.changed(OnEveryDatabase::withoutAutoCommit))
                            .initialSize(1)
                            .maxSize(1)
                            .build());
            R2dbcEventChannel events = TestDatabase.builder(one).build();
            database.execute("ALTER TABLE \"queue\" RENAME TO \"away\"");
            StepVerifier.create(events.publish("orders", 1)).verifyError(EventException.Misconfigured.class);
            database.execute("ALTER TABLE \"away\" RENAME TO \"queue\"");
            events.publish("orders", 2).block(LIMIT);
            events.shutdown().block(LIMIT);
            one.disposeLater().block(LIMIT);
            assertThat(database.number("SELECT COUNT(*) FROM \"queue\"")).isEqualTo(1);
        }
    }
}
