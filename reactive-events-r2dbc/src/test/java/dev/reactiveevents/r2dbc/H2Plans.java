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

/** Connections to H2 that explain each SELECT from a table before they run it: H2 counts the rows that it reads. */
final class H2Plans {

    private static final Pattern SCANNED = Pattern.compile("scanCount: (\\d+)");

    private final String table;
    private final Queue<String> plans = new ConcurrentLinkedQueue<>();

    /**
     * Plans.
     *
     * @param table the table's name as it stands in the statements
     */
    H2Plans(String table) {
        this.table = table;
    }

    /** What was explained since the last time. */
    List<String> taken() {
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
                    boolean select = method.getName().equals("createStatement")
                            && ((String) values[0]).stripLeading().startsWith("SELECT")
                            && ((String) values[0]).contains(table);
                    return select ? explained(connection, (String) values[0], (Statement) answer) : answer;
                });
    }

    private Statement explained(Connection connection, String sql, Statement statement) {
        Statement explanation = connection.createStatement("EXPLAIN ANALYZE " + sql);
        return (Statement) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Statement.class}, (proxy, method, values) -> {
                    if (method.getName().equals("execute")) {
                        return explain(explanation).thenMany(Flux.from(statement.execute()));
                    }
                    method.invoke(explanation, values);
                    method.invoke(statement, values);
                    return proxy;
                });
    }

    private Mono<Void> explain(Statement explanation) {
        return Flux.from(explanation.execute())
                .concatMap(result -> result.map(row -> row.get(0, String.class)))
                .doOnNext(plans::add)
                .then();
    }
}
