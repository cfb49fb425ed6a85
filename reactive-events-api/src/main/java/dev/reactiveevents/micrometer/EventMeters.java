package dev.reactiveevents.micrometer;

import dev.reactiveevents.spi.EventObserver.Count;
import io.micrometer.common.docs.KeyName;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.docs.MeterDocumentation;
import org.jspecify.annotations.Nullable;

/** The meters that are no observations: counters, each thing counted once, and the gauges of {@link QueueGauges}. */
public enum EventMeters implements MeterDocumentation {

    /** Events that were stored. */
    PUBLISH("events.publish", Meter.Type.COUNTER, Key.CHANNEL),

    /** Events that were broadcast, and stored nowhere. */
    PUBLISH_NATIVE("events.publish.native", Meter.Type.COUNTER, Key.CHANNEL),

    /** Events that were handed over to subscribers and listeners, the first time and again. */
    DELIVER("events.deliver", Meter.Type.COUNTER, Key.CHANNEL, Key.REDELIVERED),

    /** Events that were acknowledged, as the store confirmed. */
    ACK("events.ack", Meter.Type.COUNTER, Key.CHANNEL),

    /** Events that were given back to come again, as the store confirmed. */
    NACK("events.nack", Meter.Type.COUNTER, Key.CHANNEL),

    /** Events that became dead letters. */
    DEAD("events.dead", Meter.Type.COUNTER, Key.CHANNEL),

    /** Outcomes that the store did not take: the lease was lost, or no answer came for a whole lease. */
    LOST("events.lost", Meter.Type.COUNTER, Key.CHANNEL),

    /** Broadcast events that were dropped because their subscriber did not ask for them in time. */
    DROPPED("events.dropped", Meter.Type.COUNTER, Key.CHANNEL),

    /** Listeners that were started. */
    LISTENER_START("events.listener.start", Meter.Type.COUNTER, Key.CHANNEL),

    /** Listeners that have ended. */
    LISTENER_STOP("events.listener.stop", Meter.Type.COUNTER, Key.CHANNEL),

    /** How often the connection that hears other processes was opened again after it had been lost. */
    LISTENER_RECONNECT("events.listener.reconnect", Meter.Type.COUNTER),

    /** How long claims took that found something, over all channels of a channel object. */
    CLAIM("events.claim.duration", Meter.Type.TIMER),

    /** Events that are due, whether or not an earlier one of their key holds them back, up to 10,000. */
    QUEUE_READY("events.queue.ready", Meter.Type.GAUGE, Key.CHANNEL),

    /** Events in somebody's hands, up to 10,000. */
    QUEUE_LEASED("events.queue.leased", Meter.Type.GAUGE, Key.CHANNEL),

    /** Dead letters, up to 10,000. */
    QUEUE_DEAD("events.queue.dead", Meter.Type.GAUGE, Key.CHANNEL),

    /** For how many seconds the event that has been ready longest has been; 0 if none is ready. */
    QUEUE_OLDEST("events.queue.oldest.age", Meter.Type.GAUGE, Key.CHANNEL);

    /** The tags. */
    public enum Key implements KeyName {
        /** The event channel's name. */
        CHANNEL("channel"),

        /** Whether the event had been handed over before: {@code true} or {@code false}. */
        REDELIVERED("redelivered");

        private final String text;

        Key(String text) {
            this.text = text;
        }

        @Override
        public String asString() {
            return text;
        }
    }

    private final String name;
    private final Meter.Type type;
    private final Key[] keys;

    EventMeters(String name, Meter.Type type, Key... keys) {
        this.name = name;
        this.type = type;
        this.keys = keys;
    }

    @Override
    public String getName() {
        return name;
    }

    @Override
    public Meter.Type getType() {
        return type;
    }

    @Override
    public @Nullable String getBaseUnit() {
        return this == QUEUE_OLDEST ? "seconds" : null;
    }

    @Override
    public KeyName[] getKeyNames() {
        return keys.clone();
    }

    static EventMeters of(Count count) {
        return count == Count.REDELIVER ? DELIVER : valueOf(count.name());
    }
}
