package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.examples.OutboxSnippets.OrderPlaced;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class OutboxSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory database =
            ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");
    private final R2dbcEventChannel events =
            R2dbcEventChannel.builder(database).build();
    private final OutboxSnippets snippets = new OutboxSnippets(events);

    @BeforeEach
    void migrate() {
        EventSchema.of(events).migrate().block(LIMIT);
        Mono.usingWhen(
                        database.create(),
                        connection -> Flux.from(connection
                                        .createStatement("CREATE TABLE placed (number INTEGER NOT NULL)")
                                        .execute())
                                .concatMap(Result::getRowsUpdated)
                                .then(),
                        Connection::close)
                .block(LIMIT);
    }

    @AfterEach
    void close() {
        events.shutdown().block(LIMIT);
    }

    @Test
    void whatIsPlacedIsShippedAndWhatIsRolledBackIsNot() {
        Mono.usingWhen(
                        database.create(),
                        connection -> Mono.from(connection.beginTransaction())
                                .then(snippets.placeIn(connection, new OrderPlaced(1, "anna")))
                                .then(Mono.from(connection.rollbackTransaction())),
                        Connection::close)
                .block(LIMIT);
        snippets.place(new OrderPlaced(2, "anna")).block(LIMIT);
        assertThat(snippets.ship().next().block(LIMIT).value()).isEqualTo("parcel 2");
    }

    @Test
    void eventsOfACustomerAreShippedOneAfterTheOther() {
        snippets.place(new OrderPlaced(1, "anna")).block(LIMIT);
        snippets.place(new OrderPlaced(2, "anna")).block(LIMIT);
        assertThat(snippets.shipByCustomer().map(shipped -> shipped.value()).take(2).collectList().block(LIMIT))
                .containsExactly("parcel 1", "parcel 2");
    }
}
