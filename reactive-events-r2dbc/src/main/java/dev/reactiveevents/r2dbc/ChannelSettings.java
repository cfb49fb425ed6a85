package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What a builder was told, or else the defaults; what is null is the dialect's to say. A bad value fails where it is given. */
final class ChannelSettings {

    private static final Duration LONGEST_RETENTION = Duration.ofDays(36_525);

    final ConnectionFactory connectionFactory;
    final Map<String, Number> ofTable = new LinkedHashMap<>();

    @Nullable
    Dialect dialect;

    @Nullable
    BackendType backend;

    boolean fallback = true;
    QueueTable table = new QueueTable(null, "reactive_event_queue");
    Duration retention = Duration.ofHours(24);

    @Nullable
    Duration deadRetention;

    String consumerName = thisProcess();
    ChannelOptions options = ChannelOptions.defaults();

    @Nullable
    ConnectionFactory listenerConnections;

    Duration probeInterval = Duration.ofSeconds(30);

    @Nullable
    Duration lease;

    @Nullable
    Duration pollInterval;

    boolean wakeOnCommit = true;
    boolean retentionGiven;
    boolean retryPolicyGiven;
    boolean prefetchGiven;
    QueueNames queueNames = new QueueNames("reactive_events_queue");
    Duration queueWait = Duration.ofSeconds(5);
    boolean queueImmediately;
    boolean queueOptionsGiven;

    ChannelSettings(ConnectionFactory connectionFactory) {
        if (connectionFactory == null) {
            throw new EventException.Invalid("The connection factory of a channel was null; give the database's.");
        }
        this.connectionFactory = connectionFactory;
    }

    /** Does not ask for the host's name, which may ask the network. */
    private static String thisProcess() {
        String host = System.getenv("HOSTNAME");
        return (host == null ? "" : host + '-') + ProcessHandle.current().pid();
    }

    static <T> T require(String what, @Nullable T value) {
        if (value == null) {
            throw new EventException.Invalid("The " + what + " of a channel was null; give one, or leave it out.");
        }
        return value;
    }

    void change(UnaryOperator<ChannelOptions> change) {
        options = change.apply(options);
    }

    void retention(Duration retention) {
        if (retention == null || retention.isNegative() || retention.compareTo(LONGEST_RETENTION) > 0) {
            throw new EventException.Invalid(
                    "The retention of a channel was " + retention + "; give a duration from zero to a hundred years.");
        }
        this.retention = retention;
        this.retentionGiven = true;
    }

    void deadRetention(Duration deadRetention) {
        if (deadRetention == null
                || deadRetention.compareTo(Duration.ofSeconds(1)) < 0
                || deadRetention.compareTo(LONGEST_RETENTION) > 0) {
            throw new EventException.Invalid("The retention of a channel's dead letters was " + deadRetention
                    + "; give a duration from one second to a hundred years, or leave it out to keep them.");
        }
        this.deadRetention = deadRetention;
    }

    void consumerName(String consumerName) {
        if (require("consumer name", consumerName).isBlank()) {
            throw new EventException.Invalid("The consumer name of a channel was blank; give one, or leave it out.");
        }
        this.consumerName = consumerName;
    }

    void probeInterval(Duration probeInterval) {
        if (probeInterval == null
                || probeInterval.compareTo(Duration.ofMillis(100)) < 0
                || probeInterval.compareTo(Duration.ofDays(1)) > 0) {
            throw new EventException.Invalid("The probe interval of a channel was " + probeInterval
                    + "; give a duration from 100 ms to one day.");
        }
        this.probeInterval = probeInterval;
    }

    void autovacuum(String parameter, Number value) {
        if (!require("autovacuum parameter", parameter).startsWith("autovacuum_")) {
            throw new EventException.Invalid("The autovacuum parameter " + parameter
                    + " does not begin with autovacuum_; give a storage parameter of PostgreSQL.");
        }
        ofTable.put(parameter, require(parameter, value));
    }

    void inMemory(boolean inMemory) {
        if (inMemory) {
            ofTable.put("in_memory", 1);
        } else {
            ofTable.remove("in_memory");
        }
    }

    void queue(String queue) {
        queueNames = new QueueNames(require("queue", queue));
        queueOptionsGiven = true;
    }

    void queueWait(Duration queueWait) {
        if (queueWait == null || queueWait.getNano() != 0 || queueWait.toSeconds() < 1 || queueWait.toSeconds() > 60) {
            throw new EventException.Invalid(
                    "The wait of a dequeue was " + queueWait + "; give whole seconds, from 1 to 60.");
        }
        this.queueWait = queueWait;
        queueOptionsGiven = true;
    }

    void queueImmediately(boolean queueImmediately) {
        this.queueImmediately = queueImmediately;
        queueOptionsGiven = true;
    }
}
