package dev.reactiveevents;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What is published: a payload for a channel, and what is to be known about it. Immutable; each {@code with} method
 * returns a changed copy. The payload itself is not copied: it is written as JSON when {@code publish} is called.
 *
 * <p>Bad values are refused here, by {@link EventException.Invalid}.
 */
public final class Event {

    private static final int LONGEST_NAME = 255;

    private final String channel;
    private final @Nullable Object payload;
    private final Map<String, Object> metadata;
    private final @Nullable String type;
    private final @Nullable String key;
    private final @Nullable UUID id;
    private final Duration delay;
    private final @Nullable Instant deliverAt;

    private Event(
            String channel,
            @Nullable Object payload,
            Map<String, Object> metadata,
            @Nullable String type,
            @Nullable String key,
            @Nullable UUID id,
            Duration delay,
            @Nullable Instant deliverAt) {
        this.channel = channel;
        this.payload = payload;
        this.metadata = metadata;
        this.type = type;
        this.key = key;
        this.id = id;
        this.delay = delay;
        this.deliverAt = deliverAt;
    }

    /**
     * An event for a channel.
     *
     * @param channel the channel's name, see {@link EventChannel#requireValidName(String)}
     * @param payload anything that the channel's Jackson mapper can write, also {@code null}
     * @return the event, due at once, without type, key, metadata and given id
     */
    public static Event of(String channel, @Nullable Object payload) {
        return new Event(
                EventChannel.requireValidName(channel), payload, Map.of(), null, null, null, Duration.ZERO, null);
    }

    /**
     * Names what kind of event this is, for routing and typed handlers.
     *
     * @param type 1 to 255 characters, conventionally segments with dots: {@code order.placed}
     * @return the changed copy
     */
    public Event withType(String type) {
        return new Event(channel, payload, metadata, requireName("type", type), key, id, delay, deliverAt);
    }

    /**
     * Events of one channel and key are handed over in publish order, one at a time: the next one when the one before is
     * settled, in whatever process. One that is delayed, or comes again later, holds back those behind it; what a dead
     * letter does, the channel's options say. A backend that cannot do so refuses the event by
     * {@link EventException.Unsupported}.
     *
     * @param key 1 to 255 characters
     * @return the changed copy
     */
    public Event withKey(String key) {
        return new Event(channel, payload, metadata, type, requireName("key", key), id, delay, deliverAt);
    }

    /**
     * Adds one entry to the metadata.
     *
     * @param name the entry's name
     * @param value anything that the channel's Jackson mapper can write, also {@code null}
     * @return the changed copy
     */
    public Event withMetadata(String name, @Nullable Object value) {
        Map<String, Object> more = new LinkedHashMap<>(metadata);
        more.put(name, value);
        return withAllMetadata(more);
    }

    /**
     * Adds all entries of a map to the metadata.
     *
     * @param entries names and values; a {@code null} map is refused
     * @return the changed copy
     */
    public Event withMetadata(Map<String, ?> entries) {
        if (entries == null) {
            throw new EventException.Invalid(
                    "The metadata of an event for channel \"" + channel + "\" was null; give a map, or leave it out.");
        }
        Map<String, Object> more = new LinkedHashMap<>(metadata);
        more.putAll(entries);
        return withAllMetadata(more);
    }

    private Event withAllMetadata(Map<String, Object> more) {
        if (more.containsKey(null)) {
            throw new EventException.Invalid(
                    "A metadata name of an event for channel \"" + channel + "\" was null; names are strings.");
        }
        return new Event(channel, payload, Collections.unmodifiableMap(more), type, key, id, delay, deliverAt);
    }

    /**
     * Delivers the event no sooner than after a delay, counted by the database's clock from when it is stored. Replaces a
     * {@link #withDeliverAt(Instant) time}.
     *
     * @param delay not negative, at most ten years; zero means at once
     * @return the changed copy
     */
    public Event withDelay(Duration delay) {
        if (delay == null || delay.isNegative() || delay.compareTo(Duration.ofDays(3653)) > 0) {
            throw new EventException.Invalid("The delay of an event for channel \"" + channel + "\" was " + delay
                    + "; give a duration from zero to ten years.");
        }
        return new Event(channel, payload, metadata, type, key, id, delay, null);
    }

