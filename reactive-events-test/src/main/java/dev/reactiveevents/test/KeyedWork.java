package dev.reactiveevents.test;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Consumers that note who holds which key, and what was done in which order. */
final class KeyedWork {

    private final Map<String, String> holders = new ConcurrentHashMap<>();
    private final Map<String, List<Integer>> done = new ConcurrentHashMap<>();
    private final List<String> violations = new ArrayList<>();
    private final CountDownLatch open;
    private final Disposable.Composite consumers = Disposables.composite();

    KeyedWork(int events) {
        this.open = new CountDownLatch(events);
    }

    void consume(Flux<EventMessage> messages, int concurrency) {
        consumers.add(messages.flatMap(this::work, concurrency).subscribe());
    }

    private Mono<Boolean> work(EventMessage message) {
        String key = Objects.requireNonNull(message.key());
        int number = message.payloadAs(Integer.class);
        String other = holders.putIfAbsent(key, message.eventId());
        if (other != null) {
            violation(message.eventId() + " came while " + other + " of the same key " + key + " was held.");
        }
        boolean fails = message.attempts() == 1 && number % 5 == 0;
        return Mono.delay(Duration.ofMillis(1)).then(Mono.defer(() -> {
            holders.remove(key, message.eventId());
            if (fails) {
                return message.nack(Duration.ofMillis(number % 2 == 0 ? 0 : 20));
            }
            done.computeIfAbsent(key, name -> new ArrayList<>()).add(number);
            return message.ack().doOnNext(acked -> {
                if (!acked) {
                    violation(message.eventId() + " could not be acknowledged.");
                }
                open.countDown();
            });
        }));
    }

    private synchronized void violation(String what) {
        violations.add(what);
    }

    void assertDoneInOrder(int each) {
        try {
            boolean finished = open.await(ContractGroup.AWAIT.toMillis(), TimeUnit.MILLISECONDS);
            consumers.dispose();
            assertThat(finished).as("all is done, but for %s", open.getCount()).isTrue();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError(interrupted);
        }
        synchronized (this) {
            assertThat(violations).isEmpty();
        }
        assertThat(done.values()).allSatisfy(numbers -> assertThat(numbers).isEqualTo(ContractGroup.numbers(0, each)));
    }
}
