package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventListener.State;
import dev.reactiveevents.ListenOptions;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** No timer is disposed of while it runs what it was set for: from another thread, that would interrupt it. */
class TimersTest extends VirtualTimeEngine {

    private static final Duration UNLIKE_OTHERS = Duration.ofSeconds(421);

    private final AtomicInteger ran = new AtomicInteger();
    private final AtomicInteger disposedAtWork = new AtomicInteger();

    /** Notes what becomes of the timers of one certain delay. */
    private final class WatchedScheduler implements Scheduler {

        private final Duration delay;

        WatchedScheduler(Duration delay) {
            this.delay = delay;
        }

        @Override
        public Disposable schedule(Runnable task, long after, TimeUnit unit) {
            return unit.toNanos(after) == delay.toNanos() ? watched(task) : clock.schedule(task, after, unit);
        }

        private Disposable watched(Runnable task) {
            AtomicBoolean atWork = new AtomicBoolean();
            Runnable noting = () -> {
                ran.incrementAndGet();
                atWork.set(true);
                task.run();
                atWork.set(false);
            };
            Disposable timer = clock.schedule(noting, delay.toNanos(), TimeUnit.NANOSECONDS);
            return () -> {
                if (atWork.get()) {
                    disposedAtWork.incrementAndGet();
                }
                timer.dispose();
            };
        }

        @Override
        public Disposable schedule(Runnable task) {
            return clock.schedule(task);
        }

        @Override
        public Worker createWorker() {
            return clock.createWorker();
        }
    }

    private void watch(Duration delay) {
        EngineTime time = new EngineTime(new WatchedScheduler(delay), () -> clock.now(TimeUnit.NANOSECONDS));
        channel = new BackendChannel(backend, ChannelOptions.defaults(), time);
    }

    /** Which in virtual time is while it is set. */
    @Test
    void anAlarmOfNoDelayGoesOffOnce() {
        new Alarm(new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)))
                .set(Duration.ZERO, ran::incrementAndGet);
        advance(Duration.ofSeconds(1));
        assertThat(ran).hasValue(1);
    }

    private EventListener listen(ListenOptions options) {
        backend.store(1);
        return channel.listen("orders", message -> Mono.never(), options);
    }

    @Test
    void theAlarmOfAChannelIsSetAnewByTheClaimThatItCauses() {
        watch(UNLIKE_OTHERS.plusMillis(1));
        backend.onClaim =
                claim -> Mono.just(List.of(new Claimed("orders", List.of(), List.of(), UNLIKE_OTHERS, false, false)));
        subscribe("orders", SubscribeOptions.defaults().withPollInterval(Duration.ofDays(1)), 1);
        advance(UNLIKE_OTHERS.multipliedBy(3));

        assertThat(ran).hasValue(2);
        assertThat(disposedAtWork).hasValue(0);
    }

    @Test
    void theTimerThatStopsHandlersIsNotDisposedOfByTheEndOfTheLast() {
        watch(UNLIKE_OTHERS);
        EventListener listener = listen(ListenOptions.defaults());
        listener.stop(UNLIKE_OTHERS).subscribe();
        advance(UNLIKE_OTHERS);

        assertThat(listener.state()).isEqualTo(State.STOPPED);
        assertThat(ran).hasValue(1);
        assertThat(disposedAtWork).hasValue(0);
    }

    @Test
    void theTimerThatEndsLateHandlersIsNotDisposedOfByTheEndOfTheLast() {
        watch(UNLIKE_OTHERS);
        EventListener listener = listen(ListenOptions.defaults().withMaxProcessingTime(UNLIKE_OTHERS));
        listener.stop(Duration.ofHours(1)).subscribe();
        advance(UNLIKE_OTHERS);

        assertThat(listener.state()).isEqualTo(State.STOPPED);
        assertThat(ran).hasValue(1);
        assertThat(disposedAtWork).hasValue(0);
    }

    @Test
    void whatThrowsAtItsCancellationKeepsTheTimeLimitFromNoOthers() {
        TimeLimit limit =
                new TimeLimit(Duration.ofSeconds(1), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        limit.on(Mono.create(sink -> sink.onCancel(() -> {
                    throw new IllegalStateException("not to be cancelled");
                })))
                .subscribe(nothing -> {}, late -> {});
        advance(Duration.ofSeconds(1));
        limit.on(Mono.never()).subscribe(nothing -> {}, late -> ran.incrementAndGet());
        advance(Duration.ofSeconds(1));

        assertThat(ran).hasValue(1);
    }

    /** A timer may be late, and is set anew when somebody comes before it goes off. */
    @Test
    void aPollThatIsDueIsNotPutOffByOneAtAnotherInterval() {
        AtomicLong now = new AtomicLong();
        channel = new BackendChannel(backend, ChannelOptions.defaults(), new EngineTime(clock, now::get));
        SubscribeOptions options = SubscribeOptions.defaults();
        subscribe("orders", options.withPollInterval(Duration.ofSeconds(10)), 1);
        now.addAndGet(Duration.ofSeconds(10).plusMillis(1).toNanos());
        backend.claims.clear();
        subscribe("payments", options.withPollInterval(Duration.ofHours(1)), 1);
        advance(Duration.ofMillis(1));

        assertThat(backend.claims)
                .flatExtracting(Claim::requests)
                .extracting(Claim.Request::channel)
                .containsExactlyInAnyOrder("orders", "payments");
    }

    /** What is set anew in this moment, by another thread, goes off once: at its new time. */
    @Test
    void whatIsSetAnewOrDisposedOfGoesOffNoMore() {
        Alarm alarm = new Alarm(new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
        alarm.set(Duration.ofSeconds(1), ran::incrementAndGet);
        alarm.set(Duration.ofSeconds(2), ran::incrementAndGet);
        advance(Duration.ofSeconds(1));
        assertThat(ran).hasValue(0);
        advance(Duration.ofSeconds(1));
        assertThat(ran).hasValue(1);
        alarm.set(Duration.ofSeconds(1), ran::incrementAndGet);
        alarm.dispose();
        alarm.set(Duration.ofSeconds(1), ran::incrementAndGet);
        advance(Duration.ofSeconds(2));

        assertThat(ran).hasValue(1);
        assertThat(alarm.isDisposed()).isTrue();
    }
}
