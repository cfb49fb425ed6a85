package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** What is acknowledged together is deleted by one statement, and yet each answer is true of its own event. */
class MySqlBatchedAcksTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int COUNT = 100;

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(MariaDbServer.freshDatabase());
        }
    }

    @Nested
    class OnMySql extends OnEither {
        OnMySql() {
            super(MySqlServer.freshDatabase());
        }
    }

    abstract static class OnEither {

        private final MySqlQueue queue;

        OnEither(String url) {
            queue = new MySqlQueue(url);
        }

        @AfterEach
        void close() {
            queue.close();
        }

        private List<EventMessage> take(R2dbcEventChannel events) {
            events.publishAll(IntStream.range(0, COUNT)
                            .mapToObj(i -> Event.of("orders", i))
                            .toList())
                    .block(LIMIT);
            return events.subscribe("orders").take(COUNT).collectList().block(LIMIT);
        }

        private Map<Integer, Boolean> ackTogether(List<EventMessage> messages) {
            return Flux.fromIterable(messages)
                    .flatMap(
                            message -> message.ack().map(held -> Map.entry(message.payloadAs(Integer.class), held)),
                            COUNT)
                    .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue))
                    .block(LIMIT);
        }

        @Test
        void whatIsInOtherHandsStaysAndTheOthersAreDeleted() {
            R2dbcEventChannel events = queue.open(queue.builder().retention(Duration.ZERO));
            List<EventMessage> messages = take(events);
            queue.database()
                    .execute("UPDATE " + MySqlQueue.TABLE
                            + " SET lease_token = REVERSE(lease_token) WHERE payload = '50'");
            Map<Integer, Boolean> answers = ackTogether(messages);

            assertThat(answers).hasSize(COUNT).containsEntry(50, false);
            assertThat(answers.values()).filteredOn(held -> held).hasSize(COUNT - 1);
            assertThat(queue.database().query("SELECT payload FROM " + MySqlQueue.TABLE, String.class))
                    .containsExactly("50");
        }

        @Test
        void whatIsDeletedAlreadyDoesNotHoldUpTheOthers() {
            R2dbcEventChannel events = queue.open(queue.builder().retention(Duration.ZERO));
            List<EventMessage> messages = take(events);
            queue.database().execute("DELETE FROM " + MySqlQueue.TABLE + " WHERE payload IN ('50', '60')");

            assertThat(ackTogether(messages).values())
                    .as("as a repeated ack whose first answer was lost")
                    .hasSize(COUNT)
                    .containsOnly(true);
            assertThat(queue.database().number("SELECT COUNT(*) FROM " + MySqlQueue.TABLE))
                    .isZero();
        }
    }
}
