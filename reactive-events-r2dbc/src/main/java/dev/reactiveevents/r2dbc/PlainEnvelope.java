package dev.reactiveevents.r2dbc;

import dev.reactiveevents.spi.ClaimedEvent;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads an envelope letter by letter as {@link Envelope} writes it, if it has no metadata and a type without escapes: a parser
 * takes several times as long. The payload is what is left; if it is no JSON, whoever decodes it is told.
 */
final class PlainEnvelope {

    private static final int LENGTH_OF_ID = 36;
    private static final String NULL = "null";

    private final String text;
    private int at;

    PlainEnvelope(String text) {
        this.text = text;
    }

    /** {@code null} if it is not of this kind. Fails with the exceptions of ids and times that are none. */
    @Nullable
    ClaimedEvent read(String channel) {
        if (!text.endsWith("}") || !skip(Envelope.ID)) {
            return null;
        }
        String id = take(LENGTH_OF_ID);
        if (id == null || !skip(Envelope.PUBLISHED_AT)) {
            return null;
        }
        String publishedAt = take(Envelope.SHAPE.length());
        if (publishedAt == null || !skip(Envelope.TYPE)) {
            return null;
        }
        boolean untyped = skip(NULL);
        String type = untyped ? null : takeString();
        if (type == null && !untyped || !skip(Envelope.METADATA) || !skip(NULL) || !skip(Envelope.PAYLOAD)) {
            return null;
        }
        String payload = text.substring(at, text.length() - 1);
        return Envelope.event(UUID.fromString(id), channel, type, payload, null, Envelope.instant(publishedAt));
    }

    private boolean skip(String expected) {
        boolean there = text.startsWith(expected, at);
        at += there ? expected.length() : 0;
        return there;
    }

    private @Nullable String take(int length) {
        int start = at;
        at += length;
        return at <= text.length() ? text.substring(start, at) : null;
    }

    /** Without quotes; {@code null} if it is no string, or has escapes. */
    private @Nullable String takeString() {
        if (!skip("\"")) {
            return null;
        }
        int end = text.indexOf('"', at);
        String string = end < 0 ? null : take(end - at);
        return string == null || string.indexOf('\\') >= 0 || !skip("\"") ? null : string;
    }
}
