package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.r2dbc.spi.Connection;
import java.time.Duration;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

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
    }
}
