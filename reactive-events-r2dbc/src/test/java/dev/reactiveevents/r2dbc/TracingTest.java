package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventContext;
import io.micrometer.observation.Observation;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** A trace goes with an event from one channel object to another, each with a tracer of its own as processes have. */
class TracingTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnH2 extends OnEveryBackend {
        OnH2() {
            super(TestDatabase.h2(), BackendType.TABLE_QUEUE);
        }
    }

    @Nested
    class OnTableQueue extends OnEveryBackend {
        OnTableQueue() {
            super(TestDatabase.postgres(), BackendType.TABLE_QUEUE);
        }
    }

    @Nested
    class OnMariaDb extends OnEveryBackend {
        OnMariaDb() {
            super(TestDatabase.mariaDb(), BackendType.TABLE_QUEUE);
        }
    }

    @Nested
    class OnListenNotifyDurable extends OnEveryBackend {
        OnListenNotifyDurable() {
            super(TestDatabase.postgres(), BackendType.LISTEN_NOTIFY_DURABLE);
        }
    }

    @Nested
    class OnListenNotify extends OnEveryBackend {
        OnListenNotify() {
            super(TestDatabase.postgres(), BackendType.LISTEN_NOTIFY);
        }
    }

    abstract static class OnEveryBackend {

        private final Traced shop = new Traced();
        private final Traced warehouse = new Traced();
        private final BackendType backend;
        private final R2dbcEventChannel ofShop;
        private final R2dbcEventChannel ofWarehouse;

        OnEveryBackend(TestDatabase database, BackendType backend) {
            this.backend = backend;
            ofShop = database.migrated()
                    .builder()
                    .backend(backend)
                    .observer(shop.observer)
                    .build();
            ofWarehouse = database.builder()
                    .backend(backend)
                    .observer(warehouse.observer)
                    .build();
        }

        @AfterEach
        void shutDown() {
            Mono.when(ofShop.shutdown(), ofWarehouse.shutdown()).block(LIMIT);
        }

        private void publish(R2dbcEventChannel events, Traced tracing, String channel) {
            Observation request = Observation.start("request", tracing.observations);
            events.publish(channel, 1)
                    .contextWrite(Context.of(
                            ObservationThreadLocalAccessor.KEY, request, EventContext.CORRELATION_ID, "order-42"))
                    .block(LIMIT);
            request.stop();
        }

        @Test
        void theConsumersSpanIsAChildOfThePublishers() {
            ofWarehouse.listen("orders", message -> Mono.empty()).ready().block(LIMIT);
            publish(ofShop, shop, "orders");

            SpanData request = shop.span("request");
            SpanData published = shop.span("events.publish");
            SpanData processed = warehouse.span("events.process");
            assertThat(published.getKind()).isEqualTo(SpanKind.PRODUCER);
            assertThat(published.getParentSpanId()).isEqualTo(request.getSpanId());
            assertThat(processed.getKind()).isEqualTo(SpanKind.CONSUMER);
            assertThat(processed.getParentSpanId()).isEqualTo(published.getSpanId());
            assertThat(processed.getTraceId()).isEqualTo(request.getTraceId());
            if (backend != BackendType.LISTEN_NOTIFY) {
                assertThat(warehouse.span("events.ack").getParentSpanId()).isEqualTo(processed.getSpanId());
                assertThat(warehouse.span("events.dequeue").getTraceId()).isNotEqualTo(request.getTraceId());
            }
        }

        /** There and back: the shop orders, the warehouse answers. */
        @Test
        void aHandlerThatPublishesKeepsTheChain() {
            Sinks.One<ContextView> answered = Sinks.one();
            ofShop.listen(
                            "answers",
                            message -> Mono.deferContextual(context -> {
                                answered.tryEmitValue(context);
                                return Mono.empty();
                            }))
                    .ready()
                    .block(LIMIT);
            ofWarehouse
                    .listen(
                            "orders",
                            message -> ofWarehouse.publish("answers", "yes").then())
                    .ready()
                    .block(LIMIT);
            publish(ofShop, shop, "orders");

            assertThat(answered.asMono().block(LIMIT).<String>get(EventContext.CORRELATION_ID))
                    .isEqualTo("order-42");
            SpanData asked = shop.span("events.publish");
            SpanData worked = warehouse.span("events.process");
            SpanData answer = warehouse.span("events.publish");
            SpanData heard = shop.span("events.process");
            assertThat(List.of(worked.getParentSpanId(), answer.getParentSpanId(), heard.getParentSpanId()))
                    .containsExactly(asked.getSpanId(), worked.getSpanId(), answer.getSpanId());
            assertThat(heard.getTraceId()).isEqualTo(asked.getTraceId());
        }

        @Test
        void whatIsPublishedOutsideOfATraceBeginsOne() {
            ofWarehouse.listen("orders", message -> Mono.empty()).ready().block(LIMIT);
            ofShop.publish("orders", 1).block(LIMIT);

            assertThat(warehouse.span("events.process").getTraceId())
                    .isEqualTo(shop.span("events.publish").getTraceId());
        }
    }
}
