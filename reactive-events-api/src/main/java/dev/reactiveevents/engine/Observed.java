package dev.reactiveevents.engine;

import dev.reactiveevents.ChannelTotals;
import dev.reactiveevents.EventContext;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventObserver;
import dev.reactiveevents.spi.EventObserver.Activity;
import dev.reactiveevents.spi.EventObserver.Count;
import dev.reactiveevents.spi.EventObserver.End;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.util.context.ContextView;

/** Counts what a channel object does, and tells its observer. The engine's one seam for meters and traces. */
final class Observed {

    private final EventObserver observer;
    private final Count publishing;
    private final PayloadCodec codec;
    private final LongAdder[] totals =
            Stream.generate(LongAdder::new).limit(Count.values().length).toArray(LongAdder[]::new);

    /**
     * What is observed of one channel object.
     *
     * @param publishing as what its published events count
     */
    Observed(EventObserver observer, Count publishing, PayloadCodec codec) {
        this.observer = observer;
        this.publishing = publishing;
        this.codec = codec;
    }

    private boolean isObserved() {
        return observer != EventObserver.NONE;
    }

    // == Counting ==

    void count(Count what, String channel, long times) {
        totals[what.ordinal()].add(times);
        if (isObserved()) {
            observer.count(what, channel, times);
        }
    }

    void published(List<NewEvent> events) {
        totals[publishing.ordinal()].add(events.size());
        if (isObserved()) {
            Map<String, Long> byChannel = new LinkedHashMap<>();
            events.forEach(event -> byChannel.merge(event.channel(), 1L, Long::sum));
            byChannel.forEach((channel, times) -> observer.count(publishing, channel, times));
        }
    }

    void delivered(EventMessage message) {
        count(message.attempts() > 1 ? Count.REDELIVER : Count.DELIVER, message.channel(), 1);
    }

    void settled(String channel, Outcome outcome, boolean held) {
        Count what = held ? counted(outcome) : Count.LOST;
        if (what != null) {
            count(what, channel, 1);
        }
    }

    private static @Nullable Count counted(Outcome outcome) {
        return switch (outcome) {
            case ACK -> Count.ACK;
            case RETRY -> Count.NACK;
            case DEAD -> Count.DEAD;
            case RELEASE, EXTEND -> null;
        };
    }

    ChannelTotals totals() {
        return new ChannelTotals(
                sum(publishing),
                sum(Count.DELIVER),
                sum(Count.REDELIVER),
                sum(Count.ACK),
                sum(Count.NACK),
                sum(Count.DEAD),
                sum(Count.LOST),
                sum(Count.LISTENER_START),
                sum(Count.LISTENER_STOP));
    }

    private long sum(Count what) {
        return totals[what.ordinal()].sum();
    }

    // == What takes time ==

    /** Publishes events with what travels with them, as the context of who subscribes says. */
    <T> Mono<T> publishing(List<NewEvent> events, Function<List<NewEvent>, Mono<T>> write) {
        return Mono.deferContextual(caller -> {
            if (!isObserved()) {
                return write.apply(with(carriedBy(caller), false, events));
            }
            Activity activity = observer.publishing(events, caller);
            Map<String, String> metadata = activity.metadata();
            Map<String, String> carried = carriedBy(caller);
            if (!metadata.isEmpty()) {
                carried.keySet().retainAll(Set.of(EventContext.CORRELATION_ID)); // the trace is the observer's
            }
            return Mono.defer(() -> write.apply(with(metadata, true, with(carried, false, events))))
                    .doOnSuccess(stored -> activity.end(End.DONE, null))
                    .doOnError(failure -> activity.end(End.FAILED, failure))
                    .doOnCancel(() -> activity.end(End.CANCELLED, null));
        });
    }

    private List<NewEvent> with(Map<String, String> more, boolean replacing, List<NewEvent> events) {
        return more.isEmpty()
                ? events
                : events.stream()
                        .map(event -> codec.withMetadata(event, more, replacing))
                        .toList();
    }

    private static Map<String, String> carriedBy(ContextView context) {
        Map<String, String> carried = new LinkedHashMap<>(0);
        if (context.isEmpty()) {
            return carried;
        }
        for (String name : EventContext.NAMES) {
            Object value = context.getOrDefault(name, null);
            if (value != null) {
                carried.put(name, value.toString());
            }
        }
        return carried;
    }

    void dequeued(List<Claimed> answers, long nanos) {
        if (isObserved()) {
            List<Claimed> found = answers.stream()
                    .filter(claimed -> !claimed.events().isEmpty())
                    .toList();
            if (!found.isEmpty()) {
                observer.dequeued(found, Duration.ofNanos(nanos));
            }
        }
    }

    Activity processing(EventMessage message) {
        return isObserved() ? observer.processing(message) : Activity.NONE;
    }

    /** What is released was not worked: nobody needs to know. */
    Activity settling(EventMessage message, Outcome outcome, ContextView caller) {
        return isObserved() && counted(outcome) != null ? observer.settling(message, outcome, caller) : Activity.NONE;
    }
}
