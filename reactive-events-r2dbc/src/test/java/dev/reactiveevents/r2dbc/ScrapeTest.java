package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.Overflow;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.micrometer.MicrometerObserver;
import io.micrometer.core.instrument.observation.DefaultMeterObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.subscriber.TestSubscriber;

/** What Prometheus reads after a run whose numbers are known, and the snapshot beside it. */
class ScrapeTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    private MicrometerObserver observer() {
        ObservationRegistry observations = ObservationRegistry.create();
        observations.observationConfig().observationHandler(new DefaultMeterObservationHandler(prometheus));
        return MicrometerObserver.of(observations, prometheus);
    }

    private static List<Event> numbered(int count) {
        return IntStream.range(0, count)
                .mapToObj(number -> Event.of("orders", number))
                .toList();
    }

    @Test
    void aQueue() {
        R2dbcEventChannel events = TestDatabase.postgres()
                .migrated()
                .builder()
                .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                .observer(observer())
                .build();
        ListenOptions options = ListenOptions.defaults()
                .withConcurrency(4)
                .withMaxAttempts(3)
                .withRetry(RetryPolicy.fixed(Duration.ZERO));
        EventListener listener = events.listen("orders", ScrapeTest::work, options);
        listener.ready().block(LIMIT);
        events.publishAll(numbered(20)).block(LIMIT);
        events.publishAll(Flux.fromIterable(numbered(20))).then().block(LIMIT);
        Mono.fromSupplier(listener::counts)
                .filter(counts -> counts.acked() + counts.deadLettered() == 40)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);
        listener.stop(LIMIT).block(LIMIT);

        assertThat(prometheus.scrape().lines())
                .contains(
                        "events_publish_total{channel=\"orders\"} 40.0",
                        "events_deliver_total{channel=\"orders\",redelivered=\"false\"} 40.0",
                        "events_deliver_total{channel=\"orders\",redelivered=\"true\"} 6.0",
                        "events_ack_total{channel=\"orders\"} 38.0",
                        "events_nack_total{channel=\"orders\"} 6.0",
                        "events_dead_total{channel=\"orders\"} 2.0",
                        "events_listener_start_total{channel=\"orders\"} 1.0",
                        "events_listener_stop_total{channel=\"orders\"} 1.0",
                        "events_publish_duration_seconds_count{channel=\"orders\",error=\"none\",result=\"done\"} 21",
                        "events_process_duration_seconds_count{channel=\"orders\",error=\"none\",result=\"done\"} 38",
                        "events_process_duration_seconds_count{channel=\"orders\",error=\"IllegalStateException\","
                                + "result=\"failed\"} 8",
                        "events_settle_duration_seconds_count{channel=\"orders\",error=\"none\",outcome=\"ack\","
                                + "result=\"done\"} 38")
                .noneMatch(line -> line.startsWith("events_lost_total"))
                .noneMatch(line -> line.startsWith("events_publish_native_total"));
        assertThat(events.snapshot().totals()).isEqualTo(new ChannelTotals(40, 40, 6, 38, 6, 2, 0, 1, 1));
        events.shutdown().block(LIMIT);
    }

    /** Of 0 to 19: 3 fails for ever, 4 once; so 8 of 46 deliveries fail, 2 of them as the last. */
    private static Mono<Void> work(EventMessage message) {
        int number = message.payloadAs(Integer.class);
        boolean fails = number == 3 || number == 4 && message.attempts() == 1;
        return fails ? Mono.error(new IllegalStateException("not now")) : Mono.empty();
    }

    @Test
    void aBroadcast() {
        R2dbcEventChannel events = TestDatabase.postgres()
                .builder()
                .backend(BackendType.LISTEN_NOTIFY)
                .observer(observer())
                .build();
        SubscribeOptions slow = SubscribeOptions.defaults().withPrefetch(4).withOverflow(Overflow.DROP_LATEST);
        EventListener listener = events.listen("orders", message -> Mono.empty());
        listener.ready().block(LIMIT);
        TestSubscriber<EventMessage> none =
                TestSubscriber.builder().initialRequest(0).build();
        Sinks.Empty<Void> ready = Sinks.empty();
        events.subscribe("orders", slow.withOnReady(ready::tryEmitEmpty)).subscribe(none);
        ready.asMono().block(LIMIT);
        events.publishAll(numbered(10)).block(LIMIT);
        Mono.fromSupplier(() -> listener.counts().handled() + events.snapshot().dropped())
                .filter(done -> done == 16)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5)))
                .block(LIMIT);

        assertThat(prometheus.scrape().lines())
                .contains(
                        "events_publish_native_total{channel=\"orders\"} 10.0",
                        "events_deliver_total{channel=\"orders\",redelivered=\"false\"} 10.0",
                        "events_dropped_total{channel=\"orders\"} 6.0",
                        "events_process_duration_seconds_count{channel=\"orders\",error=\"none\",result=\"done\"} 10")
                .noneMatch(line -> line.startsWith("events_publish_total"))
                .noneMatch(line -> line.startsWith("events_ack_total"));
        assertThat(events.snapshot().totals()).isEqualTo(new ChannelTotals(10, 10, 0, 0, 0, 0, 0, 1, 0));
        events.shutdown().block(LIMIT);
    }
}