    /**
     * Delivers the event no sooner than at a time, by the database's clock. Replaces a {@link #withDelay(Duration) delay}.
     *
     * @param deliverAt the time; one in the past means now; none after the year 9999
     * @return the changed copy
     */
    public Event withDeliverAt(Instant deliverAt) {
        if (deliverAt == null || deliverAt.isAfter(Instant.parse("9999-12-31T00:00:00Z"))) {
            throw new EventException.Invalid("The delivery time of an event for channel \"" + channel + "\" was "
                    + deliverAt + "; give an instant up to the year 9999.");
        }
        return new Event(channel, payload, metadata, type, key, id, Duration.ZERO, deliverAt);
    }

    /**
     * Gives the event its id. Publishing an id again while its row is kept stores nothing and succeeds; an id that exists
     * on another channel is refused.
     *
     * @param id a UUID in its usual 36 characters
     * @return the changed copy
     */
    public Event withId(String id) {
        return withId(EventChannel.requireValidId(id));
    }

    /**
     * Gives the event its id, as {@link #withId(String)} does.
     *
     * @param id the id
     * @return the changed copy
     */
    public Event withId(UUID id) {
        if (id == null) {
            throw new EventException.Invalid(
                    "The id of an event for channel \"" + channel + "\" was null; give a UUID, or leave it out.");
        }
        return new Event(channel, payload, metadata, type, key, id, delay, deliverAt);
    }

    /**
     * Derives the event's id from its channel and a name of your own, so that publishing under the same name again stores
     * nothing while the first is kept. Replaces a given id. The id is a UUID of version 8 made with SHA-256 (RFC 9562,
     * appendix B.2).
     *
     * @param name any string that is not empty, such as {@code order-42}
     * @return the changed copy
     */
    public Event withDeduplicationKey(String name) {
        if (name == null || name.isEmpty()) {
            throw new EventException.Invalid("The deduplication key of an event for channel \"" + channel + "\" was "
                    + (name == null ? "null" : "empty") + "; give a string that names the event.");
        }
        return withId(derivedId(channel + '\0' + name));
    }

    private static UUID derivedId(String name) {
        try {
            ByteBuffer digest =
                    ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8)));
            long high = digest.getLong() & 0xFFFF_FFFF_FFFF_0FFFL | 0x8000L;
            long low = digest.getLong() & 0x3FFF_FFFF_FFFF_FFFFL | 0x8000_0000_0000_0000L;
            return new UUID(high, low);
        } catch (NoSuchAlgorithmException everyJavaPlatformHasIt) {
            throw new IllegalStateException(everyJavaPlatformHasIt);
        }
    }

    private String requireName(String what, @Nullable String value) {
        if (value == null || value.isEmpty() || value.length() > LONGEST_NAME) {
            throw new EventException.Invalid("The " + what + " of an event for channel \"" + channel + "\" "
                    + (value == null ? "was null" : "had " + value.length() + " characters") + "; give 1 to "
                    + LONGEST_NAME + ", or leave it out.");
        }
        return value;
    }

    /** {@return the channel's name} */
    public String channel() {
        return channel;
    }

    /** {@return the payload as it was given, possibly {@code null}} */
    public @Nullable Object payload() {
        return payload;
    }

    /** {@return the metadata, unmodifiable, possibly with {@code null} values} */
    public Map<String, Object> metadata() {
        return metadata;
    }

    /** {@return the type, or {@code null} for none} */
    public @Nullable String type() {
        return type;
    }

    /** {@return the key that orders this event, or {@code null} for none} */
    public @Nullable String key() {
        return key;
    }

    /** {@return the given or derived id, or {@code null} if the channel shall choose one} */
    public @Nullable UUID id() {
        return id;
    }

    /** {@return how long the event waits before it is due; zero for at once or when a time is set} */
    public Duration delay() {
        return delay;
    }

    /** {@return when the event is due, or {@code null} if a delay decides} */
    public @Nullable Instant deliverAt() {
        return deliverAt;
    }

    /** {@return channel, type, key and id; never the payload} */
    @Override
    public String toString() {
        return "Event[channel=" + channel + ", type=" + type + ", key=" + key + ", id=" + id + "]";
    }
}
