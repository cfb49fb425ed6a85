package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** Acknowledges events and prints the payload of each, until it is ended. One payload may be deadly. */
public final class ConsumerProcess {

    private static final int NO_PAYLOAD = -1;

    private ConsumerProcess() {}

    /**
     * Runs the consumer.
     *
     * @param args URL, table, channel, prefetch, milliseconds of the lease, maximum of attempts, and the deadly payload
     */
    public static void main(String[] args) {
        R2dbcEventChannel events = Channels.tableQueue(ConnectionFactories.get(args[0]))
                .queueTable(args[1])
                .lease(Duration.ofMillis(Long.parseLong(args[4])))
                .maxAttempts(Integer.parseInt(args[5]))
                .pollInterval(Duration.ofMillis(200))
                .build();
        int deadly = args.length > 6 ? Integer.parseInt(args[6]) : NO_PAYLOAD;
        SubscribeOptions options = SubscribeOptions.defaults()
                .withPrefetch(Integer.parseInt(args[3]))
                .withOnReady(() -> System.out.println("ready"));
        events.subscribe(args[2], options)
                .flatMap(message -> work(message, deadly), Integer.parseInt(args[3]))
                .doOnNext(System.out::println)
                .blockLast();
    }

    private static Mono<Integer> work(EventMessage message, int deadly) {
        int payload = message.payloadAs(Integer.class);
        if (payload == deadly) {
            Runtime.getRuntime().halt(13);
        }
        return message.ack().filter(acked -> acked).thenReturn(payload);
    }
}
