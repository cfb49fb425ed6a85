package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventChannel;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.RetryPolicy;
import dev.reactiveevents.engine.ChannelOptions;
import dev.reactiveevents.spi.Capability;
import dev.reactiveevents.test.EventModel.Said;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Whatever publishers and consumers do, every event ends once, nobody gets what another one holds, and keys keep their order.
 * What they do is drawn from a seed, which a failure names; {@code -Dreactiveevents.seed=…} repeats it, but for the timing.
 */
abstract class ModelContract extends ContractGroup {

    private static final int EVENTS = 400;
    private static final int KEYS = 5;
    private static final int CONSUMERS = 4;
    private static final int MAX_ATTEMPTS = 3;
    private static final int CRASH_EVERY = 50;
    private static final int MOST_LATE = 8;
    private static final Duration SHORT = Duration.ofMillis(20);

    /** Those that are lost twice are delivered alone, one after the other. */
    private static final Duration END = Duration.ofSeconds(60);

    private static final ChannelOptions WILD = LAPSING.withPollInterval(Duration.ofMillis(50))
            .withMaxAttempts(MAX_ATTEMPTS)
            .withRetryPolicy(RetryPolicy.fixed(SHORT));

    private EventModel model = new EventModel(MAX_ATTEMPTS, DeadLetterKeys.FREE);
    private final List<Late> late = new ArrayList<>();

    /** Acknowledgements that were said and of which the model does not know yet what became. */
    private final AtomicInteger unanswered = new AtomicInteger();

    ModelContract(EventChannelContract contract) {
        super(contract);
    }

    @BeforeEach
    void allOfIt() {
        Set.of(Capability.RETRY, Capability.KEYS, Capability.DELAY, Capability.DEDUPLICATION, Capability.UPKEEP)
                .forEach(this::requires);
    }

    @AfterEach
    void leaveNoTransactionOpen() {
        endLate(open -> true);
    }

    @Test
    void everyEventEndsOnceWhateverIsDoneWithIt() {
        runSeeded(DeadLetterKeys.FREE);
    }

    /** Dead letters are requeued until there are none, since each holds back what follows in its key. */
    @Test
    void everyEventIsAcknowledgedInTheEndWhereDeadLettersParkTheirKeys() {
        runSeeded(DeadLetterKeys.PARK);
        assertThat(model.notAcked()).isEmpty();
    }

    private void runSeeded(DeadLetterKeys deadLetterKeys) {
        long seed = Long.getLong("reactiveevents.seed", System.nanoTime());
        try {
            run(new Random(seed), deadLetterKeys);
        } catch (Throwable failure) {
            throw new AssertionError("It failed with -Dreactiveevents.seed=" + seed, failure);
        }
    }

    private void run(Random random, DeadLetterKeys deadLetterKeys) {
        model = new EventModel(MAX_ATTEMPTS, deadLetterKeys);
        ChannelOptions options = WILD.withDeadLetterKeys(deadLetterKeys);
        List<EventChannel> channels = List.of(open(options), open(options));
        List<Consumer> consumers = IntStream.range(0, CONSUMERS)
                .mapToObj(number -> consumer(channels, number, random))
                .collect(Collectors.toCollection(ArrayList::new));
        for (int i = 0; i < EVENTS; i++) {
            publish(channels.get(i % channels.size()), random);
            if (i % CRASH_EVERY == CRASH_EVERY - 1) {
                int crashed = random.nextInt(CONSUMERS);
                consumers.get(crashed).cancel();
                consumers.set(crashed, consumer(channels, crashed, random));
                await(channels.get(0).deadLetters(channel).requeue(DeadLetterQuery.oldest(3)));
            }
        }
        endLate(open -> true);
        ChannelCounts counts = awaitTheEnd(channels.get(0), deadLetterKeys);

        assertThat(model.violations()).isEmpty();
        assertThat(channels.get(1)
                        .deadLetters(channel)
                        .browse(DeadLetterQuery.oldest(EVENTS))
                        .map(DeadLetter::eventId)
                        .collect(Collectors.toSet())
                        .block(AWAIT))
                .isEqualTo(model.notAcked());
        assertThat(counts.dead().atLeast()).isEqualTo(model.notAcked().size());
        assertThat(model.acked()).isNotEmpty();
    }

