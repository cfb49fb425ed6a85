package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventHandler;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.RetryPolicy;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.Result;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Writes each event into a ledger in the transaction that settles it, until it is ended: at best in the midst of it. */
public final class TransactionalProcess {

    private static final int CONCURRENCY = 8;

    private TransactionalProcess() {}

    /**
     * Runs the consumer.
     *
     * @param args URL, backend, table, channel and ledger
     */
    public static void main(String[] args) {
        ConnectionPool pool = new ConnectionPool(ConnectionPoolConfiguration.builder(ConnectionFactories.get(args[0]))
                .initialSize(0)
                .maxSize(CONCURRENCY + 4)
                .build());
        R2dbcEventChannel events = R2dbcEventChannel.builder(pool)
                .backend(BackendType.valueOf(args[1]))
                .queueTable(args[2])
                .lease(Duration.ofSeconds(1))
                .maxAttempts(1_000)
                .retryPolicy(RetryPolicy.fixed(Duration.ZERO))
                .pollInterval(Duration.ofMillis(100))
                .build();
        String insert = "INSERT INTO " + args[4] + " (payment) VALUES ($1)";
        EventHandler handler = events.transactional((message, connection) -> Flux.from(connection
                        .createStatement(insert)
                        .bind(0, message.payloadAs(Integer.class))
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then(Mono.fromRunnable(() -> System.out.println(message.payloadText())))
                .then(Mono.delay(Duration.ofMillis(100))));
        events.listen(args[3], handler, ListenOptions.defaults().withConcurrency(CONCURRENCY));
        Mono.never().block();
    }
}
