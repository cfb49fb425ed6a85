package oracle.r2dbc.impl;

import io.r2dbc.spi.Connection;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A connection of Oracle's R2DBC driver over JDBC that is nothing but a record of what it is asked. */
final class StubbedJdbc {

    final List<String> calls = new CopyOnWriteArrayList<>();

    /** What OUT parameters hold, by their index. */
    final Map<Integer, Object> outs = new HashMap<>();

    /** What executions fail with, by their number from zero. */
    final Map<Integer, SQLException> failures = new HashMap<>();

    private int executions;

    private boolean autoCommit = true;

    int executions() {
        return executions;
    }

    Connection connection() {
        return new OracleConnectionImpl(
                stub(java.sql.Connection.class, this::connection), stub(ReactiveJdbcAdapter.class, this::adapter));
    }

    @SuppressWarnings("unchecked")
    private static <T> T stub(Class<T> type, InvocationHandler handler) {
        return (T) Proxy.newProxyInstance(StubbedJdbc.class.getClassLoader(), new Class<?>[] {type}, handler);
    }

    private Object connection(Object proxy, java.lang.reflect.Method method, Object[] arguments) {
        switch (method.getName()) {
            case "prepareStatement", "prepareCall" -> {
                calls.add(
                        method.getName() + " " + ((String) arguments[0]).strip().split("\\s")[0]);
                return stub(CallableStatement.class, this::statement);
            }
            case "getAutoCommit" -> {
                return autoCommit;
            }
            case "setAutoCommit" -> {
                autoCommit = (Boolean) arguments[0];
                calls.add("autocommit " + autoCommit);
                return null;
            }
            default -> {
                return nothing(method.getReturnType());
            }
        }
    }

    private Object statement(Object proxy, java.lang.reflect.Method method, Object[] arguments) {
        switch (method.getName()) {
            case "setObject" ->
                calls.add(arguments[0] + " = "
                        + (arguments[1] == null ? "null" : kind(arguments[1]) + " " + arguments[1]));
            case "setNull" -> calls.add(arguments[0] + " = null");
            case "registerOutParameter" -> calls.add(arguments[0] + " out " + arguments[1]);
            case "addBatch" -> calls.add("row");
            case "unwrap" -> {
                return proxy;
            }
            case "getObject" -> {
                return outs.get((Integer) arguments[0]);
            }
            case "getLargeUpdateCount" -> {
                return -1L;
            }
            default -> {}
        }
        return nothing(method.getReturnType());
    }

    private static String kind(Object value) {
        return value.getClass().getSimpleName();
    }

    private Object adapter(Object proxy, java.lang.reflect.Method method, Object[] arguments) {
        return switch (method.getName()) {
            case "getLock" -> new NoOpAsyncLock();
            case "publishSQLExecution" -> executed(Mono.just(false));
            case "publishBatchUpdate" -> executed(Flux.just(1L, 0L));
            case "publishCommit" -> told("commit");
            case "publishRollback" -> told("rollback");
            default -> Mono.empty();
        };
    }

    private <T> Publisher<T> executed(Publisher<T> answer) {
        return Flux.defer(() -> {
            calls.add("execute");
            SQLException failure = failures.get(executions++);
            return failure == null ? answer : Mono.error(OracleR2dbcExceptions.toR2dbcException(failure));
        });
    }

    private Publisher<Void> told(String what) {
        return Mono.fromRunnable(() -> calls.add(what));
    }

    private static Object nothing(Class<?> type) {
        return type == boolean.class
                ? (Object) false
                : type == int.class ? (Object) 0 : type == long.class ? (Object) 0L : null;
    }
}
