package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.util.concurrent.atomic.AtomicBoolean;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Real connections that break at the worst moment: when asked for, the next thing that one of them commits, by a commit or by one
 * INSERT alone, is done, and the answer lost.
 */
final class LosingAnswers {

    private final AtomicBoolean next = new AtomicBoolean();
    private volatile String before = "";
    private volatile String part = "";

    /** Loses the next answer. */
    void loseNext() {
        next.set(true);
    }

    /** Loses the next one of the connection that will have this statement, whatever else is committed meanwhile. */
    void loseNextBehind(String sql) {
        before = sql;
        next.set(true);
    }

    /** Loses the next answer to a message that has this in its text. */
    void loseNextOf(String text) {
        part = text;
        next.set(true);
    }

    /** Whether the answer that was to be lost is lost. */
    boolean hasLost() {
        return !next.get();
    }

    Mono<Connection> change(Mono<Connection> connections) {
        return connections.map(connection -> {
            AtomicBoolean had = new AtomicBoolean();
            return Intercepted.of(Connection.class, connection, (method, values, answer) -> switch (method) {
                case "commitTransaction" -> losing((Publisher<?>) answer, had);
                case "createStatement" -> change(connection, (String) values[0], (Statement) answer, had);
                default -> answer;
            });
        });
    }

    private Statement change(Connection connection, String sql, Statement statement, AtomicBoolean had) {
        if (sql.equals(before)) {
            had.set(true);
        }
        return Intercepted.of(
                Statement.class,
                statement,
                (method, values, answer) -> method.equals("execute") && next.get() && commits(sql, connection)
                        ? losing(Flux.from(statement.execute()).concatMap(Result::getRowsUpdated), had)
                        : answer);
    }

    /** An INSERT behind which it is to happen is in a transaction, of which the driver need not know. */
    private boolean commits(String sql, Connection connection) {
        return sql.endsWith("COMMIT") && sql.contains(part)
                || before.isEmpty() && part.isEmpty() && sql.startsWith("INSERT") && connection.isAutoCommit();
    }

    private Publisher<?> losing(Publisher<?> done, AtomicBoolean had) {
        return Flux.from(done)
                .then(Mono.defer(() -> (before.isEmpty() || had.get()) && next.compareAndSet(true, false)
                        ? Mono.error(new R2dbcNonTransientResourceException("The connection broke."))
                        : Mono.empty()));
    }
}
