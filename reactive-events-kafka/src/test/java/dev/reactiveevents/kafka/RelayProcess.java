package dev.reactiveevents.kafka;

import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.relay.OutboxRelay;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;

/** Relays a channel to a topic until it is killed, or until whoever started it has gone. */
public final class RelayProcess {

    private RelayProcess() {}

    /**
     * Runs the relay. Prints a line once it is ready.
     *
     * @param args URL of the database, table, channel, servers and topic
     * @throws Exception if it cannot wait
     */
    public static void main(String[] args) throws Exception {
        ConnectionPool pool = new ConnectionPool(ConnectionPoolConfiguration.builder(ConnectionFactories.get(args[0]))
                .initialSize(0)
                .maxSize(6)
                .build());
        R2dbcEventChannel events = R2dbcEventChannel.builder(pool)
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .queueTable(args[1])
                .lease(Duration.ofSeconds(2))
                .build();
        KafkaProducer<String, String> producer = KafkaProducers.of(Map.of(
                "bootstrap.servers", args[3],
                "request.timeout.ms", "2000",
                "delivery.timeout.ms", "5000",
                "reconnect.backoff.max.ms", "200"));
        OutboxRelay relay = OutboxRelay.from(events, args[2])
                .to(KafkaTransport.of(producer, args[4]))
                .retry(RetryPolicy.fixed(Duration.ofMillis(100)))
                .start();
        relay.ready().block();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            // the end of the input is the end of who started it
        }
        System.exit(0);
    }
}