    /** Some in transactions that stay open while others are published, and then commit or do not. */
    private void publish(EventChannel events, Random random) {
        String id = UUID.randomUUID().toString();
        Event event = Event.of(channel, id).withId(id);
        String key = random.nextInt(3) == 0 ? null : "key" + random.nextInt(KEYS);
        if (key != null) {
            event = event.withKey(key);
        }
        if (random.nextInt(5) == 0) {
            event = event.withDelay(Duration.ofMillis(random.nextInt(50)));
        }
        if (random.nextInt(10) == 0 && publishLate(events, event, random)) {
            return;
        }
        model.publishing(id, key);
        await(events.publish(event));
        endLate(open -> open.waits-- == 0);
        if (random.nextInt(10) == 0 && has(Capability.RETENTION)) { // once its row is gone, an id is free again
            await(events.publish(event));
        }
    }

    private boolean publishLate(EventChannel events, Event event, Random random) {
        Uncommitted transaction = publishUncommitted(events, event);
        if (transaction == null) {
            return false;
        }
        Late open = new Late(transaction, random.nextInt(4) > 0, random.nextInt(MOST_LATE));
        if (open.commits) { // otherwise it must never arrive
            model.publishingUncommitted(Objects.requireNonNull(event.id()).toString(), event.key());
        }
        late.add(open);
        return true;
    }

    private void endLate(Predicate<Late> which) {
        List<Late> ending = late.stream().filter(which).toList();
        late.removeAll(ending);
        ending.forEach(open -> awaitEnd(open.commits ? open.transaction.commit() : open.transaction.rollback()));
    }

    /** A transaction that is ended after some other events were published. */
    private static final class Late {

        private final Uncommitted transaction;
        private final boolean commits;
        private int waits;

        Late(Uncommitted transaction, boolean commits, int waits) {
            this.transaction = transaction;
            this.commits = commits;
            this.waits = waits;
        }
    }

    private Consumer consumer(List<EventChannel> channels, int number, Random random) {
        Consumer consumer = new Consumer(new Random(random.nextLong()));
        channels.get(number % channels.size()).subscribe(channel).subscribe(consumer);
        return consumer;
    }

    /** When nothing waits in the store, and what was acknowledged until then is answered: the store knows it before. */
    private ChannelCounts awaitTheEnd(EventChannel events, DeadLetterKeys deadLetterKeys) {
        Mono<Long> unparked = deadLetterKeys == DeadLetterKeys.PARK
                ? events.deadLetters(channel).requeue(DeadLetterQuery.oldest(EVENTS))
                : Mono.just(0L);
        return Objects.requireNonNull(Flux.interval(Duration.ofMillis(100))
                .onBackpressureDrop()
                .concatMap(tick -> unparked.then(events.inspect().counts(channel)), 0)
                .filter(counts -> counts.ready().atLeast() == 0
                        && counts.delayed().atLeast() == 0
                        && counts.leased().atLeast() == 0
                        && (counts.dead().atLeast() == 0 || deadLetterKeys == DeadLetterKeys.FREE)
                        && unanswered.get() == 0)
                .next()
                .block(END));
    }

    /** Does what it likes with what it gets. */
    private final class Consumer extends BaseSubscriber<EventMessage> {

        private final Random random;

        Consumer(Random random) {
            this.random = random;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            subscription.request(1 + random.nextInt(5));
        }

        @Override
        protected void hookOnNext(EventMessage message) {
            model.arrived(message);
            fate(message, random.nextInt(100)).subscribe(settled -> {}, error -> {}, () -> request(1));
        }

        private Mono<Boolean> fate(EventMessage message, int draw) {
            if (draw < 60) {
                return ack(message);
            } else if (draw < 70) {
                return Mono.delay(SHORT).then(ack(message));
            } else if (draw < 75) {
                return message.extend(SHORT_LEASE).then(ack(message));
            } else if (draw < 83) {
                return said(message, Said.NACK, message.nack());
            } else if (draw < 91) {
                return said(message, Said.NACK, message.nack(SHORT));
            } else if (draw < 98) {
                return said(message, Said.REJECT, message.reject("drawn"));
            }
            return Mono.empty(); // nobody settles it
        }

        private Mono<Boolean> ack(EventMessage message) {
            return Mono.defer(() -> {
                unanswered.incrementAndGet();
                return said(message, Said.ACK, message.ack())
                        .doOnNext(held -> model.ackAnswered(message, held))
                        .doFinally(end -> unanswered.decrementAndGet());
            });
        }

        private Mono<Boolean> said(EventMessage message, Said said, Mono<Boolean> outcome) {
            return Mono.defer(() -> {
                model.settling(message, said);
                return outcome;
            });
        }
    }
}
