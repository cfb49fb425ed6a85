package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A connection that remembers what it was called for, but for questions about itself. */
record Recorded(Connection connection, List<String> calls) {

    static Recorded of(Connection connection) {
        List<String> calls = new CopyOnWriteArrayList<>();
        Connection recording = (Connection) Proxy.newProxyInstance(
                Recorded.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (!method.getName().startsWith("is") && !method.getName().startsWith("get")) {
                        calls.add(
                                method.getName().equals("createStatement")
                                        ? verb((String) arguments[0])
                                        : method.getName());
                    }
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                });
        return new Recorded(recording, calls);
    }

    /** The statement's first word, or what it notifies by. */
    private static String verb(String sql) {
        return sql.contains("pg_notify") ? "NOTIFY" : sql.strip().split("\\s", 2)[0];
    }
}
