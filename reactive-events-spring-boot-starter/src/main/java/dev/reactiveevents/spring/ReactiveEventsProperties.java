package dev.reactiveevents.spring;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.r2dbc.BackendType;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.convert.DurationUnit;

/**
 * {@code reactive-events.*}: the options of the channel's builder by their names, and what the starter does beside. Durations
 * without a unit are in seconds. What is not set is as the builder has it; names that are unknown are refused.
 *
 * @param enabled Whether there is a channel at all.
 * @param backend Where events live. PostgreSQL's default, listen_notify, keeps no events.
 * @param fallback Whether a backend that the kind of database lacks is replaced by table_queue, with a warning.
 * @param queueTable The table, optionally schema.table.
 * @param lease How long a message is its consumer's, from its hand-over.
 * @param retention How long acknowledged events are kept; zero deletes them as they are acknowledged.
 * @param deadRetention How long dead letters are kept; without it until they are requeued or purged.
 * @param pollInterval How long until events of other processes are noticed without a notification.
 * @param probeInterval How often it is tried whether notifications arrive.
 * @param prefetch Most events claimed and unsettled for each subscription.
 * @param claimBatch Most events that one claim takes.
 * @param maxAttempts Deliveries before an event becomes a dead letter.
 * @param retry When an event that failed comes again.
 * @param deadLetterKeys Whether a dead letter holds back the later events of its key.
 * @param publishTimeout How long a publish waits for its turn, and the database's time to answer.
 * @param shutdownTimeout How long the end of the channel waits for messages in hand.
 * @param blocking Whether code that blocks may use the channel, and whether there is a BlockingEventChannel if the bridge is
 *     on the class path.
 * @param consumerName What stands beside events that this application leases, for people.
 * @param wakeOnCommit Whether R2dbcEventChannel.in(connection) notifies with the caller's commit.
 * @param queue The queue of Oracle's Advanced Queuing, optionally owner.queue, with {channel} in it one for each channel.
 * @param queueWait For how long a dequeue waits before it is asked again, in whole seconds.
 * @param queueImmediately Whether what is published in a transaction is in the queue at once, whatever becomes of it.
 * @param inMemory Whether Oracle keeps the table in its In-Memory column store too, when it is created.
 * @param fillfactor How full PostgreSQL packs the table's pages, when it is created.
 * @param autovacuum Storage parameters of PostgreSQL, such as autovacuum_vacuum_scale_factor, when the table is created.
 * @param schema The tables.
 * @param listeners The application's listeners.
 * @param gauges Gauges of what is stored.
 * @param health When the application is healthy.
 * @param endpoint The Actuator endpoint.
 */
@ConfigurationProperties(prefix = "reactive-events", ignoreUnknownFields = false)
public record ReactiveEventsProperties(
        @DefaultValue("true") boolean enabled,
        @Nullable BackendType backend,
        @Nullable Boolean fallback,
        @Nullable String queueTable,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration lease,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration retention,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration deadRetention,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration pollInterval,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration probeInterval,
        @Nullable Integer prefetch,
        @Nullable Integer claimBatch,
        @Nullable Integer maxAttempts,
        @DefaultValue Retry retry,
        @Nullable DeadLetterKeys deadLetterKeys,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration publishTimeout,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration shutdownTimeout,
        @Nullable Boolean blocking,
        @Nullable String consumerName,
        @Nullable Boolean wakeOnCommit,
        @Nullable String queue,
        @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration queueWait,
        @Nullable Boolean queueImmediately,
        @Nullable Boolean inMemory,
        @Nullable Integer fillfactor,
        @DefaultValue Map<String, Double> autovacuum,
        @DefaultValue Schema schema,
        @DefaultValue Listeners listeners,
        @DefaultValue Gauges gauges,
        @DefaultValue Health health,
        @DefaultValue Endpoint endpoint) {

    /**
     * When an event that failed comes again: after twice as long each time, with jitter.
     *
     * @param first The delay after the first failure.
     * @param longest The longest delay.
     */
    public record Retry(
            @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration first,
            @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration longest) {}

    /**
     * The tables.
     *
     * @param migrate What happens to the tables when the application starts, before anything uses the channel.
     */
    public record Schema(@DefaultValue("false") Migrate migrate) {}

    /** What happens to the tables when the application starts. */
    public enum Migrate {
        /** They are created, or brought up to date; any number of processes may do so at once. */
        TRUE,
        /** Nothing. */
        FALSE,
        /** The application does not start if they are not there or too old. */
        VALIDATE
    }

    /**
     * The application's listeners.
     *
     * @param autoStartup Whether they start with the application.
     * @param readyTimeout How long the start waits for them; then it goes on, and they keep trying.
     * @param shutdownTimeout How long handlers at work have when the application stops; by default nine tenths of
     *     spring.lifecycle.timeout-per-shutdown-phase.
     */
    public record Listeners(
            @DefaultValue("true") boolean autoStartup,

            @DurationUnit(ChronoUnit.SECONDS) @DefaultValue("10s")
            Duration readyTimeout,

            @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration shutdownTimeout) {

        /** Checks what it is given. */
        public Listeners {
            requireNotNegative("listeners.ready-timeout", readyTimeout);
            requireNotNegative("listeners.shutdown-timeout", shutdownTimeout);
        }
    }

    /**
     * Gauges of what is stored. One process of those that share a database is enough.
     *
     * @param channels The channels that have them.
     * @param interval How long to wait between one look and the next.
     */
    public record Gauges(
            @DefaultValue List<String> channels,

            @DurationUnit(ChronoUnit.SECONDS) @DefaultValue("15s")
            Duration interval) {}

    /**
     * When the application is healthy.
     *
     * @param oldestReady For how long an event of the channels that are listened to may be ready before this is down, whether
     *     or not its key holds it back. Without it the database is not asked.
     */
    public record Health(
            @DurationUnit(ChronoUnit.SECONDS) @Nullable Duration oldestReady) {

        /** Checks what it is given. */
        public Health {
            requireNotNegative("health.oldest-ready", oldestReady);
        }
    }

    /**
     * The Actuator endpoint "events".
     *
     * @param showPayloads Whether dead letters are shown with their payloads and metadata.
     */
    public record Endpoint(@DefaultValue("false") boolean showPayloads) {}

    private static void requireNotNegative(String name, @Nullable Duration value) {
        if (value != null && value.isNegative()) {
            throw new InvalidConfigurationPropertyValueException(
                    "reactive-events." + name, value, "Give a duration that is not negative.");
        }
    }
}
