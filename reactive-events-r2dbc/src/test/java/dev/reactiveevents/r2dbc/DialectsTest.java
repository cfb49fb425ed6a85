package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;

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
}
