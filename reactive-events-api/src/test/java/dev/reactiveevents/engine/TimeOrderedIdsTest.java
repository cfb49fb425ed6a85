package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

class TimeOrderedIdsTest {

    @Test
    void areUuidsOfVersionSevenThatCarryTheTime() {
        long before = System.currentTimeMillis();
        UUID id = TimeOrderedIds.next();

        assertThat(id.version()).isEqualTo(7);
        assertThat(id.variant()).isEqualTo(2);
        assertThat(id.getMostSignificantBits() >>> 16).isBetween(before, System.currentTimeMillis());
    }

    @Test
    void tellWhenTheyWereMadeToAQuarterOfAMicrosecond() {
        for (int i = 0; i < 10_000; i++) {
            Instant before = Instant.now();
            UUID id = TimeOrderedIds.next();
            Instant after = Instant.now();

            assertThat(TimeOrderedIds.timeOf(id)).isBetween(before.minusNanos(245), after);
        }
    }

    @Test
    void areUniqueAcrossThreads() {
        List<UUID> ids = IntStream.range(0, 200_000)
                .parallel()
                .mapToObj(i -> TimeOrderedIds.next())
                .toList();

        Set<UUID> distinct = new HashSet<>(ids);
        assertThat(distinct).hasSize(ids.size());
    }

    /** BlockHound is installed in these tests and would throw. */
    @Test
    void doNotBlock() {
        UUID id = Mono.fromSupplier(TimeOrderedIds::next)
                .subscribeOn(Schedulers.parallel())
                .toFuture()
                .join();

        assertThat(id).isNotNull();
    }
}
