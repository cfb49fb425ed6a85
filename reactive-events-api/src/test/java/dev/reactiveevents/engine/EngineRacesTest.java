package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import dev.reactiveevents.spi.WakeUp;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.test.scheduler.VirtualTimeScheduler;
import reactor.test.subscriber.TestSubscriber;

/** Two threads at the same point of the engine, again and again. */
class EngineRacesTest {

    private static final int ROUNDS = Boolean.getBoolean("reactiveevents.soak") ? 200_000 : 1_000;

    private final ExecutorService two = Executors.newFixedThreadPool(2);

    @AfterEach
    void stop() {
        two.shutdownNow();
    }

    private void race(Runnable one, Runnable other) throws Exception {
        AtomicInteger ready = new AtomicInteger();
        Future<?> a = two.submit(() -> go(ready, one));
        Future<?> b = two.submit(() -> go(ready, other));
        a.get(10, TimeUnit.SECONDS);
        b.get(10, TimeUnit.SECONDS);
    }

    private static void go(AtomicInteger ready, Runnable task) {
        ready.incrementAndGet();
        while (ready.get() < 2) {
            Thread.onSpinWait();
        }
        for (int i = ThreadLocalRandom.current().nextInt(200); i > 0; i--) {
            Thread.onSpinWait();
        }
        task.run();
    }

