package dev.reactiveevents.r2dbc;

import dev.reactiveevents.SubscribeOptions;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.Map;

/** Acknowledges what notifications bring it, and prints the payload of each, until it is ended. */
public final class ListenerProcess {

    private ListenerProcess() {}

    /**
     * Runs the listener. Without notifications it would be late.
     *
     * @param args URL, backend, table and channel
     */
    public static void main(String[] args) {
        R2dbcEventChannel events = R2dbcEventChannel.builder(ConnectionFactories.get(args[0]))
                .options(Map.of("events_backend", args[1], "queue_table", args[2]))
                .pollInterval(Duration.ofMinutes(10))
                .prefetch(20_000)
                .build();
        SubscribeOptions options = SubscribeOptions.defaults().withOnReady(() -> System.out.println("ready"));
        events.subscribe(args[3], options)
                .flatMap(message -> message.ack().filter(acked -> acked).thenReturn(message.payloadText()), 100)
                .doOnNext(System.out::println)
                .blockLast();
    }
}
