package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.examples.OrderSnippets.Moved;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

class OrderSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory database =
            ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");

    /** The last of them is published behind all others: once it is booked, so is whatever else may be. */
    @Test
    void keysAreWorkedOffInOrder() {
        R2dbcEventChannel events = OrderSnippets.parking(database);
        EventSchema.of(events).migrate().block(LIMIT);
        Sinks.Many<Moved> begun = Sinks.many().replay().all();
        Sinks.Empty<Void> firstOfAnna = Sinks.empty();
        OrderSnippets snippets = new OrderSnippets(events, moved -> {
            begun.emitNext(moved, Sinks.EmitFailureHandler.busyLooping(LIMIT));
            return moved.amount() == 10 ? firstOfAnna.asMono() : Mono.empty();
        });
        snippets.publish().block(LIMIT);
        events.publish(Event.of("accounts", new Moved("carl", 40)).withKey("carl"))
                .block(LIMIT);

        CompletableFuture<List<Boolean>> acks =
                snippets.work().take(4).collectList().toFuture();
        assertThat(begun.asFlux().take(3).collectList().block(LIMIT))
                .as("begun while the first of anna is not settled")
                .containsExactly(new Moved("anna", 10), new Moved("bert", 20), new Moved("carl", 40));
        firstOfAnna.tryEmitEmpty();
        assertThat(begun.asFlux().elementAt(3).block(LIMIT)).isEqualTo(new Moved("anna", 30));
        assertThat(acks).succeedsWithin(LIMIT).isEqualTo(List.of(true, true, true, true));
        events.shutdown().block(LIMIT);
    }

    @Test
    void aDeadLetterParksItsKey() {
        R2dbcEventChannel events = OrderSnippets.parking(database);
        EventSchema.of(events).migrate().block(LIMIT);
        events.publish(Event.of("accounts", 1).withKey("anna")).block(LIMIT);
        events.publish(Event.of("accounts", 2).withKey("anna")).block(LIMIT);
        Boolean rejected = events.receive("accounts", LIMIT)
                .flatMap(message -> message.reject("bad"))
                .block(LIMIT);
        assertThat(rejected).isTrue();
        EventMessage next = events.receive("accounts", Duration.ofMillis(200)).block(LIMIT);
        assertThat(next).isNull();
        events.shutdown().block(LIMIT);
    }
}
