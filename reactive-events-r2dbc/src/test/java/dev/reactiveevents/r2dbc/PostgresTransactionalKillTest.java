package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Consumers in JVMs of their own are killed between their work and its commit: neither is there, or both are. */
@Timeout(value = 30, unit = TimeUnit.MINUTES)
@Isolated("needs both cores for its processes")
@ParameterizedClass
@EnumSource(names = {"TABLE_QUEUE", "LISTEN_NOTIFY_DURABLE"})
class PostgresTransactionalKillTest {

    private static final int ROUNDS = Boolean.getBoolean("reactiveevents.soak") ? 50 : 3;
    private static final int EVENTS_OF_A_ROUND = 400;
    private static final int WORKED_ON_BEFORE_THE_KILL = 40;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    private final PostgresQueue queue = new PostgresQueue();
    private final String ledger = queue.table() + "_ledger";
    private final BackendType backend;
    private final R2dbcEventChannel events;

    PostgresTransactionalKillTest(BackendType backend) {
        this.backend = backend;
        this.events = queue.open(queue.builder(queue.pool("publisher", 4)).backend(backend));
    }

    @AfterEach
    void close() {
        queue.execute("DROP TABLE " + ledger);
        queue.close();
    }

    private ChildProcess consumer() {
        return ChildProcess.run(
                TransactionalProcess.class, queue.url(), backend.name(), queue.table(), "payments", ledger);
    }

    private void publish(int round) {
        events.publishAll(IntStream.range(round * EVENTS_OF_A_ROUND, (round + 1) * EVENTS_OF_A_ROUND)
                        .mapToObj(i -> Event.of("payments", i))
                        .toList())
                .block(LIMIT);
    }

    @Test
    void aConsumerThatIsKilledInMidWorkLeavesEveryEventExactlyOnce() {
        queue.execute("CREATE TABLE " + ledger + " (payment integer NOT NULL)");
        ChildProcess other = consumer();
        try {
            Flux.fromStream(other::lines)
                    .subscribeOn(Schedulers.boundedElastic())
                    .subscribe();
            long interrupted = 0;
            for (int round = 0; round < ROUNDS; round++) {
                publish(round);
                interrupted += killInMidWork();
            }
            assertThat(interrupted)
                    .as("handlers that were killed before their commit")
                    .isPositive();
            awaitAllAcked();
        } finally {
            other.close();
        }

        assertThat(queue.number("SELECT count(*) FROM " + ledger)).isEqualTo(ROUNDS * EVENTS_OF_A_ROUND);
        assertThat(queue.number("SELECT count(DISTINCT payment) FROM " + ledger))
                .isEqualTo(ROUNDS * EVENTS_OF_A_ROUND);
        assertThat(queue.number("SELECT count(*) FROM ${table} WHERE status <> 'acked'"))
                .isZero();
    }

    /** Answers how many events it had worked on without a commit: nobody has them again before their lease has lapsed. */
    private long killInMidWork() {
        Set<String> workedOn = ConcurrentHashMap.newKeySet();
        ChildProcess victim = consumer();
        CompletableFuture<Void> read = Flux.fromStream(victim::lines)
                .subscribeOn(Schedulers.boundedElastic())
                .doOnNext(workedOn::add)
                .onErrorComplete(UncheckedIOException.class) // how it may end
                .then()
                .toFuture();
        try {
            Mono.fromSupplier(() -> workedOn.size() >= WORKED_ON_BEFORE_THE_KILL)
                    .filter(enough -> enough)
                    .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(5)))
                    .timeout(Duration.ofSeconds(30), Mono.empty())
                    .block(LIMIT);
        } finally {
            victim.close();
        }
        victim.exit().join();
        read.join();
        List<Integer> committed =
                queue.query("SELECT payment FROM " + ledger, row -> row.get("payment", Integer.class));
        committed.forEach(payment -> workedOn.remove(String.valueOf(payment)));
        return workedOn.size();
    }

    /** As long as it takes, since fifty rounds leave thousands of events to one consumer; but not at a standstill. */
    private void awaitAllAcked() {
        Mono.fromSupplier(() -> queue.number("SELECT count(*) FROM ${table} WHERE status <> 'acked'"))
                .subscribeOn(Schedulers.boundedElastic())
                .repeatWhen(read -> read.delayElements(Duration.ofMillis(100)))
                .distinctUntilChanged()
                .timeout(LIMIT)
                .takeUntil(open -> open == 0)
                .blockLast();
    }
}
