package dev.reactiveevents.r2dbc.dialect;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Wrapped;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.WeakHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A statement that each session is to have by this name, prepared by {@code PREPARE}. So it can be one of several that go to the
 * server as one message, which is one trip, while the driver prepares nothing that goes together with others. Such a message takes
 * no parameters: what a statement is run with stands in it.
 */
final class PostgresPrepared {

    private static final String NOT_PREPARED = "26000";

    /** In PL/pgSQL, which can look first. In quotes that hide the statement's parameters from the driver, which would want values. */
    private static final String PREPARE = """
            DO $unless_prepared$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = '${name}') THEN
                    EXECUTE $statement$PREPARE ${name} AS ${sql}$statement$;
                END IF;
            END $unless_prepared$;""";

    private final String name;
    private final String prepare;
    /** The drivers' connections on which it was prepared, if it was not there. So the server logs no error for each new one. */
    private final Set<Object> connections = Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    /** The name tells texts apart, since the sessions are not ours alone. */
    PostgresPrepared(String purpose, String sql) {
        String text = UUID.nameUUIDFromBytes(sql.getBytes(UTF_8)).toString().replace("-", "");
        this.name = "reactive_events_" + purpose + "_" + text;
        this.prepare = PREPARE.replace("${name}", name).replace("${sql}", sql);
    }

    String name() {
        return name;
    }

    String execute(List<? extends @Nullable Object> values) {
        return values.stream().map(PostgresLiteral::of).collect(Collectors.joining(", ", "EXECUTE " + name + "(", ")"));
    }

    /**
     * Sends a message that begins a transaction and runs these in it. On a connection that is new they are prepared by the same
     * message, unless its session has them. Behind a pooler each transaction may be in another session: where one turns out to be
     * missing, they are prepared in the transaction, which is begun again.
     *
     * @param message sends the message, which comes after this text
     */
    static <T> Mono<T> inTransaction(
            Connection connection, String begin, List<PostgresPrepared> statements, Function<String, Mono<T>> message) {
        Object driver = driver(connection);
        if (!statements.stream().allMatch(statement -> statement.connections.contains(driver))) {
            return message.apply(beginAndPrepare(begin, statements))
                    .doOnSuccess(done -> statements.forEach(statement -> statement.connections.add(driver)));
        }
        return message.apply(begin + "; ")
                .onErrorResume(
                        R2dbcException.class,
                        failure -> NOT_PREPARED.equals(failure.getSqlState())
                                ? message.apply("ROLLBACK; " + beginAndPrepare(begin, statements))
                                : Mono.error(failure));
    }

    private static String beginAndPrepare(String begin, List<PostgresPrepared> statements) {
        return statements.stream()
                .map(statement -> statement.prepare)
                .collect(Collectors.joining(" ", begin + "; ", " "));
    }

    private static Object driver(Connection connection) {
        Connection inner = connection;
        while (inner instanceof Wrapped<?> wrapped && wrapped.unwrap() instanceof Connection next && next != inner) {
            inner = next;
        }
        return inner;
    }
}
