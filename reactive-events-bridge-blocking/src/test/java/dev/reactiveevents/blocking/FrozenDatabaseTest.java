package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.Proxy;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Connections that stay open while nothing passes any more: no call waits for longer than it may. */
@Timeout(60)
class FrozenDatabaseTest {

    private static final Duration SHORT = Duration.ofMillis(300);

    private Proxy proxy;
    private Stage stage;
    private BlockingEventChannel blocking;
    private BlockingEventChannel patient;

    @BeforeEach
    void open() {
        proxy = new Proxy(PostgresServer.freshDatabase(), true);
        stage = Stage.migrated(proxy.connections());
        blocking =
                BlockingEventChannel.of(stage.open(), BlockingOptions.defaults().withTimeout(SHORT));
        patient = stage.blocking();
    }

    @AfterEach
    void end() throws IOException {
        proxy.close(); // so that the shutdown need not wait for answers
        stage.close();
    }

    @Test
    void whatWritesSaysThatItsOutcomeIsUnknown() {
        patient.publish("orders", 1);
        EventMessage message = patient.receive("orders", Stage.LIMIT).orElseThrow();
        proxy.freezeForGood();

        assertThatThrownBy(() -> blocking.publish("orders", 2))
                .isInstanceOf(EventException.OutcomeUnknown.class)
                .hasMessageContainingAll("published on orders", "PT0.3S", "may or may not", "deduplication key");
        assertThatThrownBy(() -> blocking.ack(message))
                .isInstanceOf(EventException.OutcomeUnknown.class)
                .hasMessageContainingAll(message.eventId(), "acknowledged", "PT0.3S", "may or may not");
        assertThatThrownBy(() -> blocking.ackAll(List.of(message))).isInstanceOf(EventException.OutcomeUnknown.class);
    }

    @Test
    void everyOtherCallEndsWhenItsTimeIsUp() {
        patient.publish("orders", 1);
        EventMessage message = patient.receive("orders", Stage.LIMIT).orElseThrow();
        proxy.freezeForGood();

        Stream.<ThrowingCallable>of(
                        () -> blocking.publishAll(List.of(Event.of("orders", 2))),
                        () -> blocking.extend(message, Duration.ofMinutes(1)),
                        () -> blocking.nack(message),
                        () -> blocking.withdraw(message.eventId()),
                        () -> blocking.deadLetters("orders").requeue(DeadLetterQuery.oldest(1)))
                .forEach(call -> assertThatThrownBy(call)
                        .isInstanceOf(EventException.OutcomeUnknown.class)
                        .hasMessageContainingAll("PT0.3S", "may or may not"));
        Stream.<ThrowingCallable>of(
                        () -> blocking.listen("orders", given -> {}),
                        () -> blocking.deadLetters("orders").count(),
                        () -> blocking.inspect().counts("orders"))
                .forEach(call -> assertThatThrownBy(call)
                        .isInstanceOf(EventException.Unavailable.class)
                        .hasMessageContaining("PT0.3S"));
    }

    @Test
    void listenersStopAndTheirChannelIsClosed() {
        BlockingEventChannel listening =
                BlockingEventChannel.of(stage.open(), BlockingOptions.defaults().withTimeout(Duration.ofSeconds(20)));
        EventListener first = listening.listen("orders", message -> {});
        EventListener second = listening.listen("orders", message -> {});
        proxy.freezeForGood();
        assertThat(listening.stopListener(first.id())).isTrue();
        listening.close();
        assertThat(second.state()).isEqualTo(EventListener.State.STOPPED);
    }

    @Test
    void whatWaitsForEventsEndsWhenItsTimeIsUp() {
        try (BlockingSubscription orders = patient.blockingSubscribe("orders")) {
            proxy.freezeForGood();
            assertThat(orders.poll(SHORT)).isEmpty();
            assertThat(orders.take(10, SHORT)).isEmpty();
            assertThat(patient.receive("orders", SHORT)).isEmpty();
            assertThatThrownBy(() -> blocking.receive("orders", Duration.ZERO))
                    .isInstanceOf(EventException.Unavailable.class)
                    .hasMessageContainingAll("received", "PT0.3S");
            assertThatThrownBy(() -> blocking.blockingSubscribe("orders"))
                    .isInstanceOf(EventException.Unavailable.class)
                    .hasMessageContainingAll("orders", "PT0.3S");
        }
        patient.close();
        blocking.close();
    }

    @Test
    void anIterationWaitsForItsIdleTimeout() {
        BlockingEventChannel impatient =
                BlockingEventChannel.of(stage.open(), BlockingOptions.defaults().withIdleTimeout(SHORT));
        try (BlockingSubscription orders = impatient.blockingSubscribe("orders")) {
            proxy.freezeForGood();
            assertThatThrownBy(orders::hasNext)
                    .isInstanceOf(EventException.Unavailable.class)
                    .hasMessageContainingAll("orders", "PT0.3S", "poll");
        }
    }

    @Test
    void aPublishThatIsInterruptedStopsAtOnceAndSaysThatItsOutcomeIsUnknown() {
        patient.publish("orders", 1);
        proxy.freezeForGood();
        Background<String> publish = Background.run("publishing", () -> patient.publish("orders", 2))
                .awaitWaiting()
                .interrupt();

        assertThat(publish.failure())
                .isInstanceOf(EventException.Interrupted.class)
                .hasCauseInstanceOf(InterruptedException.class)
                .hasMessageContainingAll("published on orders", "\"publishing\"", "may or may not");
        assertThat(publish.interruptedAfterwards()).isTrue();
    }

    @Test
    void aCloseThatIsInterruptedClosesAllTheSame() {
        BlockingSubscription orders = patient.blockingSubscribe("orders");
        proxy.freezeForGood();
        Background<Boolean> close = Background.run("closing", () -> {
            Thread.currentThread().interrupt();
            orders.close();
            patient.close();
            return true;
        });
        assertThat(close.result()).isTrue();
        assertThat(close.interruptedAfterwards()).isTrue();
        assertThat(orders.hasNext()).isFalse();
    }
}
