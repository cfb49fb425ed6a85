package dev.reactiveevents.engine;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.EventException;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.spi.EventObserver;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.json.JsonMapper;

/**
 * How a channel works, whatever its backend. Immutable; each {@code with} method returns a changed copy. Bad values are
 * refused by {@link EventException.Invalid}.
 */
public final class ChannelOptions {

    private static final Duration LONGEST = Duration.ofDays(365);

    /**
     * Each thread that writes or reads keeps its buffers: they are the threads of drivers and of schedulers, which are few.
     * Jackson's own pool, which they would share, takes a tenth of the time of those who receive a broadcast.
     */
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .recyclerPool(JsonRecyclerPools.threadLocalPool())
                    .build())
            .build();

    private static final ChannelOptions DEFAULTS = new ChannelOptions();

    private Duration lease = Duration.ofSeconds(30);
    private Duration pollInterval = Duration.ofSeconds(1);
    private @Nullable Duration pollAfterActivity;
    private int prefetch = 4_096;
    private int claimBatch = 1_000;
    private int maxAttempts = 10;
    private RetryPolicy retryPolicy = RetryPolicy.defaults();
    private DeadLetterKeys deadLetterKeys = DeadLetterKeys.FREE;
    private Duration publishTimeout = Duration.ofSeconds(30);
    private Duration shutdownTimeout = Duration.ofSeconds(30);
    private JsonMapper jsonMapper = MAPPER;
    private boolean blocking = true;
    private EventObserver observer = EventObserver.NONE;

    private ChannelOptions() {}

    /** Fields are assigned only here, before the copy is seen by anybody. */
    private ChannelOptions changed(Consumer<ChannelOptions> change) {
        ChannelOptions copy = new ChannelOptions();
        copy.lease = lease;
        copy.pollInterval = pollInterval;
        copy.pollAfterActivity = pollAfterActivity;
        copy.prefetch = prefetch;
        copy.claimBatch = claimBatch;
        copy.maxAttempts = maxAttempts;
        copy.retryPolicy = retryPolicy;
        copy.deadLetterKeys = deadLetterKeys;
        copy.publishTimeout = publishTimeout;
        copy.shutdownTimeout = shutdownTimeout;
        copy.jsonMapper = jsonMapper;
        copy.blocking = blocking;
        copy.observer = observer;
        change.accept(copy);
        return copy;
    }

    /** {@return lease 30 s, poll interval 1 s, prefetch 4,096, claim batch 1,000, 10 attempts, timeouts of 30 s} */
    public static ChannelOptions defaults() {
        return DEFAULTS;
    }

    /**
     * Sets how long a consumer owns a message before it can be retried, counted from its hand-over.
     *
     * @param lease at least 100 ms
     * @return the changed copy
     */
    public ChannelOptions withLease(Duration lease) {
        requireAtLeast("lease", lease, Duration.ofMillis(100));
        return changed(copy -> copy.lease = lease);
    }

    /**
     * Sets how long to wait before looking for events although nothing told of any.
     *
     * @param pollInterval at least 1 ms
     * @return the changed copy
     */
    public ChannelOptions withPollInterval(Duration pollInterval) {
        requireAtLeast("poll interval", pollInterval, Duration.ofMillis(1));
        return changed(copy -> copy.pollInterval = pollInterval);
    }

    /**
     * Sets how soon to look again after events were found although nothing told of more. Each look in vain doubles the time,
     * until it is the poll interval.
     *
     * @param pollAfterActivity at least 1 ms; without it the poll interval counts after activity too
     * @return the changed copy
     */
    public ChannelOptions withPollAfterActivity(Duration pollAfterActivity) {
        requireAtLeast("poll interval after activity", pollAfterActivity, Duration.ofMillis(1));
        return changed(copy -> copy.pollAfterActivity = pollAfterActivity);
    }

    /**
     * Sets how many events a subscription takes at most whose outcome has not been sent to the store.
     *
     * @param prefetch at least 1
     * @return the changed copy
     */
    public ChannelOptions withPrefetch(int prefetch) {
        requireBetween("prefetch", prefetch, 1, Integer.MAX_VALUE);
        return changed(copy -> copy.prefetch = prefetch);
    }

    /**
     * Sets how many events one claim takes at most.
     *
     * @param claimBatch 1 to 10,000
     * @return the changed copy
     */
    public ChannelOptions withClaimBatch(int claimBatch) {
        requireBetween("claim batch", claimBatch, 1, 10_000);
        return changed(copy -> copy.claimBatch = claimBatch);
    }

    /**
     * Sets after how many failed deliveries an event becomes a dead letter.
     *
     * @param maxAttempts at least 1
     * @return the changed copy
     */
    public ChannelOptions withMaxAttempts(int maxAttempts) {
        requireBetween("maximum of attempts", maxAttempts, 1, Integer.MAX_VALUE);
        return changed(copy -> copy.maxAttempts = maxAttempts);
    }

    /**
     * Sets when a nacked event comes again.
     *
     * @param retryPolicy the policy
     * @return the changed copy
     */
    public ChannelOptions withRetryPolicy(RetryPolicy retryPolicy) {
        requirePresent("retry policy", retryPolicy);
        return changed(copy -> copy.retryPolicy = retryPolicy);
    }

    /**
     * Sets what a dead letter means for the later events of its key. All who receive from a channel should say the same.
     *
     * @param deadLetterKeys whether they go on or wait; they go on by default
     * @return the changed copy
     */
    public ChannelOptions withDeadLetterKeys(DeadLetterKeys deadLetterKeys) {
        requirePresent("meaning of dead letters for their keys", deadLetterKeys);
        return changed(copy -> copy.deadLetterKeys = deadLetterKeys);
    }

    /**
     * Sets how long a publish waits for its turn, and how long the database may take to answer a publish or a claim.
     *
     * @param publishTimeout at least 1 ms
     * @return the changed copy
     */
    public ChannelOptions withPublishTimeout(Duration publishTimeout) {
        requireAtLeast("publish timeout", publishTimeout, Duration.ofMillis(1));
        return changed(copy -> copy.publishTimeout = publishTimeout);
    }

    /**
     * Sets how long a shutdown waits for messages in hand.
     *
     * @param shutdownTimeout not negative
     * @return the changed copy
     */
    public ChannelOptions withShutdownTimeout(Duration shutdownTimeout) {
        requireAtLeast("shutdown timeout", shutdownTimeout, Duration.ZERO);
        return changed(copy -> copy.shutdownTimeout = shutdownTimeout);
    }

    /**
     * Sets what writes and reads payloads and metadata.
     *
     * @param jsonMapper a mapper without polymorphic default typing
     * @return the changed copy
     */
    public ChannelOptions withJsonMapper(JsonMapper jsonMapper) {
        requireSafe(jsonMapper);
        return changed(copy -> copy.jsonMapper = jsonMapper);
    }

    /**
     * Sets whether code that blocks may use the channel, see {@link dev.reactiveevents.EventChannel#allowsBlocking()}.
     *
     * @param blocking true, the default, to allow it
     * @return the changed copy
     */
    public ChannelOptions withBlocking(boolean blocking) {
        return changed(copy -> copy.blocking = blocking);
    }

    /**
     * Sets who hears what the channel does, for meters and traces.
     *
     * @param observer the observer; by default nobody
     * @return the changed copy
     */
    public ChannelOptions withObserver(EventObserver observer) {
        requirePresent("observer", observer);
        return changed(copy -> copy.observer = GuardedObserver.of(observer));
    }

    /** {@return how long a consumer owns a message before it can be retried, counted from its hand-over} */
    public Duration lease() {
        return lease;
    }

    /** {@return how long to wait before looking for events although nothing told of any} */
    public Duration pollInterval() {
        return pollInterval;
    }

    /** {@return how soon to look again after events were found; null to leave it to the poll interval} */
    public @Nullable Duration pollAfterActivity() {
        return pollAfterActivity;
    }

    /** {@return how many events a subscription takes at most without settling them} */
    public int prefetch() {
        return prefetch;
    }

    /** {@return how many events one claim takes at most} */
    public int claimBatch() {
        return claimBatch;
    }

    /** {@return after how many failed deliveries an event becomes a dead letter} */
    public int maxAttempts() {
        return maxAttempts;
    }

    /** {@return when a nacked event comes again} */
    public RetryPolicy retryPolicy() {
        return retryPolicy;
    }

    /** {@return what a dead letter means for the later events of its key} */
    public DeadLetterKeys deadLetterKeys() {
        return deadLetterKeys;
    }

    /** {@return how long a publish waits for its turn, and how long the database may take to answer a publish or a claim} */
    public Duration publishTimeout() {
        return publishTimeout;
    }

    /** {@return how long a shutdown waits for messages in hand} */
    public Duration shutdownTimeout() {
        return shutdownTimeout;
    }

    /** {@return what writes and reads payloads and metadata} */
    public JsonMapper jsonMapper() {
        return jsonMapper;
    }

    /** {@return whether code that blocks may use the channel} */
    public boolean blocking() {
        return blocking;
    }

    /** {@return who hears what the channel does; what it throws harms nobody} */
    public EventObserver observer() {
        return observer;
    }

    private static void requireAtLeast(String what, @Nullable Duration value, Duration least) {
        if (value == null || value.compareTo(least) < 0 || value.compareTo(LONGEST) > 0) {
            throw new EventException.Invalid("The " + what + " of a channel was " + value + "; give a duration from "
                    + least + " to " + LONGEST + ".");
        }
    }

    private static void requireBetween(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new EventException.Invalid("The " + what + " of a channel was " + value + "; give a number from "
                    + least + " to " + most + ".");
        }
    }

    private static void requirePresent(String what, @Nullable Object value) {
        if (value == null) {
            throw new EventException.Invalid("The " + what + " of a channel was null; give one, or leave it out.");
        }
    }

    private static void requireSafe(JsonMapper mapper) {
        requirePresent("JSON mapper", mapper);
        JavaType anything = mapper.constructType(Object.class);
        if (mapper.deserializationConfig().getDefaultTyper(anything) != null) {
            throw new EventException.Invalid("The JSON mapper of a channel has polymorphic default typing switched on,"
                    + " which lets whoever publishes choose the classes that are created; give a mapper without it.");
        }
    }
}
