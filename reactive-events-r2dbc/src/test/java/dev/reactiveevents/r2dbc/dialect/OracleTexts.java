package dev.reactiveevents.r2dbc.dialect;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Every text that the dialect can produce for a table: those that its objects hold, wherever they hold them. */
public final class OracleTexts {

    private final OracleDialect dialect = new OracleDialect();
    private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Set<String> found = new TreeSet<>();

    public static List<String> of(QueueTable table) {
        OracleTexts texts = new OracleTexts();
        for (Duration retention : List.of(Duration.ZERO, Duration.ofDays(1))) {
            QueueStatements statements = texts.dialect.statements(table, retention);
            texts.collect(statements);
            texts.collect(texts.dialect.transactions(table, statements));
        }
        texts.collect(texts.dialect.upkeep(table));
        AdvancedQueueStatements queues = texts.dialect.advancedQueue(table);
        texts.collect(queues);
        for (String queue : List.of("reactive_events_queue", "app.shop")) {
            texts.found.add(queues.create(AdvancedQueue.of(queue), 9));
            texts.found.add(queues.drop(AdvancedQueue.of(queue)));
        }
        texts.collect(texts.dialect);
        texts.found.add(texts.dialect.dropTable(table.fill("${table}")));
        for (String settings : List.of("", "in_memory = 1")) {
            texts.found.addAll(migrations(texts.dialect, table, settings));
        }
        return List.copyOf(texts.found);
    }

    static List<String> migrations(OracleDialect dialect, QueueTable table, String settings) {
        return dialect.migrations().stream()
                .map(OracleTexts::read)
                .map(file -> table.fill(file.replace("${settings}", settings)))
                .flatMap(file -> dialect.statements(file).stream())
                .toList();
    }

    private static String read(String resource) {
        try (InputStream file = OracleDialect.class.getResourceAsStream(resource)) {
            return new String(Objects.requireNonNull(file).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private void collect(Object holder) {
        if (holder instanceof Map<?, ?> map) {
            map.values().forEach(this::collect);
        } else if (holder.getClass().getName().contains("dialect.Oracle") && seen.add(holder)) {
            fields(holder.getClass()).forEach(field -> collect(holder, field));
        }
    }

    private static List<Field> fields(Class<?> type) {
        return List.of(type.getDeclaredFields());
    }

    private void collect(Object holder, Field field) {
        try {
            field.setAccessible(true);
            Object value = field.get(holder);
            if (holder instanceof OracleText
                    && value instanceof String sql
                    && !Modifier.isStatic(field.getModifiers())) {
                found.addAll(withLists(sql));
            } else if (holder instanceof OracleDialect && value instanceof String sql && sql.contains("SELECT")) {
                found.add(sql);
            } else if (value != null && !Modifier.isStatic(field.getModifiers())) {
                collect(value);
            }
        } catch (IllegalAccessException unreadable) {
            throw new AssertionError(unreadable);
        }
    }

    private static List<String> withLists(String sql) {
        if (!sql.contains("${many}")) {
            return List.of(sql);
        }
        boolean keys = sql.contains("(${many}) k");
        String each = keys ? OracleClaimSql.ONE_KEY : "${value}";
        List<String> texts = new ArrayList<>();
        for (int size : new int[] {1, 8}) {
            texts.add(sql.replace(
                    "${many}",
                    IntStream.range(0, size)
                            .mapToObj(i -> each.replace("${value}", ":v" + i))
                            .collect(Collectors.joining(keys ? " UNION ALL " : ", "))));
        }
        return texts;
    }
}
