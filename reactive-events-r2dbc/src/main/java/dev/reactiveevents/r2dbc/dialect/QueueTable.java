package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.EventException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The name of the table that holds a queue, and the names of what stands beside it. All are quoted, so that a name is taken
 * letter by letter and may be a keyword.
 *
 * @param schema its schema; {@code null} for the connection's own
 * @param name its name
 */
public record QueueTable(@Nullable String schema, String name) {

    /** Leaves room for suffixes within the 63 bytes of PostgreSQL. */
    private static final Pattern RULE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,47}");

    /** Names that stand beside a queue. {@code IF NOT EXISTS} would take another queue for an index of this one. */
    private static final Pattern BESIDE =
            Pattern.compile(".*_(maintenance|claim|suspect|acked|dead|keys|keyed|held|parked)");

    /** Names that statements give to rows and parts of themselves: there it would be one of these and not the table. */
    private static final Pattern WITHIN = Pattern.compile(
            "[a-z]|applied|channels|counted|counts|dead|died|due|early|expired|first_one|head|held|keyed|leased"
                    + "|leased_with_key|looked_at|request|rest|seen|settled|shared|suspected|turn|unkeyed|walk|walked"
                    + "|with_key|without_key",
            Pattern.CASE_INSENSITIVE);

    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{(table|name)(?::([a-z]+))?}");

    /** Validates. */
    public QueueTable {
        if (schema != null) {
            requireValid(schema);
        }
        requireValid(name);
        requireFree(name);
    }

    /**
     * Reads a name as it stands in options.
     *
     * @param queueTable {@code table} or {@code schema.table}
     * @return the name
     * @throws EventException.Invalid if it is not valid
     */
    public static QueueTable of(@Nullable String queueTable) {
        if (queueTable == null) {
            throw invalid("null");
        }
        int dot = queueTable.indexOf('.');
        return dot < 0
                ? new QueueTable(null, queueTable)
                : new QueueTable(queueTable.substring(0, dot), queueTable.substring(dot + 1));
    }

    private static void requireValid(String identifier) {
        if (!RULE.matcher(identifier).matches()) {
            throw invalid('"' + (identifier.length() > 80 ? identifier.substring(0, 80) + "…" : identifier) + '"');
        }
    }

    private static void requireFree(String name) {
        if (BESIDE.matcher(name).matches()) {
            throw new EventException.Invalid("The name \"" + name + "\" of a queue table ends like the indexes and the"
                    + " small table beside one; use a name that does not end in _claim, _suspect, _acked, _dead, _keys,"
                    + " _keyed, _held, _parked or _maintenance.");
        }
        if (WITHIN.matcher(name).matches()) {
            throw new EventException.Invalid(
                    "The name \"" + name + "\" of a queue table is one that the statements on it"
                            + " use for something else; use another, such as " + name + "_events.");
        }
    }

    private static EventException.Invalid invalid(String identifier) {
        return new EventException.Invalid(
                "The name " + identifier + " of a queue table or its schema is not valid; use a"
                        + " letter or underscore, then letters, digits or '_', at most 48 characters in all.");
    }

    /**
     * Puts names into SQL, in double quotes, as {@link #fill(String, char)} does.
     *
     * @param template the SQL
     * @return the SQL with names
     */
    public String fill(String template) {
        return fill(template, '"');
    }

    /**
     * Puts names into SQL: for <code>${table}</code> the queue table, for <code>${table:suffix}</code> what stands beside
     * it, both with their schema; for <code>${name:suffix}</code> the same without.
     *
     * @param template the SQL
     * @param quote what names are quoted with
     * @return the SQL with names
     */
    public String fill(String template, char quote) {
        return PLACEHOLDER
                .matcher(template)
                .replaceAll(found -> Matcher.quoteReplacement(name(found.group(1), found.group(2), quote)));
    }

    private String name(String what, @Nullable String suffix, char quote) {
        String quoted = quote + (suffix == null ? name : name + '_' + suffix) + quote;
        return what.equals("name") || schema == null ? quoted : quote + schema + quote + "." + quoted;
    }

    /** {@return the name as it is given in options} */
    @Override
    public String toString() {
        return schema == null ? name : schema + "." + name;
    }
}
