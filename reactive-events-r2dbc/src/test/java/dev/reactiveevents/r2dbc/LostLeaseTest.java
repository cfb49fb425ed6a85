package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A handler at work whose lease somebody else has by now. */
class LostLeaseTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /** A claim leases for half as long again. */
    private static final Duration LEASE = Duration.ofSeconds(10);

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres());
        }
    }

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

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
        }

        @Test
        void theNextRenewalTellsItAndItsAcknowledgementIsCountedAsLost() {
            R2dbcEventChannel events = database.builder().lease(LEASE).build();
            CompletableFuture<EventMessage> atWork = new CompletableFuture<>();
            Sinks.Empty<Void> gate = Sinks.empty();
            EventListener listener = events.listen("orders", message -> {
                atWork.complete(message);
                return gate.asMono();
            });
            events.publish("orders", 1).block(LIMIT);
            EventMessage message = Mono.fromFuture(atWork).block(LIMIT);
            assertThat(message.isLeaseLost()).isFalse();
            database.execute("UPDATE \"queue\" SET lease_token = '" + UUID.randomUUID() + "'");
            Mono.fromSupplier(message::isLeaseLost)
                    .filter(lost -> lost)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                    .block(LEASE);
            gate.tryEmitEmpty();
            listener.stop(LIMIT).block(LIMIT);

            assertThat(listener.counts().lost()).isEqualTo(1);
            assertThat(listener.counts().acked()).isZero();
            assertThat(listener.counts().handled()).isEqualTo(1);
            events.shutdown().block(LIMIT);
        }
    }
}
