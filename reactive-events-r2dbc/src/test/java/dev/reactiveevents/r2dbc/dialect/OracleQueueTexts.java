package dev.reactiveevents.r2dbc.dialect;

import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** The texts for Advanced Queuing as they are sent, for a model that answers them and no others. */
public final class OracleQueueTexts {

    private static final Pattern QUEUE = Pattern.compile("START_QUEUE\\(queue_name => '([^']*)'");
    private static final Pattern TABLE = Pattern.compile("queue_table => '([^']*)_T'");
    private static final Pattern RETRIES = Pattern.compile("max_retries => (\\d+)");

    private OracleQueueTexts() {}

    public static boolean isEnqueue(String sql) {
        return sql.equals(OracleQueueSql.ENQUEUE.strip());
    }

    public static boolean isDequeue(String sql) {
        return sql.equals(OracleQueueSql.DEQUEUE_ANY.strip()) || sql.equals(OracleQueueSql.DEQUEUE_OF.strip());
    }

    public static boolean isRemove(String sql) {
        return sql.equals(OracleQueueSql.REMOVE.strip());
    }

    public static boolean isStarted(String sql) {
        return sql.equals(OracleQueueSql.STARTED.strip());
    }

    /** {@return whether a text makes this queue, or none} */
    public static MatchResult created(String sql) {
        MatchResult queue = found(QUEUE, sql);
        MatchResult retries = found(RETRIES, sql);
        return queue != null
                        && retries != null
                        && sql.equals(new OracleQueue(QueueTable.of("queue"))
                                .create(AdvancedQueue.of(queue.group(1)), Integer.parseInt(retries.group(1))))
                ? queue
                : null;
    }

    public static int maxRetries(String created) {
        return Integer.parseInt(found(RETRIES, created).group(1));
    }

    /** {@return the queue that a text drops, or none} */
    public static MatchResult dropped(String sql) {
        MatchResult queue = found(TABLE, sql);
        return queue != null
                        && sql.equals(new OracleQueue(QueueTable.of("queue")).drop(AdvancedQueue.of(queue.group(1))))
                ? queue
                : null;
    }

    private static MatchResult found(Pattern pattern, String sql) {
        return pattern.matcher(sql).results().findFirst().orElse(null);
    }
}
