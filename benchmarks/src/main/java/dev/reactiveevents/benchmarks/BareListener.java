package dev.reactiveevents.benchmarks;

import io.r2dbc.postgresql.api.PostgresqlConnection;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** A connection that listens, by hand. */
final class BareListener implements AutoCloseable {

    private final PostgresqlConnection connection;
    private final Disposable hearing;

    /** Listens when this returns. */
    BareListener(Lab lab, String topic, Consumer<String> heard) {
        connection = Mono.from(lab.connections().create())
                .cast(PostgresqlConnection.class)
                .block();
        hearing = connection.getNotifications().subscribe(notification -> heard.accept(notification.getParameter()));
        connection
                .createStatement("LISTEN \"" + topic + '"')
                .execute()
                .flatMap(result -> result.getRowsUpdated())
                .blockLast();
    }

    @Override
    public void close() {
        hearing.dispose();
        connection.close().block();
    }
}
