package dev.reactiveevents.micrometer;

import dev.reactiveevents.micrometer.EventMeters.Key;
import dev.reactiveevents.spi.EventObserver.Count;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The counters of a registry, found by what is counted and the channel without building tags each time. */
final class EventCounters {

    private static final String NO_CHANNEL = "";

    private final MeterRegistry meters;
    private final Map<Count, Map<String, Counter>> counters;

    EventCounters(MeterRegistry meters) {
        this.meters = meters;
        this.counters = Stream.of(Count.values())
                .collect(Collectors.toUnmodifiableMap(what -> what, what -> new ConcurrentHashMap<>()));
    }

    void count(Count what, @Nullable String channel, long times) {
        Map<String, Counter> known = Objects.requireNonNull(counters.get(what));
        String name = channel == null ? NO_CHANNEL : channel;
        Counter counter = known.get(name);
        if (counter == null) {
            counter = known.computeIfAbsent(name, missing -> register(what, missing));
        }
        counter.increment(times);
    }

    private Counter register(Count what, String channel) {
        EventMeters meter = EventMeters.of(what);
        Counter.Builder counter = Counter.builder(meter.getName());
        if (!channel.equals(NO_CHANNEL)) {
            counter.tag(Key.CHANNEL.asString(), channel);
        }
        if (meter == EventMeters.DELIVER) {
            counter.tag(Key.REDELIVERED.asString(), Boolean.toString(what == Count.REDELIVER));
        }
        return counter.register(meters);
    }
}
