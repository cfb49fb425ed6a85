package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.SchemaSetting;
import io.r2dbc.spi.ConnectionFactory;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which dialect serves a database, and what it allows. */
final class Dialects {

    private Dialects() {}

    /** A pool reports the name of the driver it holds. */
    static Dialect serving(ConnectionFactory connectionFactory) {
        return serving(connectionFactory, Dialect.class.getClassLoader());
    }

    static Dialect serving(ConnectionFactory connectionFactory, @Nullable ClassLoader loader) {
        String product = connectionFactory.getMetadata().getName();
        List<String> known = new ArrayList<>();
        for (Dialect dialect : ServiceLoader.load(Dialect.class, loader)) {
            if (dialect.serves(product)) {
                return dialect;
            }
            known.add(dialect.name());
        }
        throw new EventException.Misconfigured(
                "The connection factory is for \"" + product + "\", which no dialect serves; known are "
                        + String.join(", ", known) + ". Give one by R2dbcEventChannel.builder(…).dialect(…).",
                null);
    }

    /** The settings of the queue table as they stand in its DDL. */
    static String settings(Dialect dialect, Map<String, Number> given) {
        List<SchemaSetting> known = dialect.settings();
        given.forEach((name, value) -> requireAllowed(dialect, known, name, value));
        return known.stream()
                .map(setting -> ddl(setting, given.getOrDefault(setting.name(), setting.standard())))
                .filter(ddl -> !ddl.isEmpty())
                .collect(Collectors.joining(", "));
    }

    private static void requireAllowed(Dialect dialect, List<SchemaSetting> known, String name, Number value) {
        SchemaSetting setting = known.stream()
                .filter(candidate -> candidate.name().equals(name))
                .findAny()
                .orElseThrow(() -> unknown(dialect, known, name));
        if (!setting.allows(value)) {
            throw new EventException.Invalid(
                    "The option " + name + " was " + value + "; give " + setting.range() + ".");
        }
    }

    private static EventException unknown(Dialect dialect, List<SchemaSetting> known, String name) {
        return known.isEmpty()
                ? new EventException.Unsupported("The option " + name + " was set, but tables have no such settings on "
                        + dialect.name() + "; leave it out.")
                : new EventException.Invalid("The option " + name + " is unknown on " + dialect.name() + "; known are "
                        + known.stream().map(SchemaSetting::name).collect(Collectors.joining(", ")) + ".");
    }

    private static String ddl(SchemaSetting setting, @Nullable Number value) {
        return value == null
                ? ""
                : setting.name() + " = "
                        + BigDecimal.valueOf(value.doubleValue())
                                .stripTrailingZeros()
                                .toPlainString();
    }
}
