package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.MySqlDialect;
import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** A claim of several statements takes a while. What becomes due after it has looked is told, so that the next one is not late. */
class DueBetweenLooksTest {

    private static final Duration LIMIT = Duration.ofMinutes(1);

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(TestDatabase.mariaDb(), new MySqlDialect());
        }
    }

    /** See {@link OracleOnH2} for what this shows and what it does not. */
    @Nested
    class OnOracleStatements extends OnEither {
        OnOracleStatements() {
            super(new TestDatabase(OracleOnH2.fresh()), new OracleDialect());
        }
    }

    abstract static class OnEither {

        private final TestDatabase database;
        private final Dialect dialect;
        private final QueueTable table = QueueTable.of("queue");
        private final QueueStatements statements;

        OnEither(TestDatabase database, Dialect dialect) {
            this.database = database.migrated();
            this.dialect = dialect;
            this.statements = dialect.statements(table, Duration.ofHours(1));
        }

        @Test
        void whatBecomesDueBeforeTheLastLookIsDueAtOnce() {
            R2dbcEventChannel events = database.builder().build();
            events.publish(Event.of("orders", 1).withKey("first")).block(LIMIT);
            claim(Mono.empty()); // tells that there are keys
            assertThat(claim(Mono.empty()).events()).hasSize(1);

            Claimed claimed = claim(events.publish(Event.of("orders", 2).withKey("late")));
            events.shutdown().block(LIMIT);

            assertThat(claimed.events()).isEmpty();
            assertThat(claimed.nextDue()).isZero();
        }

        private Claimed claim(Mono<?> beforeTheLastLook) {
            Claim claim = new Claim(UUID.randomUUID(), LIMIT, false, List.of(new Claim.Request("orders", 10, 10)));
            Database connections = new Database(
                    database.changed(connection -> connection.map(it -> meanwhile(it, beforeTheLastLook))),
                    dialect,
                    table);
            return connections
                    .atOnce("Claiming", connection -> statements.claim(connection, claim, "test", () -> {}))
                    .block(LIMIT)
                    .get(0);
        }

        private static Connection meanwhile(Connection connection, Mono<?> beforeTheLastLook) {
            return proxy(Connection.class, connection, (method, arguments, answer) -> {
                boolean last = method.equals("createStatement") && ((String) arguments[0]).contains("AS passed_over");
                return last ? later((Statement) answer, beforeTheLastLook) : answer;
            });
        }

        private static Statement later(Statement statement, Mono<?> before) {
            return proxy(
                    Statement.class,
                    statement,
                    (method, arguments, answer) ->
                            method.equals("execute") ? before.thenMany((Publisher<?>) answer) : answer);
        }

        private interface Change {
            Object of(String method, Object[] arguments, Object answer);
        }

        private static <T> T proxy(Class<T> type, T original, Change change) {
            return type.cast(Proxy.newProxyInstance(
                    type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                        Object answer = method.invoke(original, arguments);
                        return answer == original ? proxy : change.of(method.getName(), arguments, answer);
                    }));
        }
    }
}
