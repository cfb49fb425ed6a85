package dev.reactiveevents.r2dbc.dialect;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Values in the text of a statement. No quote in one can end it, however the server reads quotes. */
final class PostgresLiteral {

    private PostgresLiteral() {}

    /** Of a number, a truth, an id, a text, or an array of them. */
    static String of(@Nullable Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) {
            return String.valueOf(value); // null is NULL, in whatever letters
        } else if (value instanceof String text) {
            return text(text);
        } else if (value instanceof String[] texts) {
            return text(Arrays.stream(texts).map(PostgresLiteral::element).collect(Collectors.joining(",", "{", "}")))
                    + "::text[]";
        } else if (value instanceof Object[] array) {
            return Arrays.stream(array).map(String::valueOf).collect(Collectors.joining(",", "'{", "}'"));
        }
        return "'" + value + "'";
    }

    private static String text(String text) {
        return "convert_from(decode('" + HexFormat.of().formatHex(text.getBytes(UTF_8)) + "', 'hex'), 'UTF8')";
    }

    private static String element(@Nullable String text) {
        return text == null ? "NULL" : '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
