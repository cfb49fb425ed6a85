package dev.reactiveevents.r2dbc;

import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/**
 * An event as the payload of a notification or the text of a message, and back. What others send is an event too: its payload is
 * all of it.
 *
 * <p>What need not be told is left out of a notification, since each byte is paid for by all who listen: a type and metadata where
 * there are none, and the time of an event whose id was made when it was published, because the id tells it.
 */
final class Envelope {

    /** PostgreSQL takes less than 8,000 bytes. */
    static final int LARGEST = 7_999;

    /** Is in no envelope. */
    static final String SEPARATOR = "\u001e";

    private static final String ESCAPED_SEPARATOR = "\\u001e";

    private static final String ID = "{\"event_id\":\"";
    private static final String TYPE = ",\"type\":";
    private static final String PAYLOAD = ",\"payload\":";
    private static final String METADATA = ",\"metadata\":";
    private static final String PUBLISHED_AT = ",\"published_at\":\"";
    private static final String END = "\"}";

    /** Of one length, so that what is measured is what is sent. */
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSX").withZone(ZoneOffset.UTC);

    private static final String SHAPE = "0000-00-00T00:00:00.000000Z";

    private static final int ID_LENGTH = 36;
    private static final int VERSION_WITH_TIME = 7;
    private static final int VARIANT_OF_VERSIONS = 2;

    /** Notifications are read on the threads of drivers, which are few: each keeps its buffers. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .recyclerPool(JsonRecyclerPools.threadLocalPool())
            .build();

    /** Made at once: the mapper would make it under a lock of its own, for which it would park the threads of a driver. */
    private static final ObjectWriter STRINGS = JsonMapper.builder(JSON).build().writerFor(String.class);

    private Envelope() {}

    /** How many bytes an event takes. */
    static int measure(NewEvent event) {
        return bytes(notification(event));
    }

    /** How many bytes it is, if that may be too many; otherwise it need not be counted. */
    static int bytesIfLarge(String envelope) {
        int mostForOneCharacter = 3;
        return envelope.length() <= LARGEST / mostForOneCharacter ? 0 : bytes(envelope);
    }

    private static int bytes(String envelope) {
        return envelope.getBytes(StandardCharsets.UTF_8).length;
    }

    static String time(Instant publishedAt) {
        return TIME.format(publishedAt);
    }

    /** The time is left out if the id tells it. */
    static String notification(NewEvent event) {
        boolean idTellsTime = !event.idGiven() && tellsTime(event.eventId());
        return idTellsTime ? written(event, "}") : write(event, time(Instant.now()));
    }

    /** With the time, whatever the id. */
    static String write(NewEvent event, String publishedAt) {
        return written(event, PUBLISHED_AT + publishedAt + END);
    }

    /** JSON allows no separator as it is, but a raw value is taken as it is. */
    private static String written(NewEvent event, String end) {
        String type = event.type() == null ? "" : TYPE + STRINGS.writeValueAsString(event.type());
        String metadata = event.metadata() == null ? "" : METADATA + event.metadata();
        String envelope = ID + event.eventId() + '"' + type + PAYLOAD + event.payload() + metadata + end;
        return envelope.replace(SEPARATOR, ESCAPED_SEPARATOR);
    }

    private static boolean tellsTime(UUID id) {
        return id.version() == VERSION_WITH_TIME && id.variant() == VARIANT_OF_VERSIONS;
    }

    /** Reads what a channel was notified of; if it is not one of ours, it gets an id and this moment. */
    static ClaimedEvent read(String channel, String text, Supplier<UUID> newId) {
        ClaimedEvent ours = readOurs(channel, text);
        return ours != null ? ours : event(newId.get(), channel, null, text, null, Instant.now());
    }

    private static @Nullable ClaimedEvent readOurs(String channel, String text) {
        try {
            ClaimedEvent asWritten = readAsWritten(channel, text);
            return asWritten != null ? asWritten : readByParser(channel, text);
        } catch (JacksonException | IllegalArgumentException | DateTimeException foreign) {
            return null;
        }
    }

    /**
     * Reads an envelope that is written as it is here, letter by letter: a parser would take two fifths of the time of a
     * broadcast's receiver. Null if it is written in another way.
     */
    private static @Nullable ClaimedEvent readAsWritten(String channel, String text) {
        int timed = text.length() - PUBLISHED_AT.length() - SHAPE.length() - END.length();
        boolean isTimed = text.startsWith(PUBLISHED_AT, timed) && text.endsWith(END);
        int end = isTimed ? timed : text.length() - 1;
        int at = ID.length() + ID_LENGTH;
        if (!text.startsWith(ID) || end <= at || text.charAt(at++) != '"' || !isTimed && text.charAt(end) != '}') {
            return null;
        }
        String type = null;
        if (text.startsWith(TYPE + '"', at)) {
            int start = at + TYPE.length() + 1;
            at = text.indexOf('"', start) + 1;
            type = text.substring(start, Math.max(start, at - 1));
            if (type.indexOf('\\') >= 0) {
                return null;
            }
        }
        int payload = at + PAYLOAD.length();
        int payloadEnd = text.startsWith(PAYLOAD, at) ? endOfValue(text, payload, end) : -1;
        int metadata = payloadEnd + METADATA.length();
        boolean more =
                payloadEnd < end && text.startsWith(METADATA, payloadEnd) && endOfValue(text, metadata, end) == end;
        return payloadEnd < 0 || !more && payloadEnd < end
                ? null
                : event(
                        UUID.fromString(text.substring(ID.length(), ID.length() + ID_LENGTH)),
                        channel,
                        type,
                        text.substring(payload, payloadEnd),
                        more ? text.substring(metadata, end) : null,
                        isTimed ? text.substring(end + PUBLISHED_AT.length(), text.length() - END.length()) : null);
    }

