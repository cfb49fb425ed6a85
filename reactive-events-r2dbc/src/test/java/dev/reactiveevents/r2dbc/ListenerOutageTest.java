package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventException;
import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcNonTransientResourceException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** A listener whose database cannot be reached says so, and goes on when it is back, also where no server tells of it. */
class ListenerOutageTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2());
        }
    }

    @Nested
    class OnMariaDb extends OnEveryDatabase {
        OnMariaDb() {
            super(TestDatabase.mariaDb());
        }
    }

    abstract static class OnEveryDatabase {

        private final TestDatabase database;
        private volatile boolean away;

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
        }

        private Mono<Connection> unlessAway(Mono<Connection> connection) {
            return Mono.defer(() ->
                    away ? Mono.error(new R2dbcNonTransientResourceException("no connection", "08001")) : connection);
        }

        private static void await(EventListener listener, State state) {
            Mono.fromSupplier(listener::state)
                    .filter(state::equals)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LIMIT);
        }

        @Test
        void aListenerSaysThatItIsCutOffAndGoesOnWhenTheDatabaseIsBack() {
            R2dbcEventChannel events = TestDatabase.builder(database.changed(this::unlessAway))
                    .pollInterval(Duration.ofMillis(50))
                    .build();
            List<Integer> handled = new CopyOnWriteArrayList<>();
            EventListener listener = events.listen(
                    "orders", message -> Mono.fromRunnable(() -> handled.add(message.payloadAs(Integer.class))));
            listener.ready().block(LIMIT);
            assertThat(listener.state()).isEqualTo(State.RUNNING);
            assertThat(listener.failure()).isNull();

            away = true;
            await(listener, State.CUT_OFF);
            assertThat(listener.failure()).isInstanceOf(EventException.Unavailable.class);
            away = false;
            await(listener, State.RUNNING);
            assertThat(listener.failure()).isNull();
            events.publish("orders", 1).block(LIMIT);
            Mono.fromSupplier(() -> handled)
                    .filter(numbers -> numbers.contains(1))
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LIMIT);
            listener.stop(LIMIT).then(events.shutdown()).block(LIMIT);
            assertThat(listener.counts().handled()).isEqualTo(1);
        }
    }
}
