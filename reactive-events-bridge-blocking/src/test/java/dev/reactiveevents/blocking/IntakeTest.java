package dev.reactiveevents.blocking;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** What the timer gives back, and a call that comes at that moment. */
@Timeout(100)
class IntakeTest {

    private static final int ROUNDS = 10_000;

    private final Sinks.Many<EventMessage> engine = Sinks.many().unicast().onBackpressureBuffer();
    private final Intake intake = new Intake("orders");

    /** One that comes again when it was given back. */
    private final EventMessage message = (EventMessage) Proxy.newProxyInstance(
            EventMessage.class.getClassLoader(),
            new Class<?>[] {EventMessage.class},
            (proxy, method, given) -> switch (method.getName()) {
                case "leaseExpiresAt" -> Instant.now().plusSeconds(60);
                case "release" -> Mono.fromSupplier(() -> deliver((EventMessage) proxy));
                case "toString" -> "the message";
                default -> throw new UnsupportedOperationException(method.getName());
            });

    private boolean deliver(EventMessage what) {
        engine.emitNext(what, Sinks.EmitFailureHandler.busyLooping(Duration.ofSeconds(10)));
        return true;
    }

    /** Two threads go on at the same time, to some nanoseconds. */
    private static final class Meeting {

        private final AtomicInteger arrived = new AtomicInteger();

        void arrive(int round, int spins) {
            arrived.incrementAndGet();
            long end = System.nanoTime() + Stage.LIMIT.toNanos();
            for (int spin = 0; arrived.get() < 2 * round; spin++) {
                if (spin < 1_000) {
                    Thread.onSpinWait();
                } else {
                    assertThat(System.nanoTime()).as("the other comes").isLessThan(end);
                    Thread.yield(); // it may have no processor
                }
            }
            for (int spin = 0; spin < spins; spin++) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void aCallThatComesWhileItIsGivenBackWaitsForItToComeAgain() {
        engine.asFlux().subscribe(intake);
        Meeting meeting = new Meeting();
        Background<Boolean> timer = Background.run("timer", () -> {
            for (int round = 1; round <= ROUNDS; round++) {
                meeting.arrive(round, round % 50);
                intake.endLingering();
            }
            return true;
        });
        Background<Integer> caller = Background.run("caller", () -> {
            int answered = 0;
            for (int round = 1; round <= ROUNDS; round++) {
                intake.enter("poll");
                assertThat(intake.next(0)).isNull(); // it has asked for one
                intake.leave();
                deliver(message);
                meeting.arrive(round, 25);
                intake.enter("next");
                if (intake.next(Stage.LIMIT.toNanos()) != null) {
                    answered++;
                }
                intake.leave();
            }
            return answered;
        });
        assertThat(caller.result()).isEqualTo(ROUNDS);
        assertThat(timer.result()).isTrue();
    }
}
