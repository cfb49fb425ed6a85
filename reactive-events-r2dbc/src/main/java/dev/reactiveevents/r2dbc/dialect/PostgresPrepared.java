package dev.reactiveevents.r2dbc.dialect;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Statement;
import io.r2dbc.spi.Wrapped;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.WeakHashMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A statement that each session is to have by this name, prepared by {@code PREPARE}. So it can be one of several that go to the
 * server as one message, which is one trip, while the driver prepares nothing that goes together with others. Such a message takes
 * no parameters: what a statement is run with stands in it.
 */
final class PostgresPrepared {

    private static final String NOT_PREPARED = "26000";
    private static final Pattern PARAMETER = Pattern.compile("\\$(\\d+)");

    private final String name;
    private final int parameters;
    private final String sql;
    /** The drivers' connections on which it was found or prepared. So the server logs no error for each new one. */
    private final Set<Object> connections = Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    /** The name tells texts apart, since the sessions are not ours alone. */
    PostgresPrepared(String purpose, String sql) {
        String text = UUID.nameUUIDFromBytes(sql.getBytes(UTF_8)).toString().replace("-", "");
        Stream<String> numbers = PARAMETER.matcher(sql).results().map(found -> found.group(1));
        this.name = "reactive_events_" + purpose + "_" + text;
        this.parameters = numbers.mapToInt(Integer::parseInt).max().orElse(0);
        this.sql = sql;
    }

    String name() {
        return name;
    }

    String execute(List<? extends @Nullable Object> values) {
        return values.stream().map(PostgresLiteral::of).collect(Collectors.joining(", ", "EXECUTE " + name + "(", ")"));
    }

    /**
     * Sends a message that begins a transaction and runs these in it. What the session lacks of them is prepared in the same
     * transaction, because behind a pooler the next one may be in another session; there it may lack what it was seen to have.
     *
     * @param message sends the message, which comes after this text
     */
    static <T> Mono<T> inTransaction(
            Connection connection, String begin, List<PostgresPrepared> statements, Function<String, Mono<T>> message) {
        Object driver = driver(connection);
        boolean seen = statements.stream().allMatch(statement -> statement.connections.contains(driver));
        Function<String, Mono<T>> prepared = begun -> prepareMissing(connection, begun, statements)
                .doOnSuccess(done -> statements.forEach(statement -> statement.connections.add(driver)))
                .then(Mono.defer(() -> message.apply("")));
        return seen
                ? message.apply(begin + "; ")
                        .onErrorResume(
                                R2dbcException.class,
                                failure -> NOT_PREPARED.equals(failure.getSqlState())
                                        ? prepared.apply("ROLLBACK; " + begin)
                                        : Mono.error(failure))
                : prepared.apply(begin);
    }

    private static Object driver(Connection connection) {
        Object inner = connection;
        while (inner instanceof Wrapped<?> wrapped && wrapped.unwrap() instanceof Connection next) {
            inner = next;
        }
        return inner;
    }

    private static Mono<Void> prepareMissing(Connection connection, String begin, List<PostgresPrepared> statements) {
        String names =
                statements.stream().map(statement -> "'" + statement.name + "'").collect(Collectors.joining(", "));
        String there = begin + "; SELECT name FROM pg_prepared_statements WHERE name IN (" + names + ")";
        return Sql.query(connection.createStatement(there), row -> Sql.required(row, "name", String.class))
                .collect(Collectors.toSet())
                .flatMapIterable(present -> statements.stream()
                        .filter(statement -> !present.contains(statement.name))
                        .toList())
                .concatMap(statement -> statement.prepareIn(connection))
                .then();
    }

    /** What is bound here goes nowhere: the driver takes the parameters for its own. */
    private Mono<Void> prepareIn(Connection connection) {
        Statement statement = connection.createStatement("PREPARE " + name + " AS " + sql);
        IntStream.range(0, parameters).forEach(i -> statement.bindNull(i, String.class));
        return Sql.update(statement).then();
    }
}
