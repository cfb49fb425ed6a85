package dev.reactiveevents.r2dbc.dialect;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The text of a statement on MySQL and MariaDB: <code>${table}</code> and its like are names, <code>${micros:…}</code> is a
 * time as microseconds since 1970, <code>${now}</code> the time of the statement, and what begins with a colon is a value.
 */
final class MySqlText {

    static final char QUOTE = '`';

    /** Whatever the zone of the session, and fixed while a statement runs. */
    static final String NOW = "UTC_TIMESTAMP(6)";

    private static final Pattern MICROS = Pattern.compile("\\$\\{micros:([^}]+)}");
    private static final Pattern VALUE = Pattern.compile("(?<![a-z]):([a-z]+)");

    private final List<String> texts = new ArrayList<>();
    private final List<String> names = new ArrayList<>();

    MySqlText(QueueTable table, String template) {
        String micros = MICROS.matcher(template.replace("${now}", NOW))
                .replaceAll("TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', $1)");
        Matcher value = VALUE.matcher(micros);
        int end = 0;
        while (value.find()) {
            texts.add(filled(table, micros.substring(end, value.start())));
            names.add(value.group(1));
            end = value.end();
        }
        texts.add(filled(table, micros.substring(end)));
    }

    /** Without line breaks and indents, because the driver reads through the text each time. */
    private static String filled(QueueTable table, String text) {
        return table.fill(text, QUOTE).replaceAll("\\s+", " ");
    }

    /** The statement with these values; each that it names must be there. */
    Composed with(Map<String, ?> values) {
        return addTo(new Composed(), values);
    }

    /** A time in SQL, from microseconds since 1970. */
    static String time(long micros) {
        return "TIMESTAMP'1970-01-01 00:00:00' + INTERVAL " + micros + " MICROSECOND";
    }

    /** A key as it is stored and compared: by its bytes, so that nothing is equal but what is the same. */
    static byte @Nullable [] bytes(@Nullable String key) {
        return key == null ? null : key.getBytes(StandardCharsets.UTF_8);
    }

    /** These values and another one. */
    static Map<String, Object> more(Map<String, Object> values, String name, Object value) {
        Map<String, Object> more = new HashMap<>(values);
        more.put(name, value);
        return more;
    }

    Composed addTo(Composed composed, Map<String, ?> values) {
        composed.text(texts.get(0));
        for (int i = 0; i < names.size(); i++) {
            if (!values.containsKey(names.get(i))) {
                throw new IllegalArgumentException("No value is given for :" + names.get(i) + ".");
            }
            composed.value(values.get(names.get(i))).text(texts.get(i + 1));
        }
        return composed;
    }
}
