package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class OrderSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory database =
            ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");

    @Test
    void keysAreWorkedOffInOrder() {
        R2dbcEventChannel events = OrderSnippets.parking(database);
        EventSchema.of(events).migrate().block(LIMIT);
        OrderSnippets snippets = new OrderSnippets(events);
        snippets.publish().block(LIMIT);
        assertThat(snippets.work().take(3).collectList().block(LIMIT)).containsOnly(true);
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
