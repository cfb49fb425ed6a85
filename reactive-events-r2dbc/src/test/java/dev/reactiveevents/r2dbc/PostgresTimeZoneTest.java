package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactoryOptions;
import io.r2dbc.spi.Option;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.TimeZone;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Isolated("changes the JVM's time zone")
class PostgresTimeZoneTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final PostgresQueue queue = new PostgresQueue();
    private final TimeZone before = TimeZone.getDefault();

    @AfterEach
    void close() {
        TimeZone.setDefault(before);
        queue.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "UTC"})
    void theSessionsZoneDoesNotMatter(String zone) {
        TimeZone.setDefault(TimeZone.getTimeZone("America/Los_Angeles"));
        ConnectionFactoryOptions options = ConnectionFactoryOptions.parse(queue.url())
                .mutate()
                .option(Option.valueOf("options"), Map.of("TimeZone", zone))
                .build();
        R2dbcEventChannel events =
                queue.open(queue.builder(ConnectionFactories.get(options)).pollInterval(Duration.ofSeconds(30)));
        Instant due = Instant.now().plusMillis(700);
        events.publish(Event.of("orders", 1).withDeliverAt(due)).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);

        assertThat(Instant.now()).isBetween(due.minusMillis(50), due.plusSeconds(3));
        assertThat(message.publishedAt()).isCloseTo(due.minusMillis(700), within(3, ChronoUnit.SECONDS));
        assertThat(message.availableAt()).isCloseTo(due, within(1, ChronoUnit.MILLIS));
        assertThat(message.leaseExpiresAt()).isCloseTo(Instant.now().plusSeconds(45), within(5, ChronoUnit.SECONDS));
        assertThat(message.ack().block(LIMIT)).isTrue();
    }
}
