package dev.reactiveevents.spring;

import dev.reactiveevents.EventException;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.r2dbc.R2dbcEventChannelBuilder;
import dev.reactiveevents.spring.ReactiveEventsProperties.Retry;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/** Sets the options of a builder by properties. Bad values are refused by the builder, and told by the property's name. */
final class ConfiguredChannel {

    private static final Duration USUAL_FIRST = Duration.ofSeconds(1);
    private static final Duration USUAL_LONGEST = Duration.ofMinutes(5);

    private ConfiguredChannel() {}

    static void apply(ReactiveEventsProperties properties, R2dbcEventChannelBuilder builder) {
        set("backend", properties.backend(), builder::backend);
        set("fallback", properties.fallback(), builder::fallback);
        set("queue-table", properties.queueTable(), builder::queueTable);
        set("lease", properties.lease(), builder::lease);
        set("retention", properties.retention(), builder::retention);
        set("dead-retention", properties.deadRetention(), builder::deadRetention);
        set("poll-interval", properties.pollInterval(), builder::pollInterval);
        set("probe-interval", properties.probeInterval(), builder::probeInterval);
        set("prefetch", properties.prefetch(), builder::prefetch);
        set("claim-batch", properties.claimBatch(), builder::claimBatch);
        set("max-attempts", properties.maxAttempts(), builder::maxAttempts);
        set("retry", given(properties.retry()), retry -> builder.retryPolicy(policy(retry)));
        set("dead-letter-keys", properties.deadLetterKeys(), builder::deadLetterKeys);
        set("publish-timeout", properties.publishTimeout(), builder::publishTimeout);
        set("shutdown-timeout", properties.shutdownTimeout(), builder::shutdownTimeout);
        set("blocking", properties.blocking(), builder::blocking);
        set("consumer-name", properties.consumerName(), builder::consumerName);
        set("wake-on-commit", properties.wakeOnCommit(), builder::wakeOnCommit);
        set("queue", properties.queue(), builder::queue);
        set("queue-wait", properties.queueWait(), builder::queueWait);
        set("queue-immediately", properties.queueImmediately(), builder::queueImmediately);
        set("in-memory", properties.inMemory(), builder::inMemory);
        set("fillfactor", properties.fillfactor(), builder::fillfactor);
        properties
                .autovacuum()
                .forEach((parameter, number) ->
                        set("autovacuum." + parameter, number, value -> builder.autovacuum(parameter, value)));
    }

    private static @Nullable Retry given(Retry retry) {
        return retry.first() == null && retry.longest() == null ? null : retry;
    }

    private static RetryPolicy policy(Retry retry) {
        return exponential(retry.first(), retry.longest());
    }

    /** What is not given is as by default, but the longest delay is not shorter than the first. */
    static RetryPolicy exponential(@Nullable Duration first, @Nullable Duration longest) {
        Duration from = Objects.requireNonNullElse(first, USUAL_FIRST);
        Duration usual = from.compareTo(USUAL_LONGEST) > 0 ? from : USUAL_LONGEST;
        return RetryPolicy.exponential(from, Objects.requireNonNullElse(longest, usual));
    }

    private static <T> void set(String name, @Nullable T value, Consumer<T> option) {
        if (value != null) {
            try {
                option.accept(value);
            } catch (EventException.Invalid invalid) {
                throw new InvalidConfigurationPropertyValueException(
                        "reactive-events." + name, value, invalid.getMessage());
            }
        }
    }
}
