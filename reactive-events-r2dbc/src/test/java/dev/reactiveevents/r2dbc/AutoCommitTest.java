package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import java.time.Duration;
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
