package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.EventException;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The name of a queue of Oracle's Advanced Queuing, and the names of what stands beside it. They are in capitals, as Oracle keeps
 * names that are not quoted.
 *
 * @param owner the user who owns it; {@code null} for the connection's own
 * @param name its name
 */
public record AdvancedQueue(@Nullable String owner, String name) {

    /** Leaves room within 30 characters for the {@code AQ$_…_T_E} of the exception queue. */
    private static final Pattern NAME = Pattern.compile("[A-Z][A-Z0-9_]{0,21}");

    private static final Pattern OWNER = Pattern.compile("[A-Z][A-Z0-9_]{0,127}");

    /** Validates. */
    public AdvancedQueue {
        if (owner != null && !OWNER.matcher(owner).matches()
                || !NAME.matcher(name).matches()) {
            throw new EventException.Invalid("The name \"" + (owner == null ? "" : owner + ".") + name
                    + "\" of a queue is not valid; use a letter, then letters, digits or '_', at most 22 characters in all,"
                    + " after the owner and a dot if it is another user's.");
        }
    }

    /**
     * Reads a name as it stands in options.
     *
     * @param text {@code queue} or {@code owner.queue}, in letters of any size
     * @return the name
     * @throws EventException.Invalid if it is not valid
     */
    public static AdvancedQueue of(String text) {
        String name = text.toUpperCase(Locale.ROOT);
        int dot = name.indexOf('.');
        return dot < 0
                ? new AdvancedQueue(null, name)
                : new AdvancedQueue(name.substring(0, dot), name.substring(dot + 1));
    }

    /** {@return the table that holds it} */
    public String table() {
        return owned(name + "_T");
    }

    /** {@return the queue for what was rolled back too often, which Oracle makes with the table} */
    public String exceptions() {
        return owned("AQ$_" + name + "_T_E");
    }

    private String owned(String object) {
        return owner == null ? object : owner + '.' + object;
    }

    /** {@return the name as Oracle is given it} */
    @Override
    public String toString() {
        return owned(name);
    }
}
