package dev.reactiveevents.r2dbc.dialect;

import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.Iterator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The text of a statement on Oracle: <code>${table}</code> and its like are names, <code>${now}</code> is the time of the
 * statement in UTC whatever the session's zone is, <code>${micros:…}</code> an interval as microseconds, and what begins with
 * a colon is bound.
 */
final class OracleText {

    private static final String NOW = "SYS_EXTRACT_UTC(SYSTIMESTAMP)";
    private static final Pattern MICROS = Pattern.compile("\\$\\{micros:([^}]+)}");
    private static final String MANY = "${many}";

    /** Few different texts, because each is parsed anew. */
    private static final int[] SIZES = {1, 8, 64, 512};

    /** By default the driver asks for the next rows after ten. */
    private static final int FETCH_SIZE = 512;

    /** How many values the list of one statement can have. */
    static final int MOST = SIZES[SIZES.length - 1];

    /** What is later than that has no place in a column, and never comes either. */
    private static final long LONGEST_SECONDS = Duration.ofDays(365_000).toSeconds();

    private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59.999999Z");

    private final String sql;

    OracleText(QueueTable table, String template) {
        String timed = MICROS.matcher(template).replaceAll(found -> Matcher.quoteReplacement(micros(found.group(1))));
        this.sql = table.fill(timed.replace("${now}", NOW)).strip();
    }

    /** In decimals, as all numbers of Oracle are: H2, in its mode for Oracle, would overflow at 36 minutes. */
    private static String micros(String interval) {
        return "(EXTRACT(DAY FROM " + interval + ") * 86400000000 + (EXTRACT(HOUR FROM " + interval
                + ") * 3600 + EXTRACT(MINUTE FROM " + interval + ") * 60 + EXTRACT(SECOND FROM " + interval
                + ")) * 1000000.0)";
    }

    Statement on(Connection connection) {
        return on(connection, sql);
    }

    private static Statement on(Connection connection, String sql) {
        return connection.createStatement(sql).fetchSize(FETCH_SIZE);
    }

    /**
     * The statement for a list of values, which stands where the template says <code>${many}</code>. A list that is shorter
     * than its text repeats its last value.
     *
     * @param each what stands for one value, with a <code>${value}</code> for its bind
     * @param between what stands between two
     */
    Statement on(Connection connection, Collection<String> values, String each, String between) {
        int size = sizeFor(values.size());
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < size; i++) {
            many.append(i == 0 ? "" : between).append(each.replace("${value}", ":v" + i));
        }
        Statement statement = on(connection, sql.replace(MANY, many));
        Iterator<String> rest = values.iterator();
        String value = "";
        for (int i = 0; i < size; i++) {
            value = rest.hasNext() ? rest.next() : value;
            statement.bind("v" + i, value);
        }
        return statement;
    }

    private static int sizeFor(int values) {
        for (int size : SIZES) {
            if (values <= size) {
                return size;
            }
        }
        throw new IllegalArgumentException("A list of " + values + " values is too long for one statement.");
    }

    /** For {@code NUMTODSINTERVAL}, in whole microseconds as times are stored. */
    static BigDecimal seconds(Duration duration) {
        return duration.toSeconds() >= LONGEST_SECONDS
                ? BigDecimal.valueOf(LONGEST_SECONDS)
                : BigDecimal.valueOf(Sql.micros(duration), 6);
    }

    static LocalDateTime time(Instant time) {
        return LocalDateTime.ofInstant(time.isAfter(LATEST) ? LATEST : time, ZoneOffset.UTC);
    }
}
