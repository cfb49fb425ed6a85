package dev.reactiveevents.r2dbc;

import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.Wrapped;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import reactor.core.publisher.Mono;

/** The texts of the statements that are made on the connections of a pool. */
final class Statements {

    private Statements() {}

    static ConnectionFactory noted(ConnectionPool pool, List<String> statements) {
        return new ConnectionFactory() {
            @Override
            public Mono<Connection> create() {
                return pool.create().map(connection -> noting(connection, statements));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return pool.getMetadata();
            }
        };
    }

    private static Connection noting(Connection connection, List<String> statements) {
        return (Connection) Proxy.newProxyInstance(
                Statements.class.getClassLoader(),
                new Class<?>[] {Connection.class, Wrapped.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("unwrap") && arguments == null) {
                        return connection;
                    }
                    if (method.getName().equals("createStatement")) {
                        statements.add((String) arguments[0]);
                    }
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                });
    }
}
