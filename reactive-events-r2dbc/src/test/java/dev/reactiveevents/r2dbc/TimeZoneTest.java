package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.TimeZone;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

@Isolated("changes the JVM's time zone")
class TimeZoneTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final TimeZone before = TimeZone.getDefault();

    @BeforeEach
    void theProcessHasAZoneOfItsOwn() {
        TimeZone.setDefault(TimeZone.getTimeZone("America/Los_Angeles"));
    }

    @AfterEach
    void restore() {
        TimeZone.setDefault(before);
    }

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres(), "SHOW TimeZone");
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(
                    TestDatabase.h2(),
                    "SELECT SETTING_VALUE FROM INFORMATION_SCHEMA.SETTINGS WHERE SETTING_NAME = 'TIME ZONE'");
        }
    }

    abstract static class OnEveryDatabase {

        private final TestDatabase database;
        private final String askForZone;

        OnEveryDatabase(TestDatabase database, String askForZone) {
            this.database = database.migrated();
            this.askForZone = askForZone;
        }

        @ParameterizedTest
        @ValueSource(strings = {"Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "UTC"})
        void theSessionsZoneDoesNotMatter(String zone) {
            ConnectionFactory inZone = database.changed(connections ->
                    connections.flatMap(connection -> set(connection, zone).thenReturn(connection)));
            assertThat(TestDatabase.query(inZone, askForZone, String.class)).containsExactly(zone);

            R2dbcEventChannel events = TestDatabase.builder(inZone)
                    .pollInterval(Duration.ofSeconds(30))
                    .build();
            Instant due = Instant.now().plusMillis(700);
            events.publish(Event.of("orders", 1).withDeliverAt(due)).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);

            assertThat(Instant.now()).isBetween(due.minusMillis(50), due.plusSeconds(3));
            assertThat(message.publishedAt()).isCloseTo(due.minusMillis(700), within(3, ChronoUnit.SECONDS));
            assertThat(message.availableAt()).isCloseTo(due, within(1, ChronoUnit.MILLIS));
            assertThat(message.leaseExpiresAt())
                    .isCloseTo(Instant.now().plusSeconds(45), within(5, ChronoUnit.SECONDS));
            assertThat(message.ack().block(LIMIT)).isTrue();
            events.shutdown().block(LIMIT);
        }

        private static Mono<Void> set(Connection connection, String zone) {
            return Flux.from(connection
                            .createStatement("SET TIME ZONE '" + zone + "'")
                            .execute())
                    .concatMap(Result::getRowsUpdated)
                    .then();
        }
    }
}
