package dev.reactiveevents.r2dbc;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.Wrapped;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/** The texts of the statements that are made on the connections of a pool. */
final class Statements {

    private Statements() {}

    static ConnectionFactory noted(ConnectionFactory connections, Consumer<String> statements) {
        return new ConnectionFactory() {
            @Override
            public Mono<Connection> create() {
                return Mono.from(connections.create()).map(connection -> noting(connection, statements));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return connections.getMetadata();
            }
        };
    }

    private static Connection noting(Connection connection, Consumer<String> statements) {
        return (Connection) Proxy.newProxyInstance(
                Statements.class.getClassLoader(),
                new Class<?>[] {Connection.class, Wrapped.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("unwrap") && arguments == null) {
                        return connection;
                    }
                    if (method.getName().equals("createStatement")) {
                        statements.accept((String) arguments[0]);
                    }
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                });
    }
}
