package dev.reactiveevents.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.BackendType;
import dev.reactiveevents.r2dbc.ChildProcess;
import dev.reactiveevents.r2dbc.EventSchema;
import dev.reactiveevents.r2dbc.PostgresServer;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Relays in JVMs of their own are killed while events are published in transactions, and the broker is restarted: the topic
 * gets all that was committed, nothing that was rolled back, and each key in its order.
 */
@Timeout(value = 50, unit = TimeUnit.MINUTES)
@Isolated("needs both cores for its processes")
class RelayKillTest {

    private static final boolean SOAK = Boolean.getBoolean("reactiveevents.soak");
    private static final int EVENTS = SOAK ? 50_000 : 5_000;
    private static final int KILLS = SOAK ? 20 : 2;

    /** The relays are young processes: of their first thousand events each takes several times as long as of later ones. */
    private static final int WARMING_UP = 1_500;

    private static final int UNDISTURBED = 2_000;

    /** With four at once some hundred commits a second. */
    private static final Duration PACE = Duration.ofMillis(30);

    private static final int RELAYS = 2;
    private static final Duration LIMIT = Duration.ofMinutes(3);

    private final String url = PostgresServer.freshDatabase();
    private final ConnectionFactory database = ConnectionFactories.get(url);
    private final ConnectionPool pool = new ConnectionPool(ConnectionPoolConfiguration.builder(database)
            .initialSize(0)
            .maxSize(8)
            .build());
    private final R2dbcEventChannel events = R2dbcEventChannel.builder(pool)
            .backend(BackendType.LISTEN_NOTIFY_DURABLE)
            .queueTable("outbox")
            .build();
    private final KafkaBroker broker = new KafkaBroker();
    private final String topic = broker.newTopic();
    private final Deque<ChildProcess> relays = new ArrayDeque<>();

    @AfterEach
    void close() {
        relays.forEach(ChildProcess::close);
        events.shutdown().block(LIMIT);
        pool.disposeLater().block(LIMIT);
        broker.close();
    }

    private void startRelay() {
        ChildProcess relay = ChildProcess.run(RelayProcess.class, url, "outbox", "orders", broker.servers(), topic);
        relays.add(relay);
        Stream<String> lines = relay.lines();
        assertThat(lines.findFirst()).contains("ready");
    }

    private void killOldestRelay() {
        ChildProcess victim = relays.remove();
        victim.close();
        victim.exit().join();
    }

    private static void await(BooleanSupplier holds) {
        Mono.fromSupplier(holds::getAsBoolean)
                .subscribeOn(Schedulers.boundedElastic())
                .filter(held -> held)
                .repeatWhenEmpty(empty -> empty.delayElements(Duration.ofMillis(10)))
                .block(LIMIT);
    }

    @Test
    void theTopicGetsWhatWasCommittedAndNothingElse() {
        EventSchema.of(events).migrate().block(LIMIT);
        PostgresServer.execute(database, "CREATE TABLE business (number integer NOT NULL)");
        Committing committing = new Committing(pool, events, "business");
        for (int i = 0; i < RELAYS; i++) {
            startRelay();
        }
        try (TopicLog log = new TopicLog(broker, topic)) {
            committing.run(0, WARMING_UP).block(LIMIT);
            await(() -> committing.areAllIn(log.distinct()));
            Set<String> before = Set.copyOf(committing.committed.keySet());
            committing.run(WARMING_UP, UNDISTURBED, PACE).block(LIMIT);
            await(() -> committing.areAllIn(log.distinct()));
            tellLatency(committing, log, before);

            Mono<Void> rest = committing.run(UNDISTURBED, EVENTS).cache();
            rest.subscribe();
            int each = (EVENTS - UNDISTURBED) * 2 / 3 / (KILLS + 1);
            for (int kill = 1; kill <= KILLS; kill++) {
                int due = UNDISTURBED * 2 / 3 + kill * each;
                await(() -> log.distinct().size() >= due);
                killOldestRelay();
                if (kill == (KILLS + 1) / 2) {
                    broker.stop();
                    broker.start();
                }
                startRelay();
            }
            rest.block(LIMIT.multipliedBy(5));
            await(() -> committing.areAllIn(log.distinct()));
            await(() -> number("SELECT count(*) FROM outbox WHERE status <> 'acked'") == 0);

            System.out.printf(
                    "%d events committed, %d rolled back, %d kills: %d records, %d of them twice%n",
                    committing.committed.size(),
                    committing.rolledBack.size(),
                    KILLS,
                    log.count(),
                    log.count() - log.distinct().size());
            assertThat(log.withoutId()).isEmpty();
            assertThat(log.distinct()).doesNotContainAnyElementsOf(committing.rolledBack);
            assertThat(log.distinct()).isEqualTo(committing.committed.keySet());
            assertThat(number("SELECT count(*) FROM business")).isEqualTo(committing.committed.size());
            assertThat(log.byKey()).hasSize(Committing.KEYS);
            assertThat(log.byKey().values())
                    .allSatisfy(numbers -> assertThat(numbers)
                            .as("a key's events in order, those that come twice too")
                            .isSorted());
        }
    }

    private static void tellLatency(Committing committing, TopicLog log, Set<String> before) {
        List<Long> sorted = committing.committed.entrySet().stream()
                .filter(commit -> !before.contains(commit.getKey()))
                .map(commit -> log.firstSeen().get(commit.getKey()) - commit.getValue())
                .sorted()
                .toList();
        System.out.printf(
                "commit to record: p50 %d ms, p99 %d ms of %d%n",
                sorted.get(sorted.size() / 2), sorted.get(sorted.size() * 99 / 100), sorted.size());
    }

    private long number(String sql) {
        return Mono.usingWhen(
                        database.create(),
                        connection -> Mono.from(connection.createStatement(sql).execute())
                                .flatMap(result -> Mono.from(result.map(row -> row.get(0, Long.class)))),
                        connection -> connection.close())
                .block(LIMIT);
    }
}
