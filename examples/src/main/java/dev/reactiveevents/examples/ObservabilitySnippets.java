package dev.reactiveevents.examples;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.micrometer.MicrometerObserver;
import dev.reactiveevents.micrometer.ProcessContext;
import dev.reactiveevents.micrometer.ProcessConvention;
import dev.reactiveevents.micrometer.QueueGauges;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.micrometer.common.KeyValues;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.observation.DefaultMeterObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;

/** The code of docs/observability.md: compiled here, run by ObservabilitySnippetsTest. */
final class ObservabilitySnippets {

    private ObservabilitySnippets() {}

    static ObservationRegistry timed(MeterRegistry meters) {
        ObservationRegistry observations = ObservationRegistry.create();
        observations.observationConfig().observationHandler(new DefaultMeterObservationHandler(meters));
        return observations;
    }

    static R2dbcEventChannel observed(
            ConnectionFactory database, ObservationRegistry observations, MeterRegistry meters) {
        return R2dbcEventChannel.builder(database)
                .backend(BackendType.TABLE_QUEUE)
                .observer(MicrometerObserver.of(observations, meters))
                .build();
    }

    static Mono<String> publish(EventChannel events) {
        return events.publish("orders", 42).contextWrite(Context.of(EventContext.CORRELATION_ID, "request-7"));
    }

    static Mono<Void> handle(EventMessage message) {
        return Mono.deferContextual(context -> {
            String cause = context.getOrDefault(EventContext.CORRELATION_ID, "nobody");
            return note("Order " + message.payloadText() + " because of " + cause);
        });
    }

    static Flux<Boolean> subscribe(EventChannel events) {
        return events.subscribe("orders")
                .concatMap(message -> handle(message)
                        .then(message.ack())
                        .contextWrite(EventContext.of(message))); // as a listener does
    }

    static Disposable gauges(EventChannel events, MeterRegistry meters) {
        return QueueGauges.register(events, "orders", Duration.ofSeconds(15), meters);
    }

    static MicrometerObserver renamed(ObservationRegistry observations, MeterRegistry meters) {
        return MicrometerObserver.of(observations, meters).withProcessConvention(new ProcessConvention() {
            @Override
            public KeyValues getLowCardinalityKeyValues(ProcessContext context) {
                return super.getLowCardinalityKeyValues(context)
                        .and("type", String.valueOf(context.message().type()));
            }
        });
    }

    static boolean isIdle(R2dbcEventChannel events) {
        ChannelTotals totals = events.snapshot().totals();
        return totals.delivered() + totals.redelivered() == totals.acked() + totals.nacked() + totals.deadLettered();
    }

    private static Mono<Void> note(String line) {
        return line.isEmpty() ? Mono.error(new IllegalStateException("nothing to note")) : Mono.empty();
    }
}
