package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EnvelopeTest {

    private static final UUID ID = UUID.randomUUID();
    private static final UUID NEW_ID = UUID.randomUUID();
    private static final String TIME = "2026-11-25T10:00:00.123456Z";
    private static final int ONE_FRACTION = 245;
    private static final String TIMELY = "01a22838-051a-7323-a698-000000000000";

    private static NewEvent event(@Nullable String type, String payload, @Nullable String metadata) {
        return new NewEvent(ID, false, "orders", type, null, payload, metadata, Duration.ZERO, null);
    }

    /** As most are: with an id that was made for it. */
    private static NewEvent eventWithNewId(@Nullable String type, String payload, @Nullable String metadata) {
        return new NewEvent(EventChannels.newId(), false, "orders", type, null, payload, metadata, Duration.ZERO, null);
    }

    private static ClaimedEvent read(String text) {
        return Envelope.read("orders", text, () -> NEW_ID);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1",
                "-1.10",
                "1E+400",
                "12345678901234567890123",
                "true",
                "null",
                "\"\"",
                "\"Zoë \\\"x\\\" \\u00e9 \uD83D\uDE00\"",
                "[]",
                "[1,[2,{}],\"]\"]",
                "{\"a\":{\"b\":[1.10]},\"payload\":2}"
            })
    void whatIsWrittenIsReadLetterByLetter(String payload) {
        ClaimedEvent read =
                read(Envelope.write(event("order.\"placed\"", payload, "{\"source\":" + payload + "}"), TIME));

        assertThat(read.eventId()).isEqualTo(ID);
        assertThat(read.channel()).isEqualTo("orders");
        assertThat(read.type()).isEqualTo("order.\"placed\"");
        assertThat(read.payload()).isEqualTo(payload);
        assertThat(read.metadata()).isEqualTo("{\"source\":" + payload + "}");
        assertThat(read.publishedAt()).isEqualTo(Instant.parse(TIME));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"order.placed", "Zoë \uD83D\uDE00", "", "null", "back\\slash", "say \"x\"", "line\nfeed", "{}"})
    void aTypeIsReadAsItWasGiven(String type) {
        ClaimedEvent read = read(Envelope.write(event(type, "{\"type\":\"}\"}", null), TIME));

        assertThat(read.type()).isEqualTo(type);
        assertThat(read.payload()).isEqualTo("{\"type\":\"}\"}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "null", "\"}\"", "{}", "[{\"a\":\",\\\"payload\\\":\"}]"})
    void whatIsNotThereIsNull(String payload) {
        ClaimedEvent read = read(Envelope.write(event(null, payload, null), TIME));

        assertThat(read.eventId()).isEqualTo(ID);
        assertThat(read.publishedAt()).isEqualTo(Instant.parse(TIME));
        assertThat(read.payload()).isEqualTo(payload);
        assertThat(read.type()).isNull();
        assertThat(read.metadata()).isNull();
    }

    @Test
    void whatIsNotThereIsLeftOut() {
        assertThat(Envelope.write(event(null, "1", null), TIME))
                .isEqualTo("{\"event_id\":\"" + ID + "\",\"payload\":1,\"published_at\":\"" + TIME + "\"}");
    }

    @Test
    void theTimeIsLeftOutIfTheIdTellsIt() {
        Instant before = Instant.now().minusNanos(ONE_FRACTION);
        NewEvent event = eventWithNewId(null, "1", null);
        Instant after = Instant.now();

        String written = Envelope.notification(event);

        assertThat(written).isEqualTo("{\"event_id\":\"" + event.eventId() + "\",\"payload\":1}");
        assertThat(Envelope.measure(event)).isEqualTo(written.length());
        assertThat(read(written).eventId()).isEqualTo(event.eventId());
        assertThat(read(written).publishedAt()).isBetween(before, after);
        assertThat(read(' ' + written)).isEqualTo(read(written));
    }

    @Test
    void theTimeOfAnIdThatWasGivenIsAnother() {
        Instant longAgo = Instant.parse(TIME).minus(Duration.ofDays(1000));
        UUID given = new UUID(longAgo.toEpochMilli() << 16 | 0x7000, 1L << 63);
        NewEvent event = new NewEvent(given, true, "orders", null, null, "1", null, Duration.ZERO, null);

        String written = Envelope.notification(event);

        assertThat(read(written).eventId()).isEqualTo(given);
        assertThat(read(written).publishedAt()).isAfter(longAgo.plus(Duration.ofDays(1)));
        assertThat(Envelope.measure(event)).isEqualTo(written.length());
    }

    @Test
    void theTimeMayBeToldWhateverTheId() {
        NewEvent event = eventWithNewId(null, "1", null);

        String written = Envelope.write(event, TIME);

        assertThat(written)
                .isEqualTo(
                        "{\"event_id\":\"" + event.eventId() + "\",\"payload\":1,\"published_at\":\"" + TIME + "\"}");
        assertThat(read(written).publishedAt()).isEqualTo(Instant.parse(TIME));
    }

    /** Others have such ids too. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"event_id\":\"" + TIMELY + "\",\"payload\":1,\"tenant\":\"x\"}",
                "{\"tenant\":\"x\",\"event_id\":\"" + TIMELY + "\",\"payload\":1}",
                "{\"event_id\":\"" + TIMELY + "\"}",
                "{\"event_id\":\"" + TIMELY + "\",\"payload\":1,\"published_at\":null}",
                "{\"event_id\":\"01a22838-051a-7323-1698-000000000000\",\"payload\":1}",
                "{\"event_id\":\"1-1-7001-1-1\",\"payload\":1}"
            })
    void anObjectWithSuchAnIdIsNotOursForThatAlone(String text) {
        assertThat(read(text).eventId()).isEqualTo(NEW_ID);
        assertThat(read(text).payload()).isEqualTo(text);
    }

    @Test
    void withoutATimeNoOtherIdIsOurs() {
        String text = "{\"event_id\":\"" + ID + "\",\"payload\":1}";

        assertThat(read(text).payload()).isEqualTo(text);
        assertThat(read(' ' + text).payload()).isEqualTo(' ' + text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1",
                "\"}\"",
                "\"a,\\\"metadata\\\":{}\"",
                "{\"a\":[1,\"]\\\\\"],\"metadata\":{\"b\":\"}\"}}",
                "{\"payload\":1,\"published_at\":\"" + TIME + "\"}",
                "\"a,\\\"published_at\\\":\\\"" + TIME + "\\\"\""
            })
    void withoutATimeItIsReadAsItWasWritten(String payload) {
        for (String more : new String[] {null, "{\"source\":" + payload + "}"}) {
            NewEvent event = eventWithNewId(more, payload, more);
            String written = Envelope.notification(event);

            assertThat(read(written).eventId()).isEqualTo(event.eventId());
            assertThat(read(written).type()).isEqualTo(event.type());
            assertThat(read(written).payload()).isEqualTo(payload);
            assertThat(read(written).metadata()).isEqualTo(more);
            assertThat(read(' ' + written)).isEqualTo(read(written));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":1}", "\"}}}\"", "[{},{}]", "123"})
    void whatIsCutOffAnywhereWithoutATimeIsTakenWhole(String payload) {
        String whole = Envelope.notification(eventWithNewId(null, payload, "{\"b\":{}}"));

        for (int end = 0; end < whole.length(); end++) {
            String cut = whole.substring(0, end);
            assertThat(read(cut).payload()).isEqualTo(cut);
        }
    }

    @Test
    void whatIsWrittenAsNullIsNullToo() {
        ClaimedEvent read = read("{\"event_id\":\"" + ID
                + "\",\"type\":null,\"payload\":1,\"metadata\":null,\"published_at\":\"" + TIME + "\"}");

        assertThat(read.eventId()).isEqualTo(ID);
        assertThat(read.type()).isNull();
        assertThat(read.metadata()).isNull();
    }

    @Test
    void whatIsCutOffAnywhereIsTakenWhole() {
        String whole = Envelope.write(event("order.placed", "{\"a\":1}", null), TIME);

        assertThat(read(whole).eventId()).isEqualTo(ID);
        for (int end = 0; end < whole.length() - "{\"a\":1}}".length(); end++) {
            String cut = whole.substring(0, end);
            assertThat(read(cut).payload()).isEqualTo(cut);
        }
    }

    /** As written here and written otherwise, which are read in two ways. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "1",
                "\"a,\\\"metadata\\\":{}\"",
                "{\"a\":[1,\"]\\\\\"],\"metadata\":{\"b\":\"}\"}}",
                "[[],{},\",\\\"published_at\\\":\\\"" + TIME + "\\\"}\"]"
            })
    void whatIsWrittenOtherwiseIsReadAsThat(String payload) {
        String written = Envelope.write(event("order.placed", payload, "{\"source\":" + payload + "}"), TIME);

        assertThat(read(' ' + written)).isEqualTo(read(written));
        assertThat(read(written).payload()).isEqualTo(payload);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "}",
                "[}]",
                "}{",
                "1]",
                "\"",
                "\"\\",
                "1,",
                ",1",
                "1,\"more\":2,\"metadata\":{}",
                "1,\"metadata\":{},2",
                "1,\"metadata\":",
                "1,\"metadata\":{"
            })
    void whatOnlyBeginsAndEndsLikeOursIsNot(String middle) {
        String whole = Envelope.write(event(null, middle, null), TIME);
        boolean isJson = middle.contains("\"more\"");

        ClaimedEvent read = read(whole);

        assertThat(read.eventId()).isEqualTo(isJson ? ID : NEW_ID);
        assertThat(read.payload()).isEqualTo(isJson ? "1" : whole);
    }

    @Test
    void anotherOrderAndMoreThanIsKnownAreRead() {
        ClaimedEvent read = read(" { \"published_at\" : \"" + TIME
                + "\", \"more\" : [{}], \"payload\" : [1, 2] ,\n \"event_id\" : \"" + ID + "\" } ");

        assertThat(read.eventId()).isEqualTo(ID);
        assertThat(read.payload()).isEqualTo("[1, 2]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "plain text",
                "1",
                "\"text\"",
                "[1, 2]",
                "{\"payload\": 1}",
                "{\"event_id\": 7, \"payload\": 1, \"published_at\": {}}",
                "{\"event_id\": \"7\", \"payload\": 1, \"published_at\": \"" + TIME + "\"}",
                "{\"event_id\": \"00000000-0000-0000-0000-000000000000\", \"payload\": 1, \"published_at\": \"today\"}",
                "{\"event_id\": \"00000000-0000-0000-0000-000000000000\", \"payload\": 1",
                "{\"event_id\": \"00000000-0000-0000-0000-000000000000\", \"payload\": 1, \"published_at\": \"" + TIME
                        + "\"} 1"
            })
    void whatIsNotOursIsTakenWhole(String text) {
        ClaimedEvent read = read(text);

        assertThat(read.eventId()).isEqualTo(NEW_ID);
        assertThat(read.payload()).isEqualTo(text);
        assertThat(read.type()).isNull();
        assertThat(read.metadata()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2026-11-25T02:31:58.123456Z",
                "1970-01-01T00:00:00.000000Z",
                "0001-12-31T23:59:59.999999Z",
                "2024-02-29T12:00:00.000001Z",
                "2026-11-25T02:31:58Z",
                "2026-11-25T02:31:58.123456789Z",
                "2026-11-25T02:31:58.12+01:00",
                "2026-11-25T02:31:58+01:00:00"
            })
    void timesAreReadAsTheyAreMeant(String time) {
        assertThat(Envelope.instant(time)).isEqualTo(OffsetDateTime.parse(time).toInstant());
    }
}
