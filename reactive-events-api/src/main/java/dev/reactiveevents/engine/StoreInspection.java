package dev.reactiveevents.engine;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventException;
import dev.reactiveevents.Inspection;
import dev.reactiveevents.LeaseHolder;
import dev.reactiveevents.ProcessingTimes;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What is stored, asked of the backend when somebody subscribes. */
final class StoreInspection implements Inspection {

    private static final int GREATEST_BOUND = 10_000_000;
    private static final int MOST_LEASES = 10_000;
    private static final int MOST_TIMES = 10_000;

    private final Upkeep upkeep;

    StoreInspection(Upkeep upkeep) {
        this.upkeep = upkeep;
    }

    @Override
    public Mono<ChannelCounts> counts(String channel, int bound) {
        return Mono.defer(() -> {
            EventChannel.requireValidName(channel);
            requireBetween("counted up to", bound, GREATEST_BOUND);
            return upkeep.one("Counting events", store -> store.counts(channel, bound));
        });
    }

    @Override
    public Flux<ChannelCounts> counts() {
        return upkeep.many(
                "Counting events",
                store -> store.channels()
                        .flatMapIterable(channels -> channels)
                        .concatMap(channel -> store.counts(channel, USUAL_BOUND), 1));
    }

    @Override
    public Flux<LeaseHolder> leases(String channel, int limit) {
        return Flux.defer(() -> {
            EventChannel.requireValidName(channel);
            requireBetween("asked for with a limit of", limit, MOST_LEASES);
            return upkeep.many(
                    "Reading leases", store -> store.leases(channel, limit).flatMapIterable(leases -> leases));
        });
    }

    @Override
    public Mono<ProcessingTimes> processingTimes(String channel, int latest) {
        return Mono.defer(() -> {
            EventChannel.requireValidName(channel);
            requireBetween("timed, of the latest", latest, MOST_TIMES);
            return upkeep.one("Reading processing times", store -> store.processingTimes(channel, latest))
                    .map(times -> summary(channel, times));
        });
    }

    private static ProcessingTimes summary(String channel, List<Duration> times) {
        if (times.isEmpty()) {
            return new ProcessingTimes(channel, 0, null, null, null);
        }
        List<Duration> sorted = times.stream().sorted().toList();
        return new ProcessingTimes(
                channel, sorted.size(), rank(sorted, 50), rank(sorted, 95), sorted.get(sorted.size() - 1));
    }

    /** The nearest rank: one of the times themselves. */
    private static Duration rank(List<Duration> sorted, int percent) {
        return sorted.get((sorted.size() * percent + 99) / 100 - 1);
    }

    private static void requireBetween(String what, int value, int most) {
        if (value < 1 || value > most) {
            throw new EventException.Invalid(
                    "Events of a channel were to be " + what + " " + value + "; give a number from 1 to " + most + ".");
        }
    }
}
