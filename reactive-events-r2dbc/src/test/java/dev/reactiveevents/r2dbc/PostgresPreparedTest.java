package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/**
 * What claims and settlements prepare in the sessions of PostgreSQL, which are not theirs alone, and how they tell their values.
 */
class PostgresPreparedTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String OURS =
            "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'reactive\\_events\\_%'";

    private static final Pattern PREPARED = Pattern.compile("PREPARE (reactive_events_\\w+)");
    private static final Pattern EXECUTED = Pattern.compile("EXECUTE (reactive_events_(claim|settle)_\\w+)");

    private final TestDatabase database = TestDatabase.postgres().migrated();
    private final List<String> statements = new CopyOnWriteArrayList<>();
    private ConnectionPool pool;
    private R2dbcEventChannel events;

    @BeforeEach
    void open() {
        pool = database.pool(1); // so that each claim is in the same session
        events = TestDatabase.builder(Statements.noted(pool, statements::add)).build();
    }

    @AfterEach
    void close() {
        events.shutdown().block(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    private Long inSession(String sql) {
        return Flux.usingWhen(
                        pool.create(),
                        connection -> Flux.from(connection.createStatement(sql).execute())
                                .concatMap(result -> result.map((row, metadata) -> row.get(0, Long.class))),
                        Connection::close)
                .blockLast(LIMIT);
    }

    private void publishAndReceive(int number) {
        events.publish("orders", number).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        assertThat(message.payloadAs(Integer.class)).isEqualTo(number);
        assertThat(message.attempts()).isEqualTo(1);
        assertThat(message.ack().block(LIMIT)).isTrue();
    }

    private List<String> names(Pattern pattern) {
        return statements.stream()
                .flatMap(sql -> pattern.matcher(sql).results())
                .map(match -> match.group(1))
                .toList();
    }

    /** The log of the server would tell an error for each new connection otherwise. */
    @Test
    void eachIsPreparedOnceInASessionBeforeItIsExecuted() {
        publishAndReceive(1);
        publishAndReceive(2);
        publishAndReceive(3);
        assertThat(names(EXECUTED)).filteredOn(name -> name.contains("claim")).hasSizeGreaterThan(2);
        assertThat(names(EXECUTED)).filteredOn(name -> name.contains("settle")).hasSize(3);
        assertThat(statements.stream().filter(sql -> EXECUTED.matcher(sql).find()))
                .as("each is one message")
                .allSatisfy(sql -> assertThat(sql).startsWith("BEGIN").endsWith("; COMMIT"));
        assertThat(statements).noneMatch(sql -> sql.startsWith("ROLLBACK"));
        List<String> prepared = names(PREPARED);
        assertThat(prepared).doesNotHaveDuplicates().containsAll(names(EXECUTED));
        assertThat(inSession(OURS)).isEqualTo(prepared.size());
    }

    @Test
    void whatASessionHasForgottenIsPreparedAgainAndNothingFails() {
        publishAndReceive(1);
        events.publish("orders", 2).block(LIMIT);
        inSession("DEALLOCATE ALL");
        assertThat(inSession(OURS)).isZero();
        statements.clear();
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        assertMissedOnce("claim");
        inSession("DEALLOCATE ALL");
        assertThat(message.ack().block(LIMIT)).isTrue();
        assertMissedOnce("settle");
        assertThat(inSession(OURS)).isPositive();
    }

    private void assertMissedOnce(String purpose) {
        assertThat(statements.stream().filter(sql -> sql.contains("EXECUTE reactive_events_" + purpose)))
                .as("one that finds it missing, one that prepares it")
                .hasSize(2)
                .last(InstanceOfAssertFactories.STRING)
                .startsWith("ROLLBACK; BEGIN");
    }

    @Test
    void aColumnMayGetAnotherType() {
        publishAndReceive(1);
        database.execute("ALTER TABLE queue ALTER COLUMN type TYPE text, ALTER COLUMN event_key TYPE text");
        publishAndReceive(2);
        assertThat(statements).doesNotContain("ROLLBACK");
    }

    private static List<String> texts() {
        return List.of(
                "'", "\\", "\\'", "\"", "{", "}", ",", "NULL", "null", "{\"a\",b}", "$1", "$$", ";", "--", " ", "ä€😀");
    }

    private void readQuotesTheOldWay() {
        inSession("SET standard_conforming_strings = off");
        inSession("SET backslash_quote = on");
    }

    @Test
    void reasonsMayBeAnyText() {
        readQuotesTheOldWay();
        List<String> reasons = texts().stream().filter(text -> !text.isBlank()).toList();
        for (String reason : reasons) {
            events.publish("orders", reason).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
            assertThat(message.reject(reason).block(LIMIT)).isTrue();
        }
        List<DeadLetter> dead = events.deadLetters("orders")
                .browse(DeadLetterQuery.oldest(reasons.size()))
                .collectList()
                .block(LIMIT);
        assertThat(dead)
                .hasSameSizeAs(reasons)
                .allSatisfy(letter -> assertThat(letter.reason()).isEqualTo(letter.payloadAs(String.class)));
    }

    /** Claims name the keys that were settled, in a text that takes no parameters. */
    @Test
    void keysMayBeAnyText() {
        readQuotesTheOldWay();
        List<String> keys = texts();
        events.publishAll(Flux.range(0, 20)
                        .concatMapIterable(number -> keys.stream()
                                .map(key -> Event.of("orders", number).withKey(key))
                                .toList())
                        .collectList()
                        .block(LIMIT))
                .block(LIMIT);
        List<EventMessage> received = events.subscribe("orders")
                .concatMap(message -> message.ack().thenReturn(message))
                .take(20L * keys.size())
                .collectList()
                .block(LIMIT);
        for (String key : keys) {
            assertThat(received.stream().filter(message -> key.equals(message.key())))
                    .as(key)
                    .extracting(message -> message.payloadAs(Integer.class))
                    .containsExactlyElementsOf(Flux.range(0, 20).collectList().block());
        }
    }
}
