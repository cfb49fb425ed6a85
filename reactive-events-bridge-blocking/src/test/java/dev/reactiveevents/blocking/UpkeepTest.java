package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Dead letters, inspection and withdrawal, as the reactive side has them. */
@ParameterizedClass
@EnumSource
class UpkeepTest {

    private static final DeadLetterQuery ALL = DeadLetterQuery.oldest(100);

    private final Stage stage;
    private final BlockingEventChannel blocking;

    UpkeepTest(Stage.Place place) {
        this.stage = place.open();
        this.blocking = stage.blocking();
    }

    @AfterEach
    void end() {
        blocking.close();
        stage.close();
    }

    private void letDie(int count) {
        IntStream.range(0, count).forEach(order -> blocking.publish("orders", order));
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            orders.take(count, Stage.LIMIT)
                    .forEach(message ->
                            assertThat(blocking.reject(message, "out of stock")).isTrue());
        }
    }

    @Test
    void deadLettersAreReadRequeuedAndPurged() {
        letDie(5);
        BlockingDeadLetters letters = blocking.deadLetters("orders");
        assertThat(letters.channel()).isEqualTo("orders");
        assertThat(letters.count()).isEqualTo(5);
        assertThat(letters.count(DeadLetterQuery.oldest(3))).isEqualTo(3);
        List<DeadLetter> dead = letters.browse(ALL);
        assertThat(dead).extracting(DeadLetter::reason).hasSize(5).containsOnly("out of stock");

        assertThat(letters.requeue(dead.get(0).eventId())).isTrue();
        assertThat(letters.purge(dead.get(1).eventId())).isTrue();
        assertThat(letters.purge(dead.get(1).eventId())).isFalse();
        assertThat(letters.requeue(DeadLetterQuery.oldest(2))).isEqualTo(2);
        assertThat(letters.purge(ALL)).isEqualTo(1);
        try (BlockingSubscription orders = blocking.blockingSubscribe("orders")) {
            assertThat(orders.take(3, Stage.LIMIT))
                    .extracting(EventMessage::eventId)
                    .containsExactlyInAnyOrder(
                            dead.get(0).eventId(),
                            dead.get(2).eventId(),
                            dead.get(3).eventId());
        }
    }

    @Test
    void whatIsStoredIsCounted() {
        letDie(2);
        blocking.publish("orders", "to be leased");
        EventMessage held = blocking.receive("orders", Stage.LIMIT).orElseThrow();
        blocking.publish(Event.of("orders", "later").withDelay(Duration.ofHours(1)));

        BlockingInspection inspection = blocking.inspect();
        assertThat(inspection.counts("orders").dead().atLeast()).isEqualTo(2);
        assertThat(inspection.counts("orders", 10).delayed().atLeast()).isEqualTo(1);
        assertThat(inspection.counts())
                .singleElement()
                .satisfies(counts -> assertThat(counts.channel()).isEqualTo("orders"));
        assertThat(inspection.leases("orders", 10))
                .singleElement()
                .extracting(LeaseHolder::eventId)
                .isEqualTo(held.eventId());
    }

    @Test
    void whatWasAcknowledgedIsTimed() {
        blocking.publish("orders", "to be acknowledged");
        assertThat(blocking.ack(blocking.receive("orders", Stage.LIMIT).orElseThrow()))
                .isTrue();
        ProcessingTimes times = blocking.inspect().processingTimes("orders", 10);
        assertThat(times.events()).isEqualTo(1);
        assertThat(times.longest()).isBetween(Duration.ZERO, Stage.LIMIT);
    }

    @Test
    void anEventThatNobodyHasTakenIsWithdrawn() {
        String id = blocking.publish(Event.of("orders", "later").withDelay(Duration.ofHours(1)));
        assertThat(blocking.withdraw(id)).isTrue();
        assertThat(blocking.withdraw(id)).isFalse();
    }

    @Test
    void theSameRulesHoldForTheseCalls() {
        BlockingDeadLetters letters = blocking.deadLetters("orders");
        BlockingInspection inspection = blocking.inspect();
        assertThatThrownBy(() -> Mono.fromCallable(letters::count)
                        .subscribeOn(Schedulers.parallel())
                        .block(Stage.LIMIT))
                .isInstanceOf(EventException.Invalid.class)
                .hasMessageContainingAll("\"parallel-", "DeadLetters.count(");
        blocking.close();
        assertThatThrownBy(() -> inspection.counts("orders")).isInstanceOf(EventException.Closed.class);
    }
}