    /** Where the JSON value that starts there ends, at a comma or at the end; -1 if brackets or quotes do not match. */
    private static int endOfValue(String text, int start, int end) {
        int depth = 0;
        for (int i = start; i < end; i++) {
            char c = text.charAt(i);
            if (c == '"') {
                i = endOfString(text, i + 1, end);
                if (i < 0) {
                    return -1;
                }
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                if (--depth < 0) {
                    return -1;
                }
            } else if (c == ',' && depth == 0) {
                return i;
            }
        }
        return depth != 0 || start == end ? -1 : end;
    }

    /** Where the quote is that ends a string; -1 if there is none before the end. */
    private static int endOfString(String text, int start, int end) {
        int quote = text.indexOf('"', start);
        while (quote >= 0 && quote < end && isEscaped(text, quote)) {
            quote = text.indexOf('"', quote + 1);
        }
        return quote < end ? quote : -1;
    }

    /** Whether an odd number of backslashes is before it; in a string, there is its quote before those. */
    private static boolean isEscaped(String text, int quote) {
        int before = quote;
        while (text.charAt(before - 1) == '\\') {
            before--;
        }
        return (quote - before) % 2 == 1;
    }

    private static @Nullable ClaimedEvent readByParser(String channel, String text) {
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
            return read(channel, text, parser);
        }
    }

    /**
     * Payload and metadata are taken as they are written: most of them are never looked into here. An object without a time is
     * taken for an envelope only if it has nothing else that an envelope has not.
     */
    private static @Nullable ClaimedEvent read(String channel, String text, JsonParser parser) {
        String id = null;
        String type = null;
        String payload = null;
        String metadata = null;
        String publishedAt = null;
        boolean known = true;
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            return null;
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            boolean isNull = parser.nextToken() == JsonToken.VALUE_NULL;
            switch (name) {
                case "event_id" -> id = string(parser);
                case "type" -> type = isNull ? null : string(parser);
                case "payload" -> payload = asWritten(text, parser);
                case "metadata" -> metadata = isNull ? null : asWritten(text, parser);
                case "published_at" -> publishedAt = string(parser);
                default -> {
                    known = false;
                    parser.skipChildren();
                }
            }
        }
        boolean whole = parser.currentToken() == JsonToken.END_OBJECT && parser.nextToken() == null;
        return !whole || id == null || payload == null || publishedAt == null && !known
                ? null
                : event(UUID.fromString(id), channel, type, payload, metadata, publishedAt);
    }

    /** A time as it is written here, digit by digit: the general way costs more than all the rest of an envelope. */
    static Instant instant(String text) {
        if (!isOfOurShape(text)) {
            return Instant.parse(text);
        }
        return LocalDateTime.of(
                        number(text, 0, 4),
                        number(text, 5, 7),
                        number(text, 8, 10),
                        number(text, 11, 13),
                        number(text, 14, 16),
                        number(text, 17, 19),
                        number(text, 20, 26) * 1_000)
                .toInstant(ZoneOffset.UTC);
    }

    private static boolean isOfOurShape(String text) {
        boolean fits = text.length() == SHAPE.length();
        for (int i = 0; fits && i < SHAPE.length(); i++) {
            char wanted = SHAPE.charAt(i);
            char found = text.charAt(i);
            fits = wanted == '0' ? found >= '0' && found <= '9' : found == wanted;
        }
        return fits;
    }

    private static int number(String text, int from, int to) {
        return Integer.parseInt(text, from, to, 10);
    }

    private static String string(JsonParser parser) {
        if (parser.currentToken() != JsonToken.VALUE_STRING) {
            throw new IllegalArgumentException("not a string");
        }
        return parser.getString();
    }

    private static String asWritten(String text, JsonParser parser) {
        long start = parser.currentTokenLocation().getCharOffset();
        parser.skipChildren();
        parser.finishToken();
        return text.substring((int) start, (int) parser.currentLocation().getCharOffset());
    }

    /** Null if nothing tells when it was published. */
    private static @Nullable ClaimedEvent event(
            UUID id,
            String channel,
            @Nullable String type,
            String payload,
            @Nullable String metadata,
            @Nullable String publishedAt) {
        if (publishedAt == null && !tellsTime(id)) {
            return null;
        }
        Instant at = publishedAt == null ? EventChannels.timeOf(id) : instant(publishedAt);
        return event(id, channel, type, payload, metadata, at);
    }

    private static ClaimedEvent event(
            UUID id, String channel, @Nullable String type, String payload, @Nullable String metadata, Instant at) {
        return new ClaimedEvent(id, channel, type, null, payload, metadata, 1, at, at, Instant.MAX);
    }
}
