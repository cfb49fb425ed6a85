package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** What claims prepare in the sessions of PostgreSQL, which are not theirs alone, and how they tell their values. */
class PostgresPreparedTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String CLAIMS =
            "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'reactive\\_events\\_claim%'";

    private static final Pattern PREPARED = Pattern.compile("PREPARE reactive_events_claim\\w+");

    private final TestDatabase database = TestDatabase.postgres().migrated();
    private final List<String> statements = new CopyOnWriteArrayList<>();
    private ConnectionPool pool;
    private R2dbcEventChannel events;

    @BeforeEach
    void open() {
        pool = database.pool(1); // so that each claim is in the same session
        events = TestDatabase.builder(Statements.noted(pool, statements)).build();
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

    /** The log of the server would tell an error for each new connection otherwise. */
    @Test
    void aClaimIsPreparedOnceInASessionBeforeItIsExecuted() {
        publishAndReceive(1);
        publishAndReceive(2);
        publishAndReceive(3);
        assertThat(statements.stream().filter(sql -> sql.contains("EXECUTE reactive_events_claim")))
                .hasSizeGreaterThan(2);
        assertThat(statements).noneMatch(sql -> sql.startsWith("ROLLBACK"));
        List<String> prepared = statements.stream()
                .flatMap(sql -> PREPARED.matcher(sql).results())
                .map(MatchResult::group)
                .toList();
        assertThat(prepared).isNotEmpty().doesNotHaveDuplicates();
        assertThat(inSession(CLAIMS)).isEqualTo(prepared.size());
    }

    @Test
    void whatASessionHasForgottenIsPreparedAgainAndNoClaimFails() {
        publishAndReceive(1);
        inSession("DEALLOCATE ALL");
        assertThat(inSession(CLAIMS)).isZero();
        statements.clear();
        publishAndReceive(2);
        assertThat(inSession(CLAIMS)).isPositive();
        assertThat(statements.stream().filter(sql -> sql.contains("EXECUTE reactive_events_claim")))
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

    /** Claims name the keys that were settled, in a text that takes no parameters. */
    @Test
    void keysMayBeAnyText() {
        inSession("SET standard_conforming_strings = off");
        inSession("SET backslash_quote = on");
        List<String> keys = List.of(
                "'", "\\", "\\'", "\"", "{", "}", ",", "NULL", "null", "{\"a\",b}", "$1", "$$", ";", "--", " ", "ä€😀");
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
