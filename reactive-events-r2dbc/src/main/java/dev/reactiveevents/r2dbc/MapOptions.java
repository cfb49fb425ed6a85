package dev.reactiveevents.r2dbc;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.EventException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Options by the names that the systems we follow give them, as they stand in configuration files. */
final class MapOptions {

    private static final Map<String, BiConsumer<R2dbcEventChannelBuilder, Object>> KNOWN = Map.of(
            "events_backend", (builder, value) -> builder.backend(backend(value)),
            "queue_table", (builder, value) -> builder.queueTable(text("queue_table", value)),
            "lease_seconds", (builder, value) -> builder.lease(seconds("lease_seconds", value, 0.1)),
            "listener_queue_capacity", (builder, value) -> builder.prefetch(count("listener_queue_capacity", value)),
            "dead_retention_seconds",
                    (builder, value) -> builder.deadRetention(seconds("dead_retention_seconds", value, 1)),
            "retention_seconds", (builder, value) -> builder.retention(seconds("retention_seconds", value, 0)),
            "dead_letter_keys", (builder, value) -> builder.deadLetterKeys(deadLetterKeys(value)),
            "poll_interval", (builder, value) -> builder.pollInterval(seconds("poll_interval", value, 0.001)),
            "portal_bridge", (builder, value) -> builder.blocking(truth("portal_bridge", value)));

    private static final Map<String, BiConsumer<R2dbcEventChannelBuilder, Object>> OF_ORACLE = Map.of(
            "in_memory", (builder, value) -> builder.inMemory(truth("in_memory", value)),
            "aq_queue", (builder, value) -> builder.queue(text("aq_queue", value)),
            "aq_wait_seconds",
                    (builder, value) -> builder.queueWait(Duration.ofSeconds(count("aq_wait_seconds", value))),
            "aq_visibility", (builder, value) -> builder.queueImmediately(immediately(value)));

    private static final double LONGEST_SECONDS = 1e9;

    private MapOptions() {}

    static void apply(Map<String, ?> options, R2dbcEventChannelBuilder builder) {
        options.forEach((key, value) -> apply(key, value, builder));
    }

    private static void apply(String key, @Nullable Object value, R2dbcEventChannelBuilder builder) {
        BiConsumer<R2dbcEventChannelBuilder, Object> known = KNOWN.getOrDefault(key, OF_ORACLE.get(key));
        if (value == null) {
            throw invalid(key, null, "a value, or no such key");
        } else if (known != null) {
            known.accept(builder, value);
        } else if (key.equals("fillfactor") || key.startsWith("autovacuum_")) {
            builder.setting(key, number(key, value, "a number"));
        } else {
            throw new EventException.Invalid("The option " + key + " is unknown; known are "
                    + new TreeSet<>(KNOWN.keySet()) + ", fillfactor and autovacuum_…, and of Oracle "
                    + new TreeSet<>(OF_ORACLE.keySet()) + ".");
        }
    }

    private static BackendType backend(Object value) {
        if (value instanceof BackendType backend) {
            return backend;
        }
        return Arrays.stream(BackendType.values())
                .filter(backend -> backend.optionName().equals(value))
                .findAny()
                .orElseThrow(() -> invalid(
                        "events_backend",
                        value,
                        "one of "
                                + Arrays.stream(BackendType.values())
                                        .map(BackendType::optionName)
                                        .collect(Collectors.joining(", "))));
    }

    private static boolean immediately(Object value) {
        if (value.equals("immediate") || value.equals("on_commit")) {
            return value.equals("immediate");
        }
        throw invalid("aq_visibility", value, "on_commit or immediate");
    }

    private static DeadLetterKeys deadLetterKeys(Object value) {
        if (value instanceof DeadLetterKeys deadLetterKeys) {
            return deadLetterKeys;
        }
        return Arrays.stream(DeadLetterKeys.values())
                .filter(meaning -> meaning.name().toLowerCase(Locale.ROOT).equals(value))
                .findAny()
                .orElseThrow(() -> invalid("dead_letter_keys", value, "free or park"));
    }

    private static String text(String key, Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw invalid(key, value, "a string");
    }

    private static boolean truth(String key, Object value) {
        if (value instanceof Boolean truth) {
            return truth;
        }
        throw invalid(key, value, "true or false");
    }

    private static Duration seconds(String key, Object value, double least) {
        String range = "a number of seconds, at least " + (least == 0 ? "0" : Double.toString(least));
        double seconds = number(key, value, range).doubleValue();
        if (!(seconds >= least && seconds <= LONGEST_SECONDS)) {
            throw invalid(key, value, range);
        }
        return Duration.ofNanos(Math.round(seconds * 1e9));
    }

    private static int count(String key, Object value) {
        String range = "a whole number, at least 1";
        double count = number(key, value, range).doubleValue();
        if (!(count >= 1 && count <= Integer.MAX_VALUE && count == Math.rint(count))) {
            throw invalid(key, value, range);
        }
        return (int) count;
    }

    private static Number number(String key, Object value, String range) {
        if (value instanceof Number number) {
            return number;
        }
        throw invalid(key, value, range);
    }

    private static EventException.Invalid invalid(String key, @Nullable Object value, String range) {
        return new EventException.Invalid("The option " + key + " was " + shown(value) + "; give " + range + ".");
    }

    private static String shown(@Nullable Object value) {
        return value instanceof String text ? '"' + text + '"' : String.valueOf(value);
    }
}
