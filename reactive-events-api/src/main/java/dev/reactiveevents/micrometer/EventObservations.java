package dev.reactiveevents.micrometer;

import io.micrometer.common.docs.KeyName;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.docs.ObservationDocumentation;

/**
 * The observations: spans where there is a tracer, timers where there is a meter registry. The span has the contextual name,
 * the timer the name.
 */
public enum EventObservations implements ObservationDocumentation {

    /** Publishing of one event, or of those of a {@code publishAll} of a collection, until they are stored. */
    PUBLISH(
            "events.publish.duration",
            "events.publish",
            PublishConvention.class,
            new Low[] {Low.CHANNEL, Low.RESULT},
            new High[] {High.EVENT_ID, High.EVENT_TYPE, High.EVENTS}),

    /** A claim that found something. It is told when it is over, so that empty ones leave nothing: it takes no time itself. */
    DEQUEUE("events.dequeue", "events.dequeue", DequeueConvention.class, new Low[] {Low.CHANNEL}, new High[] {
        High.EVENTS, High.CLAIM_MILLIS
    }),

    /** A listener's handler at work, as the consumer of what the publisher sent. */
    PROCESS(
            "events.process.duration",
            "events.process",
            ProcessConvention.class,
            new Low[] {Low.CHANNEL, Low.RESULT},
            new High[] {High.EVENT_ID, High.EVENT_TYPE, High.ATTEMPT}),

    /** An event is acknowledged, given back or made a dead letter, until the store has answered. */
    SETTLE(
            "events.settle.duration",
            "events.ack",
            SettleConvention.class,
            new Low[] {Low.CHANNEL, Low.OUTCOME, Low.RESULT},
            new High[] {High.EVENT_ID, High.ATTEMPT});

    /** Keys of few values: tags of timers and of spans. */
    public enum Low implements KeyName {
        /** The event channel's name; {@code several} if there is more than one. */
        CHANNEL("channel"),

        /** {@code ack}, {@code nack} or {@code dead}. */
        OUTCOME("outcome"),

        /**
         * {@code done}, {@code failed}, {@code cancelled} or, of an outcome that came too late, {@code lost}; {@code none} until
         * it has ended.
         */
        RESULT("result");

        private final String text;

        Low(String text) {
            this.text = text;
        }

        @Override
        public String asString() {
            return text;
        }
    }

    /** Keys of many values: of spans only. */
    public enum High implements KeyName {
        /** The event's id; of several that of the first. */
        EVENT_ID("event.id"),

        /** The event's type, if it has one; of several that of the first. */
        EVENT_TYPE("event.type"),

        /** How many events it is about. */
        EVENTS("event.count"),

        /** Which delivery of the event this is, from 1. */
        ATTEMPT("event.attempt"),

        /** How many milliseconds the claim took. */
        CLAIM_MILLIS("claim.millis");

        private final String text;

        High(String text) {
            this.text = text;
        }

        @Override
        public String asString() {
            return text;
        }
    }

    private final String name;
    private final String span;
    private final Class<? extends ObservationConvention<? extends Observation.Context>> convention;
    private final Low[] low;
    private final High[] high;

    EventObservations(
            String name,
            String span,
            Class<? extends ObservationConvention<? extends Observation.Context>> convention,
            Low[] low,
            High[] high) {
        this.name = name;
        this.span = span;
        this.convention = convention;
        this.low = low;
        this.high = high;
    }

    @Override
    public String getName() {
        return name;
    }

    @Override
    public String getContextualName() {
        return span;
    }

    @Override
    public Class<? extends ObservationConvention<? extends Observation.Context>> getDefaultConvention() {
        return convention;
    }

    @Override
    public KeyName[] getLowCardinalityKeyNames() {
        return low.clone();
    }

    @Override
    public KeyName[] getHighCardinalityKeyNames() {
        return high.clone();
    }
}
