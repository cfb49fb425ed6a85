package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** A connection factory that knows Spring looks into the Reactor Context for the caller's transaction: it finds nothing. */
class ContextTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2());
        }
    }

    abstract static class OnEveryDatabase {

        private final Queue<ContextView> seen = new ConcurrentLinkedQueue<>();
        private final R2dbcEventChannel events;

        OnEveryDatabase(TestDatabase database) {
            events = TestDatabase.builder(database.changed(this::recording)).build();
        }

        private Mono<Connection> recording(Mono<Connection> connections) {
            return Mono.deferContextual(context -> {
                seen.add(context);
                return connections;
            });
        }

        @Test
        void theCallersContextIsNotSeen() {
            EventSchema schema = EventSchema.of(events);
            assertNothingIsSeenOf(schema.migrate());
            assertNothingIsSeenOf(schema.validate());
            assertNothingIsSeenOf(events.publish("orders", 1));
            assertNothingIsSeenOf(events.publishAll(List.of(Event.of("orders", 2), Event.of("orders", 3))));
            assertNothingIsSeenOf(
                    events.publishAll(Flux.just(Event.of("orders", 4))).collectList());
            assertNothingIsSeenOf(events.receive("orders", LIMIT).flatMap(EventMessage::ack));
            assertNothingIsSeenOf(events.subscribe("orders").next().flatMap(EventMessage::nack));
            assertNothingIsSeenOf(events.receive("orders", LIMIT).flatMap(message -> events.ack(message.eventId())));
            assertNothingIsSeenOf(schema.drop());
            events.shutdown().block(LIMIT);
        }

        private void assertNothingIsSeenOf(Mono<?> call) {
            seen.clear();
            call.contextWrite(Context.of("transaction", "the caller's")).block(LIMIT);
            assertThat(seen).isNotEmpty().allMatch(ContextView::isEmpty);
        }
    }
}
