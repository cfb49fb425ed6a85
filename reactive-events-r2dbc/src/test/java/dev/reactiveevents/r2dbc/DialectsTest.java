package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** A dialect that is not of this library. */
class DialectsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final ConnectionFactory h2 = TestDatabase.h2().connections();
    private final ClassLoader withTiny = new URLClassLoader(
            new URL[] {Dialect.class.getResource("/third-dialect/")}, Dialect.class.getClassLoader());

    private ConnectionFactory named(String product) {
        return new ConnectionFactory() {
            @Override
            public Publisher<? extends Connection> create() {
                return h2.create();
            }

            @Override
            public ConnectionFactoryMetadata getMetadata() {
                return () -> product;
            }
        };
    }

    @Test
    void itIsFoundByTheNameOfItsDriver() {
        assertThat(Dialects.serving(named("Tiny"), withTiny)).isInstanceOf(TinyDialect.class);
        assertThat(Dialects.serving(named("H2"), withTiny).name()).isEqualTo("H2");
    }

    @Test
    void itIsNamedAmongTheKnownOnes() {
        assertThatThrownBy(() -> Dialects.serving(named("Sqlite"), withTiny))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("known are PostgreSQL, H2, MySQL, MariaDB, Oracle, Tiny.");
    }

    @Test
    void itIsUnknownWhereItIsNotOnTheClassPathAndServesIfGiven() {
        assertThatThrownBy(() -> R2dbcEventChannel.create(named("Tiny")))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("\"Tiny\"", "known are PostgreSQL, H2, MySQL, MariaDB, Oracle.", "dialect(…)");

        R2dbcEventChannel events = R2dbcEventChannel.builder(named("Tiny"))
                .dialect(new TinyDialect())
                .build();
        EventSchema.of(events).migrate().block(LIMIT);
        List<String> ids = events.publishAll(List.of(Event.of("orders", 1), Event.of("orders", 2)))
                .block(LIMIT);
        List<String> acked = events.subscribe("orders")
                .take(2)
                .concatMap(message -> message.ack().thenReturn(message))
                .map(EventMessage::eventId)
                .collectList()
                .block(LIMIT);
        assertThat(acked).isEqualTo(ids);
        events.shutdown().block(LIMIT);
    }

    /** Those of the dialect, whose answer to settlements of whatever outcomes lacks the last one. */
    private static QueueStatements forgetful(QueueStatements statements) {
        return (QueueStatements) Proxy.newProxyInstance(
                QueueStatements.class.getClassLoader(),
                new Class<?>[] {QueueStatements.class},
                (proxy, method, arguments) -> {
                    Object answer = method.invoke(statements, arguments);
                    return method.getName().equals("settle")
                            ? ((Mono<?>) answer).map(List.class::cast).map(all -> all.subList(0, all.size() - 1))
                            : answer;
                });
    }

    @Test
    void whatItForgetsToAnswerIsNotDone() {
        R2dbcEventChannel events = R2dbcEventChannel.builder(named("Tiny"))
                .dialect(new TinyDialect(DialectsTest::forgetful))
                .shutdownTimeout(Duration.ofMillis(100)) // the event stays in hand
                .build();
        EventSchema.of(events).migrate().block(LIMIT);
        String id = events.publish("orders", 1).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);

        assertThatThrownBy(() -> message.ack().block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("was answered by 0 results of the dialect Tiny");
        R2dbcEventChannel others = R2dbcEventChannel.create(h2);
        assertThat(others.inspect().leases("orders", 10).collectList().block(LIMIT))
                .singleElement()
                .satisfies(lease -> assertThat(lease.eventId()).isEqualTo(id));
        others.shutdown().block(LIMIT);
        events.shutdown().block(LIMIT);
    }
}
