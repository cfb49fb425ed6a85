package dev.reactiveevents.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.examples.Snippets.OrderPlaced;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class UpkeepSnippetsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory database =
            ConnectionFactories.get("r2dbc:h2:mem:///upkeep?options=DB_CLOSE_DELAY=-1");
    private final R2dbcEventChannel events =
            R2dbcEventChannel.builder(database).backend(BackendType.TABLE_QUEUE).build();
    private final UpkeepSnippets snippets = new UpkeepSnippets(events);

    @BeforeEach
    void migrate() {
        EventSchema.of(events).migrate().block(LIMIT);
    }

    @AfterEach
    void end() {
        EventSchema.of(events).drop().block(LIMIT);
        events.shutdown().block(LIMIT);
    }

    private void reject(String reason) {
        events.publish(Event.of("orders", new OrderPlaced(42, "anna")).withType("order.placed"))
                .block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        assertThat(message.reject(reason).block(LIMIT)).isTrue();
    }

    @Test
    void deadLettersAreReadRequeuedAndPurged() {
        reject("no such customer");
        reject("sold out");
        assertThat(snippets.reasons().collectList().block(LIMIT))
                .hasSize(2)
                .allMatch(told -> told.contains("anna"))
                .first()
                .asString()
                .endsWith("sold out");
        DeadLetters dead = events.deadLetters("orders");
        DeadLetter latest = dead.browse(DeadLetterQuery.latest(1)).blockFirst(LIMIT);
        assertThat(UpkeepSnippets.nextPage(dead, latest).blockFirst(LIMIT).reason())
                .isEqualTo("no such customer");
        assertThat(UpkeepSnippets.purge(dead, Instant.EPOCH).block(LIMIT)).isZero();
        assertThat(UpkeepSnippets.requeue(dead, latest.eventId()).block(LIMIT)).isEqualTo(1);
        assertThat(snippets.inspect().block(LIMIT)).isEqualTo("ready 2, channels 1, leases 0, timed 0");
        UpkeepSnippets.forgetting(database).shutdown().block(LIMIT);
    }

    @Test
    void aDelayedEventIsWithdrawn() {
        String id = events.publish(Event.of("orders", 1).withDelay(Duration.ofMinutes(1)))
                .block(LIMIT);
        assertThat(snippets.withdraw(id).block(LIMIT)).isTrue();
    }

    @Test
    void theRowAndTheAckCommitTogether() {
        execute("CREATE TABLE IF NOT EXISTS ledger (number INTEGER, customer VARCHAR(20))");
        EventListener listener = snippets.transactional();
        events.publish("payments", new OrderPlaced(42, "anna")).block(LIMIT);
        Long rows = Flux.defer(() -> rows("SELECT COUNT(*) FROM ledger"))
                .filter(count -> count == 1)
                .repeatWhen(done -> done.delayElements(Duration.ofMillis(20)))
                .blockFirst(LIMIT);
        listener.stop(LIMIT).block(LIMIT);
        assertThat(rows).isEqualTo(1);
        AtomicInteger handled = new AtomicInteger();
        Disposable subscription = snippets.bySubscription(message ->
                message.ack().doOnNext(acked -> handled.incrementAndGet()).then());
        events.publish("payments", new OrderPlaced(43, "berta")).block(LIMIT);
        Mono.fromSupplier(handled::get)
                .filter(count -> count == 1)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(20)))
                .block(LIMIT);
        subscription.dispose();
        assertThat(events.inspect().counts("payments").block(LIMIT).acked().atLeast())
                .isEqualTo(2);
    }

    private void execute(String sql) {
        Flux.usingWhen(
                        database.create(),
                        connection -> Flux.from(connection.createStatement(sql).execute())
                                .concatMap(result -> result.getRowsUpdated()),
                        connection -> connection.close())
                .then()
                .block(LIMIT);
    }

    private Flux<Long> rows(String sql) {
        return Flux.usingWhen(
                database.create(),
                connection -> Flux.from(connection.createStatement(sql).execute())
                        .concatMap(result -> result.map(row -> row.get(0, Long.class))),
                connection -> connection.close());
    }
}
