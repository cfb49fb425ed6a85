package dev.reactiveevents.micrometer;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.micrometer.EventMeters.Key;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Gauges of what is stored, on request: each asks the database for its counts at an interval, one small statement each time,
 * whoever reads them. One process of those that share a database is enough.
 */
public final class QueueGauges {

    private static final Logger LOG = Loggers.getLogger(QueueGauges.class);
    private static final Duration SHORTEST = Duration.ofMillis(100);

    private QueueGauges() {}

    /**
     * Registers the gauges of a channel: {@code events.queue.ready}, {@code .leased}, {@code .dead} and {@code .oldest.age}.
     * They are not a number until the first counts have come, and while none can be had.
     *
     * @param events where the events are; a durable backend
     * @param channel the channel's name
     * @param every how long to wait between one look and the next, at least 100 ms
     * @param meters where the gauges are
     * @return ends the looking and removes the gauges
     * @throws EventException.Unsupported if the backend keeps no events
     */
    public static Disposable register(EventChannel events, String channel, Duration every, MeterRegistry meters) {
        EventChannel.requireValidName(channel);
        if (every == null || every.compareTo(SHORTEST) < 0) {
            throw new EventException.Invalid("The gauges of channel \"" + channel + "\" were to be looked after every "
                    + every + "; give a duration of at least " + SHORTEST + ".");
        }
        Inspection inspection = events.inspect();
        AtomicReference<@Nullable ChannelCounts> counts = new AtomicReference<>();
        List<Meter> gauges = List.of(
                gauge(
                        EventMeters.QUEUE_READY,
                        channel,
                        counts,
                        now -> now.ready().atLeast(),
                        meters),
                gauge(
                        EventMeters.QUEUE_LEASED,
                        channel,
                        counts,
                        now -> now.leased().atLeast(),
                        meters),
                gauge(EventMeters.QUEUE_DEAD, channel, counts, now -> now.dead().atLeast(), meters),
                gauge(EventMeters.QUEUE_OLDEST, channel, counts, QueueGauges::oldestSeconds, meters));
        Disposable looking = Mono.defer(() -> inspection.counts(channel))
                .doOnNext(counts::set)
                .then()
                .onErrorResume(failure -> {
                    counts.set(null);
                    LOG.warn("The gauges of channel \"{}\" could not be read: {}", channel, failure.toString());
                    return Mono.empty();
                })
                .then(Mono.delay(every))
                .repeat()
                .subscribe();
        return Disposables.composite(looking, () -> gauges.forEach(meters::remove));
    }

    private static double oldestSeconds(ChannelCounts now) {
        Duration oldest = now.oldestReady();
        return oldest == null ? 0 : oldest.toMillis() / 1_000.0;
    }

    private static Meter gauge(
            EventMeters meter,
            String channel,
            AtomicReference<@Nullable ChannelCounts> counts,
            ToDoubleFunction<ChannelCounts> value,
            MeterRegistry meters) {
        return Gauge.builder(meter.getName(), () -> {
                    ChannelCounts now = counts.get();
                    return now == null ? Double.NaN : value.applyAsDouble(now);
                })
                .tag(Key.CHANNEL.asString(), channel)
                .baseUnit(meter.getBaseUnit())
                .strongReference(true)
                .register(meters);
    }
}
