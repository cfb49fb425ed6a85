package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What is stored on MySQL and MariaDB comes back as it was, and equal is only what is the same. */
class MySqlTypesTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(MariaDbServer.freshDatabase());
        }
    }

    @Nested
    class OnMariaDbByItsOwnDriver extends OnEither {
        OnMariaDbByItsOwnDriver() {
            super(MariaDbServer.forMariaDbDriver(MariaDbServer.freshDatabase()));
        }
    }

    @Nested
    class OnMySql extends OnEither {
        OnMySql() {
            super(MySqlServer.freshDatabase());
        }
    }

    abstract static class OnEither {

        private final MySqlQueue queue;
        private final R2dbcEventChannel events;

        OnEither(String url) {
            queue = new MySqlQueue(url);
            events = queue.open();
        }

        @AfterEach
        void close() {
            queue.close();
        }

        private EventMessage roundTrip(Event event) {
            events.publish(event).block(LIMIT);
            return events.receive(event.channel(), LIMIT).block(LIMIT);
        }

        @Test
        void charactersOfFourBytesArriveInPayloadMetadataTypeAndKey() {
            EventMessage message = roundTrip(Event.of("orders", Map.of("🙂", "𝄞"))
                    .withMetadata("who", "🦆")
                    .withType("geflügel.🦆")
                    .withKey("🦆é"));
            assertThat(message.payload().get("🙂").stringValue()).isEqualTo("𝄞");
            assertThat(message.metadata()).containsEntry("who", "🦆");
            assertThat(message.type()).isEqualTo("geflügel.🦆");
            assertThat(message.key()).isEqualTo("🦆é");
        }

        @Test
        void numbersOfAnySizeAndPayloadsOfAnyDepthArrive() {
            BigInteger great = BigInteger.TEN.pow(40).add(BigInteger.ONE);
            BigDecimal exact = new BigDecimal("0.1234567890123456789012345678901");
            assertThat(roundTrip(Event.of("orders", great)).payloadText()).isEqualTo(great.toString());
            assertThat(roundTrip(Event.of("orders", exact)).payloadText()).isEqualTo(exact.toString());
            Object deep = 1;
            for (int i = 0; i < 150; i++) {
                deep = List.of(deep);
            }
            assertThat(roundTrip(Event.of("orders", deep)).payloadText()).startsWith("[".repeat(150) + "1]");
        }

        @ParameterizedTest
        @ValueSource(strings = {"a|A", "e|é", "é|e\u0301", "a|a ", "ss|ß", "x|x\t", "🙂|🙃"})
        void keysThatDifferInAnythingAreDifferentKeys(String both) {
            String one = both.substring(0, both.indexOf('|'));
            String other = both.substring(both.indexOf('|') + 1);
            events.publishAll(List.of(
                            Event.of("orders", 1).withKey(one),
                            Event.of("orders", 2).withKey(other),
                            Event.of("orders", 3).withKey(one)))
                    .block(LIMIT);
            List<EventMessage> held =
                    events.subscribe("orders").take(2).collectList().block(LIMIT);
            assertThat(held).extracting(EventMessage::key).containsExactlyInAnyOrder(one, other);
        }

        @Test
        void channelsThatDifferInCaseAreDifferentChannels() {
            events.publish("Orders", 1).block(LIMIT);
            assertThat(events.receive("orders", Duration.ZERO).block(LIMIT)).isNull();
            assertThat(events.receive("Orders", LIMIT).block(LIMIT)).isNotNull();
        }

        @Test
        void aKeyMayBeAsLongAsItCan() {
            String longest = "🦆".repeat(127) + "é";
            assertThat(roundTrip(Event.of("orders", 1).withKey(longest)).key()).isEqualTo(longest);
        }

        @Test
        void anIdThatIsStoredAlreadyIsLeftOutAndTheOthersAreStored() {
            UUID id = UUID.randomUUID();
            events.publish(Event.of("orders", 0).withId(id)).block(LIMIT);
            List<Event> batch = IntStream.range(0, 10)
                    .mapToObj(i -> i == 5 ? Event.of("orders", 5).withId(id) : Event.of("orders", i))
                    .toList();
            events.publishAll(batch).block(LIMIT);
            events.publish(Event.of("orders", 0).withId(id)).block(LIMIT);
            assertThat(queue.database().number("SELECT count(*) FROM " + MySqlQueue.TABLE))
                    .isEqualTo(10);
            assertThat(queue.database()
                            .query("SELECT payload FROM " + MySqlQueue.TABLE + " ORDER BY seq", String.class))
                    .containsExactly("0", "0", "1", "2", "3", "4", "6", "7", "8", "9");
        }

        @Test
        void batchesOfAnySizeGoInPiecesThatTheServerTakes() {
            String large = "\"".repeat(700_000);
            List<Event> batch = IntStream.range(0, 30)
                    .mapToObj(i -> Event.of("orders", large))
                    .toList();
            assertThat(events.publishAll(batch).block(LIMIT)).hasSize(30);
            assertThat(queue.database().number("SELECT count(*) FROM " + MySqlQueue.TABLE))
                    .isEqualTo(30);
            List<Mono<String>> single = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                single.add(events.publish("orders", large));
            }
            assertThat(Flux.merge(single).collectList().block(LIMIT)).hasSize(12);
        }

        @Test
        void anEventThatIsLargerThanTheServerTakesIsRefusedAloneAndSaysSo() {
            long limit = queue.database().number("SELECT @@max_allowed_packet");
            events.publish("orders", 0).block(LIMIT);
            String monster = "x".repeat((int) limit);
            assertThatThrownBy(() -> events.publish("orders", monster).block(LIMIT))
                    .isInstanceOf(EventException.Invalid.class)
                    .hasMessageContaining("max_allowed_packet");
            assertThat(events.publish("orders", 1).block(LIMIT)).isNotNull();
        }

        @Test
        void idsTakeSixteenBytes() {
            events.publish("orders", 1).block(LIMIT);
            assertThat(queue.database().number("SELECT LENGTH(event_id) FROM " + MySqlQueue.TABLE))
                    .isEqualTo(16);
        }

        @Test
        void aBackendThatListensIsReplacedOrRefused() {
            R2dbcEventChannel fellBack = queue.open(R2dbcEventChannel.builder(queue.pool())
                    .backend(BackendType.LISTEN_NOTIFY_DURABLE)
                    .shutdownTimeout(Duration.ofMillis(200)));
            assertThat(fellBack.snapshot().fellBack()).isTrue();
            fellBack.publish("orders", 1).block(LIMIT);
            assertThat(fellBack.receive("orders", LIMIT).block(LIMIT)).isNotNull();
            assertThatThrownBy(() -> R2dbcEventChannel.builder(queue.pool())
                            .backend(BackendType.LISTEN_NOTIFY)
                            .fallback(false)
                            .build())
                    .isInstanceOf(EventException.Unsupported.class)
                    .hasMessageContaining("listen_notify");
        }
    }
}
