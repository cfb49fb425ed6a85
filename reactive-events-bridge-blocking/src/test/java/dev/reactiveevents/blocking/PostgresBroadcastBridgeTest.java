package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.spi.ConnectionFactories;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** Events that nobody keeps: what has arrived here is nowhere else. */
class PostgresBroadcastBridgeTest {

    private final R2dbcEventChannel events = R2dbcEventChannel.builder(
                    ConnectionFactories.get(PostgresServer.freshDatabase()))
            .backend(BackendType.LISTEN_NOTIFY)
            .shutdownTimeout(Duration.ofMillis(200))
            .build();
    private final BlockingEventChannel blocking =
            BlockingEventChannel.of(events, BlockingOptions.defaults().withTimeout(Stage.LIMIT));

    @AfterEach
    void end() {
        blocking.close();
        events.shutdown().block(Stage.LIMIT);
    }

    @Test
    void everySubscriptionHearsEverythingAndKeepsItForItsNextCall() {
        try (BlockingSubscription first = blocking.blockingSubscribe("live");
                BlockingSubscription second = blocking.blockingSubscribe("live")) {
            assertThat(first.take(3, Duration.ofMillis(20))).isEmpty(); // asks, and is then not called for a while
            List<String> ids =
                    List.of(blocking.publish("live", 1), blocking.publish("live", 2), blocking.publish("live", 3));
            assertThat(second.take(3, Stage.LIMIT))
                    .extracting(EventMessage::eventId)
                    .isEqualTo(ids);
            Mono.delay(Intake.LINGER.multipliedBy(2)).block();

            List<EventMessage> kept = first.take(3, Stage.LIMIT);
            assertThat(kept).extracting(EventMessage::eventId).isEqualTo(ids);
            assertThat(blocking.ackAll(kept)).containsOnly(true);
        }
    }

    @Test
    void whatNeedsAStoreIsRefused() {
        assertThatThrownBy(() -> blocking.inspect()).isInstanceOf(EventException.Unsupported.class);
        assertThatThrownBy(() -> blocking.deadLetters("live")).isInstanceOf(EventException.Unsupported.class);
    }
}
