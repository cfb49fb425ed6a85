package dev.reactiveevents.r2dbc;

import dev.reactiveevents.micrometer.MicrometerObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationHandler.FirstMatchingCompositeObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.tracing.handler.DefaultTracingObservationHandler;
import io.micrometer.tracing.handler.PropagatingReceiverTracingObservationHandler;
import io.micrometer.tracing.handler.PropagatingSenderTracingObservationHandler;
import io.micrometer.tracing.otel.bridge.OtelCurrentTraceContext;
import io.micrometer.tracing.otel.bridge.OtelPropagator;
import io.micrometer.tracing.otel.bridge.OtelTracer;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import reactor.core.publisher.Mono;

/** What a process of its own has to trace with: OpenTelemetry's SDK, whose spans stay in memory. */
final class Traced {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    final ObservationRegistry observations = ObservationRegistry.create();
    final MicrometerObserver observer = MicrometerObserver.of(observations, new SimpleMeterRegistry());
    private final InMemorySpanExporter exporter = InMemorySpanExporter.create();

    Traced() {
        Tracer tracer = SdkTracerProvider.builder()
                .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                .build()
                .get("test");
        OtelTracer bridge = new OtelTracer(tracer, new OtelCurrentTraceContext(), event -> {});
        OtelPropagator propagator =
                new OtelPropagator(ContextPropagators.create(W3CTraceContextPropagator.getInstance()), tracer);
        observations
                .observationConfig()
                .observationHandler(new FirstMatchingCompositeObservationHandler(
                        new PropagatingSenderTracingObservationHandler<>(bridge, propagator),
                        new PropagatingReceiverTracingObservationHandler<>(bridge, propagator),
                        new DefaultTracingObservationHandler(bridge)));
    }

    /** All spans that have ended. */
    List<SpanData> spans() {
        return exporter.getFinishedSpanItems();
    }

    /** The only span of a name, once it has ended. */
    SpanData span(String name) {
        return Objects.requireNonNull(Mono.fromSupplier(() -> spans().stream()
                        .filter(span -> span.getName().equals(name))
                        .toList())
                .filter(found -> !found.isEmpty())
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5)))
                .map(found -> found.get(0))
                .block(LIMIT));
    }
}
