package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Connections to H2 that explain what they do with a table before they do it. A SELECT is run for that, and H2 counts the rows
 * that it reads; of an UPDATE or a DELETE it only tells how it would find the rows.
 */
final class H2Plans {

    private static final Pattern SCANNED = Pattern.compile("scanCount: (\\d+)");

    private final String table;
    private final Queue<String> plans = new ConcurrentLinkedQueue<>();
    private final Queue<String> changes = new ConcurrentLinkedQueue<>();

    /**
     * Plans.
     *
     * @param table the table's name as it stands in the statements
     */
    H2Plans(String table) {
        this.table = table;
    }

    /** What was explained of SELECTs since the last time. */
    List<String> taken() {
        return taken(plans);
    }

    /** What was explained of UPDATEs and DELETEs since the last time. */
    List<String> takenOfChanges() {
        return taken(changes);
    }

    private static List<String> taken(Queue<String> plans) {
        List<String> taken = new ArrayList<>();
        String plan;
        while ((plan = plans.poll()) != null) {
            taken.add(plan);
        }
        return taken;
    }

    static int scanned(String plan) {
        return SCANNED.matcher(plan)
                .results()
                .mapToInt(count -> Integer.parseInt(count.group(1)))
                .sum();
    }

    Connection explaining(Connection connection) {
        return (Connection) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, values) -> {
                    Object answer = method.invoke(connection, values);
                    return method.getName().equals("createStatement")
                            ? explained(connection, (String) values[0], (Statement) answer)
                            : answer;
                });
    }

    private Statement explained(Connection connection, String sql, Statement statement) {
        String text = sql.stripLeading();
        if (!text.contains(table)) {
            return statement;
        }
        if (text.startsWith("SELECT")) {
            return explained(connection.createStatement("EXPLAIN ANALYZE " + sql), plans, statement);
        }
        return text.startsWith("UPDATE") || text.startsWith("DELETE")
                ? explained(connection.createStatement("EXPLAIN " + sql), changes, statement)
                : statement;
    }

    private Statement explained(Statement explanation, Queue<String> told, Statement statement) {
        return (Statement) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Statement.class}, (proxy, method, values) -> {
                    if (method.getName().equals("execute")) {
                        return explain(explanation, told).thenMany(Flux.from(statement.execute()));
                    }
                    method.invoke(explanation, values);
                    method.invoke(statement, values);
                    return proxy;
                });
    }

    private static Mono<Void> explain(Statement explanation, Queue<String> told) {
        return Flux.from(explanation.execute())
                .concatMap(result -> result.map(row -> row.get(0, String.class)))
                .doOnNext(told::add)
                .then();
    }
}
