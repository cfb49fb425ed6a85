package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.SubscribeOptions;
import java.math.BigInteger;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.util.function.Tuple2;
import reactor.util.retry.Retry;

/** Connections are killed on a real server: while a statement of ours is certainly running, and at random. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class PostgresFaultsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final PostgresQueue queue = new PostgresQueue();
    private final String victim = "victim-" + UUID.randomUUID();
    private final R2dbcEventChannel events = queue.open(
            queue.builder(queue.pool(victim, 10)).lease(Duration.ofSeconds(2)).pollInterval(Duration.ofMillis(100)));

    @AfterEach
    void close() {
        queue.close();
    }

    @Test
    void aPublishWhoseConnectionIsKilledIsOfUnknownOutcomeAndStoredOnceWhenRepeated() throws Exception {
        Mono<String> publishing = events.publish("orders", 1);
        CompletableFuture<String> first;
        try (PostgresQueue.Lock lock = queue.lock()) {
            first = publishing.toFuture();
            queue.killWhenBlocked(victim);
            assertThat(errorOf(first)).isInstanceOf(EventException.OutcomeUnknown.class);
            lock.rollback();
        }
        String id = publishing.block(LIMIT);
        assertThat(publishing.block(LIMIT)).isEqualTo(id);

        assertThat(queue.number("SELECT count(*) FROM ${table}")).isEqualTo(1);
    }

    private static Throwable errorOf(CompletableFuture<?> future) throws Exception {
        try {
            Object value = future.get(30, TimeUnit.SECONDS);
            throw new AssertionError("An error was expected, not " + value);
        } catch (ExecutionException failed) {
            return failed.getCause();
        }
    }

    @Test
    void anAckWhoseConnectionIsKilledIsRepeated() throws Exception {
        events.publish("orders", 1).block(LIMIT);
        EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
        CompletableFuture<Boolean> ack;
        try (PostgresQueue.Lock lock = queue.lock()) {
            ack = message.ack().toFuture();
            queue.killWhenBlocked(victim);
            lock.rollback();
        }

        assertThat(ack.get(30, TimeUnit.SECONDS)).isTrue();
        assertThat(queue.query("SELECT status FROM ${table}", row -> row.get(0, String.class)))
                .containsExactly("acked");
    }

    @Test
    void aClaimWhoseConnectionIsKilledIsRepeated() throws Exception {
        events.publish("orders", 1).block(LIMIT);
        CompletableFuture<EventMessage> received;
        try (PostgresQueue.Lock lock = queue.lock()) {
            received = events.subscribe("orders").next().toFuture();
            queue.killWhenBlocked(victim);
            lock.rollback();
        }

        assertThat(received.get(30, TimeUnit.SECONDS).ack().block(LIMIT)).isTrue();
    }

    /** Once a second claim waits, nobody waits for the first. What it leases would be found again only when the leases end. */
    @Test
    void whatAClaimLeasesThatIsAnsweredTooLateIsGivenBack() {
        R2dbcEventChannel consumer = queue.open(queue.builder(queue.pool("late-" + victim, 10))
                .publishTimeout(Duration.ofSeconds(1))
                .lease(Duration.ofMinutes(5)));
        Flux.range(0, 20).concatMap(i -> events.publish("orders", i)).blockLast(LIMIT);
        CompletableFuture<List<Integer>> attempts;
        try (PostgresQueue.Lock lock = queue.lock()) {
            attempts = consumer.subscribe("orders", SubscribeOptions.defaults().withPrefetch(5))
                    .concatMap(message -> message.ack().thenReturn(message.attempts()))
                    .take(20)
                    .collectList()
                    .toFuture();
            queue.awaitBlocked("late-" + victim, 2);
            lock.rollback();
        }

        assertThat(Mono.fromFuture(attempts).block(LIMIT)).hasSize(20).containsOnly(1);
    }

    @Test
    void nothingIsLostOrStuckWhenAllConnectionsAreKilledAgainAndAgain() {
        int count = 3_000;
        AtomicLong killed = new AtomicLong();
        Set<Integer> acked = ConcurrentHashMap.newKeySet();
        Sinks.Many<Long> milestones = Sinks.many().unicast().onBackpressureBuffer();
        Mono<Boolean> killing = milestones
                .asFlux()
                .publishOn(Schedulers.boundedElastic())
                .doOnNext(milestone -> killed.addAndGet(queue.kill(victim)))
                .then(Mono.just(true));
        Flux<Integer> consumed = Flux.merge(consumer(acked), consumer(acked)).takeUntil(i -> acked.size() == count);
        Mono<List<String>> published = Flux.range(0, count)
                .flatMap(i -> events.publish("orders", i).retryWhen(patiently()), 16)
                .index()
                .doOnNext(stored -> {
                    if (stored.getT1() % 200 == 0) {
                        milestones.tryEmitNext(stored.getT1());
                    }
                })
                .doOnComplete(milestones::tryEmitComplete)
                .map(Tuple2::getT2)
                .collectList();
        List<String> ids = Mono.zip(published, consumed.then(Mono.just(true)), killing)
                .block(Duration.ofMinutes(1))
                .getT1();

        assertThat(killed).hasValueGreaterThan(10);
        assertThat(ids).hasSize(count).doesNotHaveDuplicates();
        assertThat(queue.number("SELECT count(*) FROM ${table}")).isEqualTo(count);
        assertThat(queue.number("SELECT count(*) FROM ${table} WHERE status = 'dead'"))
                .isZero();
        assertThat(acked).hasSize(count);
    }

    private static Retry patiently() {
        return Retry.fixedDelay(200, Duration.ofMillis(20))
                .filter(error ->
                        error instanceof EventException.OutcomeUnknown || error instanceof EventException.Unavailable);
    }

    private Flux<Integer> consumer(Set<Integer> acked) {
        return events.subscribe("orders")
                .flatMap(
                        message -> message.ack()
                                .onErrorReturn(false)
                                .filter(done -> done)
                                .map(done -> message.payloadAs(Integer.class)),
                        64)
                .doOnNext(acked::add);
    }

    @Test
    void anEventThatOnlyTheDatabaseRefusesFailsAlone() {
        String monster = "1" + "0".repeat(140_000);
        List<Mono<String>> publishes = Flux.range(0, 1_000)
                .map(i -> events.publish("orders", i == 500 ? new BigInteger(monster) : i))
                .collectList()
                .block(LIMIT);
        List<Object> answers = Flux.fromIterable(publishes)
                .flatMap(publish -> publish.cast(Object.class).onErrorResume(Mono::just), 1_000)
                .collectList()
                .block(LIMIT);

        assertThat(answers)
                .filteredOn(Throwable.class::isInstance)
                .singleElement()
                .isInstanceOf(EventException.Invalid.class);
        assertThat(queue.number("SELECT count(*) FROM ${table}")).isEqualTo(999);
    }

    @Test
    void anIdThatAnotherTransactionHoldsIsWaitedForWithoutHoldingUpOthers() throws Exception {
        UUID id = UUID.randomUUID();
        String insert = "INSERT INTO " + queue.table()
                + " (event_id, channel, payload, deliver_at, available_at, created_at) VALUES ('" + id
                + "', 'orders', '1', now(), now(), now())";
        CompletableFuture<String> waiting;
        try (PostgresQueue.Lock other = queue.new Lock(insert)) {
            waiting = events.publish(Event.of("orders", 1).withId(id)).toFuture();
            events.publish("orders", 2).block(LIMIT);
            events.publishAll(List.of(Event.of("orders", 3))).block(LIMIT);
            assertThat(waiting).isNotDone();
            other.commit();
        }

        assertThat(waiting.get(30, TimeUnit.SECONDS)).isEqualTo(id.toString());
        assertThat(queue.number("SELECT count(*) FROM ${table}")).isEqualTo(3);
    }

    @Test
    void aTableThatIsNotThereIsReportedWithTheRemedy() {
        R2dbcEventChannel lost = queue.open(Channels.tableQueue(queue.direct()).queueTable("never_migrated"));

        StepVerifier.create(lost.publish("orders", 1))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Misconfigured.class)
                        .hasMessageContainingAll("never_migrated", "EventSchema", "migrate()"));
        StepVerifier.create(lost.subscribe("orders"))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(EventException.Misconfigured.class)
                        .hasMessageContainingAll("never_migrated", "EventSchema", "migrate()"));
    }
}