    @Test
    void theLastSettleWhileASuspectIsReportedIsNotMissed() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            VirtualTimeScheduler clock = VirtualTimeScheduler.create();
            ScriptedBackend backend = new ScriptedBackend();
            BackendChannel channel = new BackendChannel(
                    backend, ChannelOptions.defaults(), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
            Sinks.One<List<Claimed>> claim = Sinks.one();
            Sinks.One<List<SettleResult>> settle = Sinks.one();
            backend.store(1);
            TestSubscriber<EventMessage> subscriber =
                    TestSubscriber.builder().initialRequest(10).build();
            channel.subscribe("orders", SubscribeOptions.defaults()).subscribe(subscriber);
            backend.onClaim = any -> claim.asMono();
            backend.onSettle = any -> settle.asMono();
            subscriber.getReceivedOnNext().get(0).ack().subscribe();
            channel.publish("orders", 1).subscribe(); // a claim begins
            channel.publish("orders", 2).subscribe(); // and the channel is due again
            backend.claims.clear();
            backend.onClaim = any -> Mono.just(backend.take(any));
            race(
                    () -> claim.tryEmitValue(List.of(new Claimed("orders", List.of(), List.of(), null, false, true))),
                    () -> settle.tryEmitValue(List.of(SettleResult.APPLIED)));
            if (backend.claims.isEmpty()) {
                backend.store(3);
                clock.advanceTimeBy(Duration.ofHours(1)); // 3,600 polls
                channel.publish("orders", 3).subscribe();
            }
            assertThat(backend.claims)
                    .as("claims after round %s, an hour and a wake-up later", round)
                    .anyMatch(Claim::suspects);
            subscriber.cancel();
            clock.dispose();
        }
    }

    /** Whether it was told is looked at when its claim has begun: what tells it later asks for another claim. */
    @Test
    void aSubscriptionThatIsToldWhileItsFirstClaimBeginsIsEstablished() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            VirtualTimeScheduler clock = VirtualTimeScheduler.create();
            ScriptedBackend backend = new ScriptedBackend();
            Sinks.Many<WakeUp> others = Sinks.many().replay().all();
            backend.wakeUps = others.asFlux();
            BackendChannel channel = new BackendChannel(
                    backend, ChannelOptions.defaults(), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
            AtomicBoolean ready = new AtomicBoolean();
            SubscribeOptions options = SubscribeOptions.defaults().withOnReady(() -> ready.set(true));
            TestSubscriber<EventMessage> subscriber =
                    TestSubscriber.builder().initialRequest(10).build();
            race(
                    () -> channel.subscribe("orders", options).subscribe(subscriber),
                    () -> others.tryEmitNext(WakeUp.everywhere()));
            assertThat(ready).as("ready after round %s", round).isTrue();
            subscriber.cancel();
            clock.dispose();
        }
    }

    /** Keeps the last timer, which the test lets go off itself, and counts those that are set. */
    private static final class ManualScheduler implements Scheduler {
        volatile Runnable task = () -> {};
        volatile Duration delay = Duration.ZERO;
        final AtomicInteger active = new AtomicInteger();

        @Override
        public Disposable schedule(Runnable task, long delay, TimeUnit unit) {
            active.incrementAndGet();
            this.delay = Duration.of(delay, unit.toChronoUnit());
            AtomicBoolean set = new AtomicBoolean(true);
            this.task = () -> {
                if (set.compareAndSet(true, false)) {
                    active.decrementAndGet();
                    task.run();
                }
            };
            return () -> {
                if (set.compareAndSet(true, false)) {
                    active.decrementAndGet();
                }
            };
        }

        @Override
        public Disposable schedule(Runnable task) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Worker createWorker() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void dispose() {}
    }

    @Test
    void theKeeperTicksWhileADeliveryIsOpen() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            ManualScheduler scheduler = new ManualScheduler();
            Deliveries deliveries =
                    new Deliveries(Duration.ofSeconds(30), new EngineTime(scheduler, () -> 0L), () -> {});
            Delivery first = delivery();
            Delivery second = delivery();
            deliveries.add(first);
            deliveries.remove(first);
            Runnable tick = scheduler.task;
            race(tick, () -> deliveries.add(second));
            assertThat(deliveries.size()).isEqualTo(1);
            assertThat(scheduler.active.get()).as("tickers in round %s", round).isEqualTo(1);
        }
    }

    @SuppressWarnings("NullAway")
    private static Delivery delivery() {
        return new Delivery(
                ScriptedBackend.event(TimeOrderedIds.next(), "orders"),
                TimeOrderedIds.next(),
                null,
                new LeaseEnd(Duration.ofDays(1).toNanos(), 0));
    }

    @Test
    void aShutdownWaitsForAClaimThatJustBegan() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            VirtualTimeScheduler clock = VirtualTimeScheduler.create();
            ScriptedBackend backend = new ScriptedBackend();
            BackendChannel channel = new BackendChannel(
                    backend, ChannelOptions.defaults(), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
            TestSubscriber<EventMessage> subscriber =
                    TestSubscriber.builder().initialRequest(10).build();
            channel.subscribe("orders", SubscribeOptions.defaults()).subscribe(subscriber);
            Sinks.One<List<Claimed>> claim = Sinks.one();
            backend.onClaim = any -> claim.asMono();
            backend.claims.clear();
            AtomicInteger done = new AtomicInteger();
            race(
                    () -> channel.publish("orders", 1).subscribe(),
                    () -> channel.shutdown().subscribe(null, null, done::incrementAndGet));
            assertThat(backend.claims.isEmpty() || done.get() == 0)
                    .as("round %s: a claim is in flight, and the shutdown is done: %s", round, done.get())
                    .isTrue();
            clock.dispose();
        }
    }

    @Test
    void anEventThatIsGivenBackWhileATransactionBeginsIsGivenBack() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            VirtualTimeScheduler clock = VirtualTimeScheduler.create();
            ScriptedBackend backend = new ScriptedBackend();
            BackendChannel channel = new BackendChannel(
                    backend, ChannelOptions.defaults(), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
            backend.store(1);
            TestSubscriber<EventMessage> subscriber =
                    TestSubscriber.builder().initialRequest(1).build();
            channel.subscribe("orders", SubscribeOptions.defaults()).subscribe(subscriber);
            Delivery delivery = (Delivery) subscriber.getReceivedOnNext().get(0);
            race(() -> delivery.giveBack().subscribe(), () -> {
                Enlisted enlisted = delivery.enlist();
                if (enlisted != null) {
                    enlisted.abandoned().subscribe(nothing -> {}, error -> {}, enlisted::rolledBack);
                }
            });
            assertThat(backend.settlements)
                    .as("round %s", round)
                    .extracting(Settlement::outcome)
                    .containsExactly(Outcome.RETRY);
            clock.dispose();
        }
    }

    @Test
    void whoBeginsWhileALimitLooksDoesNotPutOffTheNextLook() throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            ManualScheduler scheduler = new ManualScheduler();
            AtomicLong now = new AtomicLong();
            TimeLimit limit = new TimeLimit(Duration.ofSeconds(10), new EngineTime(scheduler, now::get));
            TimeLimit.UnderWay first = reason -> {};
            limit.started(first);
            now.set(Duration.ofSeconds(1).toNanos());
            limit.started(reason -> {});
            limit.ended(first);
            now.set(Duration.ofSeconds(10).toNanos());
            race(scheduler.task, () -> {
                for (int i = 0; i < 100; i++) {
                    limit.started(first);
                }
            });
            assertThat(scheduler.delay).as("round %s", round).isEqualTo(Duration.ofSeconds(1));
        }
    }

    /** One statement that names a channel twice would lease its events once and deliver them twice. */
    @Test
    void aChannelThatIsWokenWhileItIsBeingQueuedIsClaimedOnce() throws Exception {
        for (int round = 1; round <= ROUNDS / 20; round++) {
            VirtualTimeScheduler clock = VirtualTimeScheduler.create();
            ScriptedBackend backend = new ScriptedBackend();
            BackendChannel channel = new BackendChannel(
                    backend, ChannelOptions.defaults(), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
            List<String> names =
                    IntStream.range(0, 100).mapToObj(i -> "channel-" + i).toList();
            for (String name : names) {
                channel.subscribe(name, SubscribeOptions.defaults()).subscribe();
            }
            race(
                    () -> clock.advanceTimeBy(Duration.ofSeconds(20)),
                    () -> names.forEach(name -> channel.publish(name, 1).subscribe()));
            assertThat(backend.claims)
                    .allSatisfy(claim -> assertThat(claim.requests())
                            .extracting(Claim.Request::channel)
                            .doesNotHaveDuplicates());
            clock.dispose();
        }
    }
}
