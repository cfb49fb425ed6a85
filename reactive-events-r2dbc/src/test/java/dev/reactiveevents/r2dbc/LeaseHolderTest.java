package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.LeaseHolder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Leases tell the consumer name of the channel object that took them, and a handler at work whether somebody else has its own. */
class LeaseHolderTest {

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
        private final List<R2dbcEventChannel> opened = new ArrayList<>();

        OnEveryDatabase(TestDatabase database) {
            this.database = database.migrated();
        }

        private R2dbcEventChannel channel(String consumerName) {
            R2dbcEventChannel events = database.builder()
                    .consumerName(consumerName)
                    .lease(Duration.ofMinutes(1))
                    .build();
            opened.add(events);
            return events;
        }

        @Test
        void aLeaseTellsTheConsumerNameOfItsHolder() {
            Map<String, String> holders = new TreeMap<>();
            for (String name : List.of("left", "right")) {
                R2dbcEventChannel events = channel(name);
                holders.put(events.publish("orders", 1).block(LIMIT), name);
                assertThat(events.receive("orders", LIMIT).block(LIMIT)).isNotNull();
            }

            List<LeaseHolder> leases =
                    opened.get(0).inspect().leases("orders", 10).collectList().block(LIMIT);
            assertThat(leases)
                    .extracting(LeaseHolder::eventId, LeaseHolder::holder)
                    .containsExactlyInAnyOrderElementsOf(holders.entrySet().stream()
                            .map(of -> tuple(of.getKey(), of.getValue()))
                            .toList());
            opened.forEach(events -> events.shutdown().block(LIMIT));
        }

        @Test
        void theNextRenewalTellsAHandlerThatItsLeaseIsLostAndItsAcknowledgementIsCountedSo() {
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
