package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventChannel;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.engine.EventChannels;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.EventBackend;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import java.util.EnumSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import reactor.core.publisher.Mono;

/** Bad input is refused without a call of the database. */
class BadInputTest extends BadInputContract {

    private static final Untouchable BACKEND = new Untouchable();

    BadInputTest() {
        super(new OverUntouchable());
    }

    @AfterEach
    void nothingWasAsked() {
        assertThat(BACKEND.asked).isEmpty();
    }

    private static final class OverUntouchable extends EventChannelContract {

        @Override
        protected EventChannel open(ChannelOptions options) {
            return EventChannels.over(BACKEND, options);
        }

        @Override
        protected Set<Capability> capabilities() {
            return BACKEND.capabilities();
        }
    }

    /** Whose every method that would ask the database throws. */
    private static final class Untouchable implements EventBackend {

        final Queue<Object> asked = new ConcurrentLinkedQueue<>();

        private AssertionError touchedFor(Object request) {
            asked.add(request);
            return new AssertionError("The backend was asked for " + request);
        }

        @Override
        public String name() {
            return "untouchable backend";
        }

        @Override
        public Set<Capability> capabilities() {
            return EnumSet.allOf(Capability.class);
        }

        @Override
        public Mono<Void> publish(List<NewEvent> events) {
            throw touchedFor(events);
        }

        @Override
        public Mono<List<Claimed>> claim(Claim claim) {
            throw touchedFor(claim);
        }

        @Override
        public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
            throw touchedFor(settlements);
        }

        @Override
        public Mono<Void> shutdown() {
            return Mono.empty();
        }
    }
}
