package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.examples.Snippets.OrderPlaced;
import dev.reactiveevents.pipeline.Correlated;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

class OutboxSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory database =
            ConnectionFactories.get("r2dbc:h2:mem:///" + UUID.randomUUID() + "?options=DB_CLOSE_DELAY=-1");
    private final R2dbcEventChannel events = R2dbcEventChannel.builder(database)
            .backend(BackendType.TABLE_QUEUE)
            .shutdownTimeout(Duration.ofMillis(100))
            .build();
    private final OutboxSnippets snippets = new OutboxSnippets(database, events);

    @BeforeEach
    void migrate() {
        EventSchema.of(events).migrate().block(LIMIT);
        Flux.usingWhen(
                        database.create(),
                        connection -> Flux.from(connection
                                        .createStatement("CREATE TABLE orders (number INTEGER, customer VARCHAR(20))")
                                        .execute())
                                .concatMap(Result::getRowsUpdated),
                        connection -> connection.close())
                .then()
                .block(LIMIT);
    }

    @AfterEach
    void end() {
        events.shutdown().block(LIMIT);
    }

    private long orders() {
        return Flux.usingWhen(
                        database.create(),
                        connection -> Flux.from(connection
                                        .createStatement("SELECT COUNT(*) FROM orders")
                                        .execute())
                                .concatMap(result -> result.map(row -> row.get(0, Long.class))),
                        connection -> connection.close())
                .blockLast(LIMIT);
    }

    @Test
    void theOrderAndItsEventCommitTogether() {
        String first = snippets.together(new OrderPlaced(1, "anna")).block(LIMIT);
        String second = snippets.byHand(new OrderPlaced(2, "berta")).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        assertThat(message.eventId()).isEqualTo(first);
        assertThat(events.receive("orders", LIMIT).block(LIMIT).eventId()).isEqualTo(second);
        assertThat(orders()).isEqualTo(2);

        snippets.publishing().handle(message).block(LIMIT);
        assertThat(events.receive("invoices", LIMIT).block(LIMIT).payloadAs(OrderPlaced.class))
                .isEqualTo(new OrderPlaced(1, "anna"));
        assertThat(orders()).isEqualTo(3);
    }

    private void publish() {
        for (int number = 1; number <= 3; number++) {
            events.publish("orders", new OrderPlaced(number, "anna")).block(LIMIT);
        }
    }

    private static <R> List<R> values(Flux<Correlated<R>> flow) {
        return flow.map(Correlated::value).take(3).collectList().block(LIMIT);
    }

    @Test
    void pipelinesSettleWhatTheyWork() {
        publish();
        assertThat(values(snippets.settleByResult())).containsExactlyInAnyOrder(1_001, 1_002, 1_003);
        publish();
        assertThat(values(snippets.steps()))
                .containsExactlyInAnyOrder("parcel 1001, printed", "parcel 1002, printed", "parcel 1003, printed");
        publish();
        assertThat(values(snippets.byCustomer())).containsExactlyInAnyOrder(1_001, 1_002, 1_003);
        publish();
        assertThat(values(snippets.slowly())).containsExactlyInAnyOrder(1_001, 1_002, 1_003);
        assertThat(events.inspect().counts("orders").block(LIMIT).acked().atLeast())
                .isEqualTo(12);
    }

    @Test
    void whatFailsIsGivenBack() {
        events.publish("orders", new OrderPlaced(-1, "anna")).block(LIMIT);
        Correlated<Integer> failed = snippets.settleByResult().blockFirst(LIMIT);
        assertThat(failed.failure()).hasMessage("no such order");
        assertThat(events.inspect().counts("orders").block(LIMIT).delayed().atLeast())
                .isEqualTo(1);
    }
}
