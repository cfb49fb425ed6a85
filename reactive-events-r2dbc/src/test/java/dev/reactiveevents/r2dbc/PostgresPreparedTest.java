package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.Wrapped;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What claims prepare in the sessions of PostgreSQL, which are not theirs alone, and how they tell their values. */
class PostgresPreparedTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String CLAIMS =
            "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'reactive\\_events\\_claim%'";

    private final TestDatabase database = TestDatabase.postgres().migrated();
    private ConnectionPool pool;
    private R2dbcEventChannel events;

    @BeforeEach
    void open() {
        pool = database.pool(1); // so that each claim is in the same session
        events = TestDatabase.builder(pool).build();
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

    @Test
    void aClaimIsPreparedOnceInASession() {
        publishAndReceive(1);
        long prepared = inSession(CLAIMS);
        publishAndReceive(2);
        publishAndReceive(3);
        assertThat(prepared).isPositive();
        assertThat(inSession(CLAIMS)).isEqualTo(prepared);
    }

    /** The log of the server would tell of each new connection otherwise. */
    @Test
    void aNewSessionIsAskedWhatItHasBeforeItIsTakenToHaveIt() {
        publishAndReceive(1);
        pool.disposeLater().block(LIMIT);
        List<String> statements = new CopyOnWriteArrayList<>();
        pool = database.pool(1);
        events = TestDatabase.builder(told(pool, statements)).build();
        publishAndReceive(2);
        publishAndReceive(3);
        assertThat(statements.stream().filter(sql -> sql.contains("EXECUTE")).count())
                .isGreaterThan(1);
        assertThat(statements).noneMatch(sql -> sql.startsWith("ROLLBACK"));
        assertThat(statements.stream()
                        .filter(sql -> sql.contains("pg_prepared_statements"))
                        .distinct())
                .as("asked once for each kind of claim")
                .hasSameSizeAs(statements.stream()
                        .filter(sql -> sql.contains("pg_prepared_statements"))
                        .toList());
    }

    private static ConnectionFactory told(ConnectionPool pool, List<String> statements) {
        return new ConnectionFactory() {
            @Override
            public Mono<Connection> create() {
                return pool.create().map(connection -> telling(connection, statements));
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return pool.getMetadata();
            }
        };
    }

    private static Connection telling(Connection connection, List<String> statements) {
        return (Connection) Proxy.newProxyInstance(
                PostgresPreparedTest.class.getClassLoader(),
                new Class<?>[] {Connection.class, Wrapped.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("unwrap") && arguments == null) {
                        return connection;
                    }
                    if (method.getName().equals("createStatement")) {
                        statements.add((String) arguments[0]);
                    }
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                });
    }

    @Test
    void whatASessionHasForgottenIsPreparedAgain() {
        publishAndReceive(1);
        inSession("DEALLOCATE ALL");
        assertThat(inSession(CLAIMS)).isZero();
        publishAndReceive(2);
        assertThat(inSession(CLAIMS)).isPositive();
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
