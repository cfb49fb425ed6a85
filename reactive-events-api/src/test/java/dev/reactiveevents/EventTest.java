package dev.reactiveevents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventTest {

    private final Event event = Event.of("orders", 1);

    private static void assertInvalid(ThrowingCallable call, String... words) {
        assertThatThrownBy(call).isInstanceOf(EventException.Invalid.class).hasMessageContainingAll(words);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(
            strings = {
                "",
                " orders",
                "1st",
                "-x",
                ".x",
                "a b",
                "a;drop table x",
                "a\"b",
                "größe",
                "a\n",
                "a/b",
                "a'b",
                "a\0",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            })
    void badChannelNamesAreRefused(String name) {
        assertInvalid(() -> Event.of(name, 1), "channel name", "at most 63");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                "_",
                "orders.new",
                "Select",
                "a:b-c_d.1",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            })
    void goodChannelNamesAreTaken(String name) {
        assertThat(Event.of(name, null).channel()).isEqualTo(name);
    }

    @Test
    void isImmutable() {
        Event changed = event.withType("placed")
                .withKey("k")
                .withId(UUID.randomUUID())
                .withDelay(Duration.ofSeconds(1))
                .withMetadata("a", 1);

        assertThat(event.type()).isNull();
        assertThat(event.key()).isNull();
        assertThat(event.id()).isNull();
        assertThat(event.delay()).isZero();
        assertThat(event.metadata()).isEmpty();
        assertThat(changed.withType("other").key()).isEqualTo("k");
        assertThatThrownBy(() -> changed.metadata().put("b", 2)).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void metadataIsAddedUpAndMayHoldNull() {
        assertThat(event.withMetadata("a", 1)
                        .withMetadata(Map.of("b", 2))
                        .withMetadata("c", null)
                        .metadata())
                .containsEntry("a", 1)
                .containsEntry("b", 2)
                .containsEntry("c", null);
    }

    @Test
    void typesAndKeysAreOneTo255Characters() {
        assertInvalid(() -> event.withType(""), "type", "0 characters", "1 to 255");
        assertInvalid(() -> event.withKey("k".repeat(256)), "key", "256 characters", "1 to 255");
        assertInvalid(() -> event.withKey(null), "key", "null");
        assertThat(event.withKey("k".repeat(255)).key()).hasSize(255);
    }

    @Test
    void delaysAreNotNegative() {
        assertInvalid(() -> event.withDelay(Duration.ofMillis(-1)), "delay", "PT-0.001S");
        assertInvalid(() -> event.withDelay(null), "delay", "null");
        assertInvalid(() -> event.withDelay(Duration.ofDays(5_000)), "delay", "ten years");
        assertInvalid(() -> event.withDeliverAt(null), "delivery time", "null");
        assertInvalid(() -> event.withDeliverAt(Instant.MAX), "delivery time", "9999");
    }

    @Test
    void theLastOfDelayAndDeliveryTimeCounts() {
        Event at = event.withDelay(Duration.ofSeconds(1)).withDeliverAt(Instant.EPOCH);
        assertThat(at.delay()).isZero();
        assertThat(at.withDelay(Duration.ofSeconds(2)).deliverAt()).isNull();
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "1", "1-1-1-1-1", "order-42", "0000000-0000-0000-0000-0000000000000"})
    void idsAreUuids(String id) {
        assertInvalid(() -> event.withId(id), "not a UUID", "deduplication key");
    }

    @Test
    void deduplicationKeysGiveTheSameIdForTheSameChannelAndName() {
        UUID id = event.withDeduplicationKey("order-42").id();

        assertThat(id)
                .isEqualTo(Event.of("orders", "else")
                        .withDeduplicationKey("order-42")
                        .id());
        assertThat(id).isNotEqualTo(event.withDeduplicationKey("order-43").id());
        assertThat(id)
                .isNotEqualTo(
                        Event.of("others", 1).withDeduplicationKey("order-42").id());
        assertThat(id).isNotNull().extracting(UUID::version, UUID::variant).containsExactly(8, 2);
        assertInvalid(() -> event.withDeduplicationKey(""), "deduplication key", "empty");
        assertInvalid(() -> event.withDeduplicationKey(null), "deduplication key", "null");
    }

    @Test
    void neverShowsItsPayload() {
        assertThat(Event.of("orders", "secret").toString()).contains("orders").doesNotContain("secret");
    }
}
