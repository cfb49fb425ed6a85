package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Capability;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

abstract class PayloadsContract extends ContractGroup {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    PayloadsContract(EventChannelContract contract) {
        super(contract);
    }

    record Line(String article, int quantity) {}

    record Order(String customer, List<Line> lines, Instant placedAt, LocalDate due, Duration patience) {}

    private static final Order ORDER = new Order(
            "Zoë",
            List.of(new Line("tea", 2), new Line("cup", 1)),
            Instant.parse("2026-02-03T04:05:06.789Z"),
            LocalDate.of(2026, 3, 1),
            Duration.ofMinutes(90));

    private EventMessage roundTrip(@Nullable Object payload) {
        return roundTrip(Event.of(channel, payload));
    }

    private EventMessage roundTrip(Event event) {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(event));
        return inbox.next();
    }

    // == JSON ==

    static Stream<Object> values() {
        return Stream.of(
                "a string",
                "",
                "Grüße, 世界 😀 \uD83D\uDC69\u200D\uD83D\uDE80",
                "quotes \" ' \\ / and lines \r\n\t and \u2028",
                "only looks like one: \\u0000",
                42,
                -7L,
                9_007_199_254_740_993L,
                1.5,
                true,
                List.of(),
                Map.of(),
                Arrays.asList(1, null, "three", List.of(4, List.of(5))),
                Map.of("a", Map.of("b", Map.of("c", List.of(Map.of("😀", "d"))))),
                Map.of("empty", List.of(), "", "an empty name"));
    }

    @ParameterizedTest
    @MethodSource("values")
    void everyJsonValueArrivesAsItWasPublished(Object value) {
        EventMessage message = roundTrip(value);
        assertThat(message.payload()).isEqualTo(JSON.readTree(JSON.writeValueAsString(value)));
        assertThat(JSON.readTree(message.payloadText())).isEqualTo(message.payload());
    }

    @Test
    void nullArrivesAsJsonNull() {
        EventMessage message = roundTrip((Object) null);
        assertThat(message.payload().isNull()).isTrue();
        assertThat(message.payloadText()).isEqualTo("null");
        assertThatExceptionOfType(EventException.Undecodable.class).isThrownBy(() -> message.payloadAs(Order.class));
    }

    @Test
    void nullsWithinArrive() {
        Map<String, @Nullable Object> withNull = new LinkedHashMap<>();
        withNull.put("nothing", null);
        assertThat(roundTrip(withNull).payload()).isEqualTo(JSON.readTree("{\"nothing\":null}"));
    }

    @Test
    void aMegabyteArrives() {
        requires(Capability.SHARED);
        String large = "0123456789abcdéf".repeat(1 << 16);
        assertThat(roundTrip(Map.of("text", large)).payload().get("text").stringValue())
                .isEqualTo(large);
    }

    // == Objects ==

    @Test
    void objectsArriveAsTheirClass() {
        EventMessage message = roundTrip(ORDER);
        assertThat(message.payloadAs(Order.class)).isEqualTo(ORDER);
        assertThat(message.payloadAs(Order.class)).isEqualTo(ORDER);
        assertThat(message.payload().get("customer").stringValue()).isEqualTo("Zoë");
    }

    @Test
    void objectsArriveAsAGenericType() {
        Map<String, List<Line>> lines = Map.of("a", ORDER.lines(), "b", List.of());
        assertThat(roundTrip(lines).payloadAs(new TypeReference<Map<String, List<Line>>>() {}))
                .isEqualTo(lines);
    }

    @Test
    void aPayloadOfAnotherShapeFailsForThatEventAlone() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publishAll(List.of(Event.of(channel, "not an order"), Event.of(channel, ORDER))));
        EventMessage wrong = inbox.next();
        assertThatExceptionOfType(EventException.Undecodable.class)
                .isThrownBy(() -> wrong.payloadAs(Order.class))
                .withMessageContaining(wrong.eventId());
        assertThatExceptionOfType(EventException.Undecodable.class)
                .isThrownBy(() -> wrong.payloadAs(new TypeReference<List<Order>>() {}));
        assertThat(wrong.payloadText()).isEqualTo("\"not an order\"");
        assertThat(inbox.next().payloadAs(Order.class)).isEqualTo(ORDER);
    }

    // == What travels with it ==

    @Test
    void metadataArrives() {
        Map<String, @Nullable Object> nested = new LinkedHashMap<>();
        nested.put("list", Arrays.asList("a", 1, null));
        nested.put("nothing", null);
        Event event = Event.of(channel, 1)
                .withMetadata("source", "checkout 😀")
                .withMetadata("number", 42)
                .withMetadata("flag", true)
                .withMetadata("nested", nested)
                .withMetadata("nothing", null);
        Map<String, Object> metadata = roundTrip(event).metadata();
        assertThat(metadata).containsAllEntriesOf(event.metadata());
        assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(() -> metadata.put("more", 1));
    }

    @Test
    void metadataGivenWithThePayloadArrives() {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        await(events.publish(channel, 1, Map.of("source", "checkout")));
        assertThat(inbox.next().metadata()).containsEntry("source", "checkout");
    }

    @Test
    void withoutTypeKeyAndMetadataThereAreNone() {
        EventMessage message = roundTrip("plain");
        assertThat(message.type()).isNull();
        assertThat(message.key()).isNull();
        assertThat(message.metadata()).isEmpty();
    }

    @Test
    void theTypeArrives() {
        String longest = "order.é.😀.".repeat(22) + "123456789012345".substring(0, 13);
        assertThat(roundTrip(Event.of(channel, 1).withType(longest)).type()).isEqualTo(longest);
    }

    @Test
    void timesAreNearTheClock() {
        Instant before = Instant.now().minus(AT_ONCE);
        EventMessage message = roundTrip("now");
        Instant after = Instant.now().plus(AT_ONCE);
        assertThat(message.publishedAt()).isBetween(before, after);
        assertThat(message.availableAt()).isEqualTo(message.publishedAt());
        assertThat(message.leaseExpiresAt()).isAfter(message.publishedAt());
    }

    // == U+0000 ==

    static Stream<Map.Entry<String, Object>> payloadsWithNul() {
        return Stream.of(
                Map.entry("string", "a\0b"),
                Map.entry("key", Map.of("a\0b", 1)),
                Map.entry("value", Map.of("a", List.of("b\0"))));
    }

    @ParameterizedTest
    @MethodSource("payloadsWithNul")
    void aNulCharacterInThePayloadIsRefused(Map.Entry<String, Object> payload) {
        assertRefused(Event.of(channel, payload.getValue()));
    }

    static Stream<Map<String, Object>> metadataWithNul() {
        return Stream.of(Map.of("a", "b\0"), Map.of("a\0", "b"), Map.of("a", Map.of("b\0", List.of())));
    }

    @ParameterizedTest
    @MethodSource("metadataWithNul")
    void aNulCharacterInTheMetadataIsRefused(Map<String, Object> metadata) {
        assertRefused(Event.of(channel, 1).withMetadata(metadata));
    }

    private void assertRefused(Event event) {
        EventChannel events = open();
        Inbox inbox = subscribe(events);
        StepVerifier.create(events.publish(event)).verifyError(EventException.Invalid.class);
        StepVerifier.create(events.publishAll(List.of(event))).verifyError(EventException.Invalid.class);
        StepVerifier.create(events.publishAll(Flux.just(event))).verifyError(EventException.Invalid.class);
        assertNothingElse(events, inbox);
    }

    @Test
    void aNulCharacterInTypeOrKeyIsRefused() {
        EventChannel events = open();
        Event event = Event.of(channel, 1);
        StepVerifier.create(Flux.defer(() -> events.publish(event.withType("a\0b"))))
                .verifyError(EventException.Invalid.class);
        StepVerifier.create(Flux.defer(() -> events.publish(event.withKey("a\0b"))))
                .verifyError(EventException.Invalid.class);
    }
}
