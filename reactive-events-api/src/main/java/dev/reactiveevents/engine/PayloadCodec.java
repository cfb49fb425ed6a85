package dev.reactiveevents.engine;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.NewEvent;
import java.lang.reflect.Type;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Between objects and the JSON text that is stored. */
final class PayloadCodec {

    private static final Type METADATA = new TypeReference<Map<String, Object>>() {}.getType();

    private final JsonMapper mapper;
    private final Map<Type, ObjectReader> readers = new ConcurrentHashMap<>();

    PayloadCodec(JsonMapper mapper) {
        this.mapper = mapper;
    }

    // == Writing ==

    /** Fixes all of the event, its id included; refuses what no database could store. */
    NewEvent encode(@Nullable Event event) {
        if (event == null) {
            throw new EventException.Invalid("An event to be published was null; give an event.");
        }
        requireStorable(event.channel(), "type", event.type());
        requireStorable(event.channel(), "key", event.key());
        boolean idGiven = event.id() != null;
        return new NewEvent(
                idGiven ? Objects.requireNonNull(event.id()) : TimeOrderedIds.next(),
                idGiven,
                event.channel(),
                event.type(),
                event.key(),
                write(event, "payload", event.payload()),
                event.metadata().isEmpty() ? null : write(event, "metadata", event.metadata()),
                event.delay(),
                event.deliverAt());
    }

    /**
     * The event with more metadata, put into the text as it is: it was written when the event was handed in.
     *
     * @param replaces whether it takes the place of what has the same names
     */
    NewEvent withMetadata(NewEvent event, Map<String, String> more, boolean replaces) {
        if (more.isEmpty()) {
            return event;
        }
        String text = event.metadata() == null ? "{}" : event.metadata();
        for (Map.Entry<String, String> entry : more.entrySet()) {
            text = withEntry(text, entry.getKey(), entry.getValue(), replaces);
        }
        requireStorable(event.channel(), "metadata", hasEscapedNull(text) ? "\0" : text);
        return event.withMetadata(text);
    }

    private String withEntry(String text, String name, String value, boolean replaces) {
        String quoted = mapper.writeValueAsString(name);
        if (text.contains(quoted)
                && readerFor(JsonNode.class).readValue(text) instanceof ObjectNode object
                && object.has(name)) {
            return replaces ? mapper.writeValueAsString(object.put(name, value)) : text;
        }
        int end = text.lastIndexOf('}');
        String before = text.substring(0, end);
        String comma = before.stripTrailing().endsWith("{") ? "" : ",";
        return before + comma + quoted + ":" + mapper.writeValueAsString(value) + "}";
    }

    private String write(Event event, String what, @Nullable Object value) {
        String text;
        try {
            text = mapper.writeValueAsString(value);
        } catch (JacksonException | StackOverflowError unwritable) {
            throw new EventException.Invalid(
                    "The " + what + " of an event for channel \"" + event.channel() + "\", a "
                            + (value == null ? "null" : value.getClass().getName())
                            + ", cannot be written as JSON: " + unwritable.getMessage(),
                    unwritable);
        }
        requireStorable(event.channel(), what, hasEscapedNull(text) ? "\0" : text);
        return text;
    }

    /** PostgreSQL takes neither U+0000 nor half a surrogate pair in its JSON; the same rule everywhere lets events move. */
    private static void requireStorable(String channel, String what, @Nullable String text) {
        String culprit = text == null ? null : firstUnstorable(text);
        if (culprit != null) {
            throw new EventException.Invalid("The " + what + " of an event for channel \"" + channel + "\" contains "
                    + culprit + ", which databases do not store in text; take it out.");
        }
    }

    private static @Nullable String firstUnstorable(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == 0) {
                return "the character U+0000";
            } else if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                return "half of a surrogate pair";
            }
        }
        return null;
    }

    /** JSON writes U+0000 as an escape, which a backslash that is itself escaped only seems to begin. */
    private static boolean hasEscapedNull(String json) {
        for (int i = json.indexOf('\\'); i >= 0; i = json.indexOf('\\', i + 2)) {
            if (json.startsWith("u0000", i + 1)) {
                return true;
            }
        }
        return false;
    }

    // == Reading ==

    JsonNode readTree(ClaimedEvent event) {
        return read(event, JsonNode.class);
    }

    <T> T read(ClaimedEvent event, Type type) {
        T value;
        try {
            value = readerFor(type).readValue(event.payload());
        } catch (JacksonException unreadable) {
            throw undecodable(event, "payload", nameOf(type), unreadable);
        }
        if (value == null) {
            throw undecodable(event, "payload", nameOf(type) + ": it is JSON null; see payload()", null);
        }
        return value;
    }

    Map<String, Object> readMetadata(ClaimedEvent event) {
        String metadata = event.metadata();
        try {
            return metadata == null
                    ? Map.of()
                    : Collections.unmodifiableMap(readerFor(METADATA).<Map<String, Object>>readValue(metadata));
        } catch (JacksonException unreadable) {
            throw undecodable(event, "metadata", "a JSON object", unreadable);
        }
    }

    private String nameOf(Type type) {
        return mapper.constructType(type).toCanonical();
    }

    private ObjectReader readerFor(Type type) {
        ObjectReader reader = readers.get(type);
        return reader != null ? reader : newReader(type);
    }

    /**
     * One by one, in all channels that share the mapper: it makes the deserializers of a new type under a lock of its own, for
     * which it would park the threads of a driver.
     */
    private ObjectReader newReader(Type type) {
        synchronized (mapper) {
            return readers.computeIfAbsent(type, wanted -> mapper.readerFor(mapper.constructType(wanted)));
        }
    }

    private static EventException undecodable(
            ClaimedEvent event, String what, String wanted, @Nullable Throwable cause) {
        return new EventException.Undecodable(
                "The " + what + " of event " + event.eventId() + " on channel \"" + event.channel()
                        + "\" cannot be read as " + wanted + ".",
                cause);
    }
}
