package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import reactor.test.scheduler.VirtualTimeScheduler;
import reactor.test.subscriber.TestSubscriber;

/** A channel over a scripted backend, in virtual time. */
abstract class VirtualTimeEngine {

    final VirtualTimeScheduler clock = VirtualTimeScheduler.create();
    final ScriptedBackend backend = new ScriptedBackend();
    BackendChannel channel = channel(ChannelOptions.defaults());

    BackendChannel channel(ChannelOptions options) {
        return new BackendChannel(backend, options, new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)));
    }

    @AfterEach
    void disposeClock() {
        clock.dispose();
    }

    void advance(Duration duration) {
        clock.advanceTimeBy(duration);
    }

    TestSubscriber<EventMessage> subscribe(String name, SubscribeOptions options, long demand) {
        TestSubscriber<EventMessage> subscriber =
                TestSubscriber.builder().initialRequest(demand).build();
        channel.subscribe(name, options).subscribe(subscriber);
        return subscriber;
    }

    TestSubscriber<EventMessage> subscribe(long demand) {
        return subscribe("orders", SubscribeOptions.defaults(), demand);
    }

    EventMessage delivered() {
        backend.store(1);
        return subscribe(1).getReceivedOnNext().get(0);
    }

    /** A subscriber that got one event and acked it, and has another waiting that it did not ask for yet. */
    TestSubscriber<EventMessage> withOneWaiting(SubscribeOptions options) {
        backend.store(2);
        TestSubscriber<EventMessage> subscriber = subscribe("orders", options, 1);
        subscriber.getReceivedOnNext().get(0).ack().subscribe();
        assertThat(backend.stored).isEmpty();
        assertThat(subscriber.getReceivedOnNext()).hasSize(1);
        backend.settlements.clear();
        return subscriber;
    }
}
