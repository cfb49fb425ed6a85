package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Times are the server's, in UTC, whatever zone the session or the server is in, and while clocks are changed. */
class MySqlTimesTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final TestDatabase database = TestDatabase.mariaDb().migrated();

    private static ConnectionFactory inZone(TestDatabase database, String zone) {
        return database.changed(connections ->
                connections.flatMap(connection -> set(connection, zone).thenReturn(connection)));
    }

    private static Mono<Void> set(Connection connection, String zone) {
        return Flux.from(connection
                        .createStatement("SET time_zone = '" + zone + "'")
                        .execute())
                .concatMap(Result::getRowsUpdated)
                .then();
    }

    @ParameterizedTest
    @ValueSource(strings = {"+13:00", "-09:30", "+00:00"})
    void theSessionsZoneDoesNotMatter(String zone) {
        ConnectionFactory inZone = inZone(database, zone);
        assertThat(TestDatabase.query(inZone, "SELECT @@time_zone", String.class))
                .containsExactly(zone);
        assertThatTimesAreRight(inZone);
    }

    @Test
    void theServersZoneDoesNotMatter() {
        try (MariaDbServer.Embedded server = new MariaDbServer.Embedded("--default-time-zone=+05:45")) {
            TestDatabase elsewhere = new TestDatabase(ConnectionFactories.get(server.url())).migrated();
            assertThat(elsewhere.query("SELECT @@time_zone", String.class)).containsExactly("+05:45");
            assertThatTimesAreRight(elsewhere.connections());
        }
    }

    private static void assertThatTimesAreRight(ConnectionFactory connections) {
        R2dbcEventChannel events = TestDatabase.builder(connections)
                .pollInterval(Duration.ofSeconds(30))
                .lease(Duration.ofSeconds(30))
                .build();
        Instant due = Instant.now().plusMillis(700);
        events.publish(Event.of("orders", 1).withDeliverAt(due)).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);

        assertThat(Instant.now()).isBetween(due.minusMillis(50), due.plusSeconds(3));
        assertThat(message.publishedAt()).isCloseTo(due.minusMillis(700), within(3, ChronoUnit.SECONDS));
        assertThat(message.availableAt()).isCloseTo(due, within(1, ChronoUnit.MILLIS));
        assertThat(message.leaseExpiresAt()).isCloseTo(Instant.now().plusSeconds(45), within(5, ChronoUnit.SECONDS));
        assertThat(message.ack().block(LIMIT)).isTrue();
        events.shutdown().block(LIMIT);
    }

    /** A zone of the server's own whose clocks are put back, or forward, by an hour in a moment. */
    @ParameterizedTest
    @CsvSource({"7200, 3600", "3600, 7200"})
    void clocksMayBePutBackAndForward(int before, int after) {
        Instant change = Instant.now().plusSeconds(5);
        ConnectionFactory changing = inZone(database, zone(change, before, after));
        assertThat(hoursFromUtc(changing)).isEqualTo(before / 3600);
        R2dbcEventChannel events = TestDatabase.builder(changing)
                .pollInterval(Duration.ofMillis(100))
                .lease(Duration.ofSeconds(30))
                .build();
        List<Event> delayed = IntStream.range(0, 10)
                .mapToObj(i -> Event.of("orders", i).withDelay(Duration.ofSeconds(i)))
                .toList();
        Instant published = Instant.now();
        events.publishAll(delayed).block(LIMIT);

        List<Instant> arrivals = events.subscribe("orders")
                .take(10)
                .concatMap(message -> {
                    Instant arrived = Instant.now();
                    assertThat(message.attempts()).isEqualTo(1);
                    return message.ack().thenReturn(arrived);
                })
                .collectList()
                .block(LIMIT);
        for (int i = 0; i < 10; i++) {
            Instant due = published.plusSeconds(i);
            assertThat(arrivals.get(i)).isBetween(due.minusMillis(50), due.plusSeconds(3));
        }
        assertThat(hoursFromUtc(changing)).isEqualTo(after / 3600);
        events.shutdown().block(LIMIT);
    }

    private static long hoursFromUtc(ConnectionFactory connections) {
        return TestDatabase.query(connections, "SELECT TIMESTAMPDIFF(HOUR, UTC_TIMESTAMP(), NOW())", Long.class)
                .get(0);
    }

    private String zone(Instant change, int before, int after) {
        String name = "Test/" + UUID.randomUUID();
        database.execute("INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N')");
        long id = database.number("SELECT MAX(Time_zone_id) FROM mysql.time_zone");
        database.execute(
                "INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ('" + name + "', " + id + ")",
                "INSERT INTO mysql.time_zone_transition_type (Time_zone_id, Transition_type_id, `Offset`, Is_DST,"
                        + " Abbreviation) VALUES (" + id + ", 0, " + before + ", 0, 'A'), (" + id + ", 1, " + after
                        + ", 0, 'B')",
                "INSERT INTO mysql.time_zone_transition (Time_zone_id, Transition_time, Transition_type_id) VALUES ("
                        + id + ", 0, 0), (" + id + ", " + change.getEpochSecond() + ", 1)");
        return name;
    }
}
