package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.test.scheduler.VirtualTimeScheduler;

class TickerTest {

    @Test
    void ticksAtAFixedRateUntilDisposed() {
        VirtualTimeScheduler clock = VirtualTimeScheduler.create();
        List<Long> ticks = new ArrayList<>();
        EngineTime time = new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS));
        Disposable ticker = time.every(Duration.ofSeconds(2), () -> ticks.add(clock.now(TimeUnit.SECONDS)));
        clock.advanceTimeBy(Duration.ofSeconds(7));
        ticker.dispose();
        clock.advanceTimeBy(Duration.ofSeconds(7));

        assertThat(ticks).containsExactly(2L, 4L, 6L);
    }

    /** BlockHound is installed in these tests and would throw, and leave the lock of a scheduler held for ever. */
    @Test
    void startingAndStoppingOnManyThreadsParksNone() {
        Scheduler shared = Schedulers.newParallel("shared-timers", 1);
        EngineTime time = new EngineTime(shared, System::nanoTime);
        Mono<Long> racing = Flux.range(0, 200_000)
                .parallel(4)
                .runOn(Schedulers.newParallel("racers", 4))
                .doOnNext(i -> time.every(Duration.ofMillis(1), () -> {}).dispose())
                .sequential()
                .count();
        CompletableFuture<Long> counted = racing.toFuture();

        assertThat(counted.orTimeout(60, TimeUnit.SECONDS).join()).isEqualTo(200_000);
        shared.dispose();
    }
}
