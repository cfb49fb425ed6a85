package dev.reactiveevents.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.test.scheduler.VirtualTimeScheduler;

class DeliveriesTest {

    private final VirtualTimeScheduler clock = VirtualTimeScheduler.create();
    private final Deliveries deliveries = new Deliveries(
            Duration.ofSeconds(30), new EngineTime(clock, () -> clock.now(TimeUnit.NANOSECONDS)), () -> {});
    private final UUID id = TimeOrderedIds.next();

    @AfterEach
    void disposeClock() {
        clock.dispose();
    }

    private Delivery handedOver(long leaseEnd) {
        Delivery delivery = new Delivery(
                ScriptedBackend.event(id, "orders"), TimeOrderedIds.next(), unused(), new LeaseEnd(leaseEnd, 0));
        deliveries.add(delivery);
        delivery.handOver(0);
        return delivery;
    }

    @SuppressWarnings("NullAway")
    private static EventSubscription unused() {
        return null;
    }

    @Test
    void twoThatAreLeasedCannotBeToldApart() {
        handedOver(100);
        handedOver(200);

        assertThat(deliveries.handedOver(id, 50)).isNull();
        assertThat(deliveries.size()).isEqualTo(2);
    }

    /** The keeper notices a lapse a little later, and the event may have been claimed again by then. */
    @Test
    void oneThatHasLapsedIsNotInTheWayOfTheNext() {
        handedOver(100);
        Delivery next = handedOver(200);

        assertThat(deliveries.handedOver(id, 150)).isSameAs(next);
        assertThat(deliveries.handedOver(id, 250)).isNull();
    }

    @Test
    void whatIsRemovedTwiceCountsOnce() {
        Delivery one = handedOver(100);
        handedOver(200);
        deliveries.remove(one);
        deliveries.remove(one);

        assertThat(deliveries.size()).isEqualTo(1);
    }
}
