package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.EventRouter;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.BroadcastBackend;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A router finds the handler of an event: how long that takes is not to depend on the number of routes. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Benchmark)
public class RoutingBenchmark {

    private static final int EVENTS = 1_024;

    /** How many patterns are registered, one in ten of them with a star. */
    @Param({"10", "1000", "100000"})
    public int routes;

    private final EventRouter router = new EventRouter();
    private List<EventMessage> messages;
    private int next;

    /** Registers the routes, and makes events for some of them. */
    @Setup
    public void register() {
        for (int route = 0; route < routes; route++) {
            router.on(pattern(route), message -> Mono.empty());
        }
        Random random = new Random(42);
        messages = EventChannels.over(
                        new Types(random), ChannelOptions.defaults().withPrefetch(EVENTS))
                .subscribe("orders")
                .take(EVENTS)
                .collectList()
                .block();
    }

    private static String pattern(int route) {
        return route % 10 == 0 ? "*.order" + route + ".placed" : type(route);
    }

    private static String type(int route) {
        return "shop" + route % 100 + ".order" + route + ".placed";
    }

    /** Nanoseconds for each event. */
    @Benchmark
    public Mono<Void> route() {
        return router.handle(messages.get(next++ & EVENTS - 1));
    }

    /** Nothing but events with the types of routes. */
    private final class Types implements BroadcastBackend {

        private final Random random;

        Types(Random random) {
            this.random = random;
        }

        @Override
        public Flux<Heard> listen(String channel) {
            return Flux.range(0, EVENTS).map(i -> new Heard.Arrived(event(channel)));
        }

        private ClaimedEvent event(String channel) {
            String type = type(random.nextInt(routes));
            Instant now = Instant.EPOCH;
            return new ClaimedEvent(EventChannels.newId(), channel, type, null, "1", null, 1, now, now, now);
        }

        @Override
        public String name() {
            return "types";
        }

        @Override
        public Set<Capability> capabilities() {
            return Set.of();
        }

        @Override
        public Mono<Void> publish(List<NewEvent> events) {
            return Mono.empty();
        }

        @Override
        public Mono<Void> shutdown() {
            return Mono.empty();
        }
    }
}
