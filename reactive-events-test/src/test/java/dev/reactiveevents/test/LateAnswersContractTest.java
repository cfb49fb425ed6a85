package dev.reactiveevents.test;

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
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import reactor.core.publisher.Mono;

/** The contract over a store that is asked and answers with some delay, as a database does. */
class LateAnswersContractTest extends EventChannelContract {

    private static final int LATEST_NANOS = 2_000_000;

    private final InMemoryBackend store = InMemoryBackend.create();

    @Override
    protected EventChannel open(ChannelOptions options) {
        return EventChannels.over(new Late(store), options);
    }

    @Override
    protected Set<Capability> capabilities() {
        return store.capabilities();
    }

    private static final class Late extends ForwardingBackend {

        Late(EventBackend backend) {
            super(backend);
        }

        @Override
        public Mono<Void> publish(List<NewEvent> events) {
            return pause().then(super.publish(events)).then(pause()).then();
        }

        @Override
        public Mono<List<Claimed>> claim(Claim claim) {
            return pause().then(super.claim(claim)).delayUntil(claimed -> pause());
        }

        @Override
        public Mono<List<SettleResult>> settle(List<Settlement> settlements) {
            return pause().then(super.settle(settlements)).delayUntil(results -> pause());
        }

        private static Mono<Long> pause() {
            return Mono.defer(() ->
                    Mono.delay(Duration.ofNanos(ThreadLocalRandom.current().nextInt(LATEST_NANOS))));
        }
    }
}
