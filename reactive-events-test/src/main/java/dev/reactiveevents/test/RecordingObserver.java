package dev.reactiveevents.test;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** Counts what it is told, and writes down what takes time, when it has ended. */
final class RecordingObserver implements EventObserver {

    /** In the context of what is done in an activity: its name. */
    static final String WITHIN = "within";

    /** In the metadata of what is published. */
    static final String SENT_BY = "sent_by";

    private final Map<String, Long> counts = new ConcurrentHashMap<>();
    private final Queue<String> ended = new ConcurrentLinkedQueue<>();

    long count(Count what, String channel) {
        return counts.getOrDefault(what + " " + channel, 0L);
    }

    /** Name and end of each activity, and within which it was. */
    List<String> ended() {
        return List.copyOf(ended);
    }

    @Override
    public void count(Count what, @Nullable String channel, long times) {
        counts.merge(what + " " + channel, times, Long::sum);
    }

    @Override
    public Activity publishing(List<NewEvent> events, ContextView caller) {
        return new Recorded("publish " + events.size(), caller);
    }

    @Override
    public void dequeued(List<Claimed> found, Duration took) {
        found.forEach(claimed -> counts.merge(
                "dequeued " + claimed.channel(), (long) claimed.events().size(), Long::sum));
    }

    long dequeued(String channel) {
        return counts.getOrDefault("dequeued " + channel, 0L);
    }

    @Override
    public Activity processing(EventMessage message) {
        return new Recorded("process " + message.metadata().get(SENT_BY), Context.empty());
    }

    @Override
    public Activity settling(EventMessage message, Outcome outcome, ContextView caller) {
        return new Recorded("settle " + outcome, caller);
    }

    private final class Recorded implements Activity {

        private final String name;
        private final String outer;

        Recorded(String name, ContextView caller) {
            this.name = name;
            this.outer = caller.hasKey(WITHIN) ? " within " + caller.get(WITHIN) : "";
        }

        @Override
        public Map<String, String> metadata() {
            return Map.of(SENT_BY, name);
        }

        @Override
        public Context within(Context context) {
            return context.put(WITHIN, name);
        }

        @Override
        public void end(End how, @Nullable Throwable failure) {
            ended.add(name + " " + how + outer);
        }
    }
}
