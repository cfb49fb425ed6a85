package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.dialect.MySqlDialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.ClaimedEvent;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A claim is served by its index: it reads what it takes and little more, and locks what it takes. */
class MySqlClaimPlanTest {

    private static final int MANY = 50_000;
    private static final int BATCH = 300;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(MariaDbServer.freshDatabase());
        }
    }

    @Nested
    class OnMySql extends OnEither {
        OnMySql() {
            super(MySqlServer.freshDatabase());
        }
    }

    /** One step of a plan: a table by its alias, and the index by which it is read. */
    private record Step(String table, String key, String extra) {}

    abstract static class OnEither {

        private final MySqlQueue queue;
        private final TestDatabase database;
        private final MySqlDialect dialect = new MySqlDialect();
        private final QueueTable table = QueueTable.of(MySqlQueue.TABLE);
        private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));

        OnEither(String url) {
            this.queue = new MySqlQueue(url);
            this.database = queue.database();
            insert(10 * BATCH, "'ready', UTC_TIMESTAMP(6), NULL, NULL");
        }

        @AfterEach
        void close() {
            queue.close();
        }

        private void insert(int rows, String statusAvailableSettledKey) {
            database.execute("INSERT INTO " + MySqlQueue.TABLE
                    + " (event_id, channel, payload, deliver_at, created_at, status, available_at, settled_at, event_key)"
                    + " WITH RECURSIVE tens AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM tens WHERE i < 9)"
                    + " SELECT UNHEX(REPLACE(UUID(), '-', '')), 'orders', '1', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), "
                    + statusAvailableSettledKey + " FROM tens a, tens b, tens c, tens d, tens e LIMIT " + rows);
        }

        private Claim claim(int limit) {
            return new Claim(UUID.randomUUID(), LIMIT, false, List.of(new Claim.Request("orders", limit, 10)));
        }

        private <T> T inTransaction(Connection connection, Function<Connection, Mono<T>> work) {
            return dialect.begin(connection).then(work.apply(connection)).block(LIMIT);
        }

        // == What it reads ==

        @Test
        void aBacklogIsNotWalked() {
            insert(MANY, "'ready', UTC_TIMESTAMP(6), NULL, NULL");
            assertThatAClaimIsCheap();
        }

        @Test
        void acknowledgedEventsThatAreKeptAreNotWalked() {
            insert(MANY, "'acked', NULL, UTC_TIMESTAMP(6), NULL");
            assertThatAClaimIsCheap();
        }

        @Test
        void delayedEventsAreNotWalked() {
            insert(MANY, "'ready', UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, NULL, NULL");
            assertThatAClaimIsCheap();
        }

        /** By the server's own count of rows that were read, in the session of the claim. */
        private void assertThatAClaimIsCheap() {
            Connection connection = Mono.from(queue.pool().create()).block(LIMIT);
            claimAndCommit(connection, statements, BATCH);
            Map<String, Long> before = reads(connection);
            Claimed claimed = claimAndCommit(connection, statements, BATCH);
            Map<String, Long> after = reads(connection);
            Mono.from(connection.close()).block(LIMIT);

            assertThat(claimed.events()).hasSize(BATCH);
            long reads = after.entrySet().stream()
                    .mapToLong(entry -> entry.getValue() - before.get(entry.getKey()))
                    .sum();
            assertThat(reads).as("rows read: %s after %s", after, before).isLessThan(5 * BATCH);
        }

        private Claimed claimAndCommit(Connection connection, QueueStatements by, int limit) {
            Claimed claimed = inTransaction(connection, same -> by.claim(same, claim(limit), "test", () -> {}))
                    .get(0);
            dialect.commit(connection).block(LIMIT);
            return claimed;
        }

        private static Map<String, Long> reads(Connection connection) {
            return new TreeMap<>(Flux.from(connection
                            .createStatement("SHOW SESSION STATUS LIKE 'Handler_read%'")
                            .execute())
                    .concatMap(result -> result.map(
                            row -> Map.entry(row.get(0, String.class), Long.parseLong(row.get(1, String.class)))))
                    .collectMap(Map.Entry::getKey, Map.Entry::getValue)
                    .block(LIMIT));
        }

        // == By which indexes ==

        @Test
        void everySelectIsServedByAnIndexAndSortsNoBacklog() {
            insert(500, "'ready', UTC_TIMESTAMP(6), NULL, CONCAT('key', FLOOR(RAND() * 50))");
            database.execute("ANALYZE TABLE " + MySqlQueue.TABLE);
            Queue<Step> plan = new ConcurrentLinkedQueue<>();
            Connection connection = Mono.from(queue.pool().create()).block(LIMIT);
            Connection explaining = explaining(connection, plan);
            claimAndCommit(explaining, statements, BATCH); // learns that there are keys
            claimAndCommit(explaining, statements, BATCH);
            claimAndCommit(explaining, statements, 20 * BATCH);
            Mono.from(connection.close()).block(LIMIT);

            assertThat(plan).extracting(Step::key).contains("reactive_event_queue_claim", "reactive_event_queue_keys");
            assertThat(plan)
                    .filteredOn(step -> "e".equals(step.table()) || MySqlQueue.TABLE.equals(step.table()))
                    .hasSizeGreaterThan(5)
                    .allSatisfy(step -> assertThat(step.key()).isNotNull());
            assertThat(plan)
                    .filteredOn(step -> "reactive_event_queue_claim".equals(step.key()))
                    .allSatisfy(step -> assertThat(step.extra()).doesNotContain("filesort"));
        }

        private Connection explaining(Connection connection, Queue<Step> plan) {
            return (Connection) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, values) -> {
                        Object answer = method.invoke(connection, values);
                        boolean select = method.getName().equals("createStatement")
                                && ((String) values[0]).contains("SELECT")
                                && ((String) values[0]).contains(MySqlQueue.TABLE);
                        return select ? explained(connection, (String) values[0], (Statement) answer, plan) : answer;
                    });
        }

        private Statement explained(Connection connection, String sql, Statement statement, Queue<Step> plan) {
            Statement explanation = connection.createStatement("EXPLAIN " + sql);
            return (Statement) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {Statement.class}, (proxy, method, values) -> {
                        if (method.getName().equals("execute")) {
                            return Flux.from(explanation.execute())
                                    .concatMap(result -> result.map(row -> new Step(
                                            row.get("table", String.class),
                                            row.get("key", String.class),
                                            String.valueOf(row.get("Extra", String.class)))))
                                    .doOnNext(plan::add)
                                    .thenMany(Flux.from(statement.execute()));
                        }
                        method.invoke(explanation, values);
                        method.invoke(statement, values);
                        return proxy;
                    });
        }

        // == What it locks ==

        @Test
        void aClaimLocksWhatItTakesAndNothingElse() {
            database.execute("DELETE FROM " + MySqlQueue.TABLE);
            insert(1_000, "'ready', UTC_TIMESTAMP(6), NULL, NULL");
            Connection one = Mono.from(queue.pool().create()).block(LIMIT);
            Connection other = Mono.from(queue.pool().create()).block(LIMIT);
            Claimed few = inTransaction(one, same -> statements.claim(same, claim(10), "one", () -> {}))
                    .get(0);
            Claimed rest = inTransaction(other, same -> statements.claim(same, claim(1_000), "other", () -> {}))
                    .get(0);
            dialect.commit(one).then(dialect.commit(other)).block(LIMIT);
            Flux.just(one, other).flatMap(Connection::close).blockLast(LIMIT);

            Set<UUID> all = new HashSet<>();
            few.events().stream().map(ClaimedEvent::eventId).forEach(all::add);
            rest.events().stream().map(ClaimedEvent::eventId).forEach(all::add);
            assertThat(few.events()).hasSize(10);
            assertThat(rest.events()).hasSize(990);
            assertThat(all).hasSize(1_000);
        }

        @Test
        void twoConsumersShareAThousandEvents() {
            database.execute("DELETE FROM " + MySqlQueue.TABLE);
            insert(1_000, "'ready', UTC_TIMESTAMP(6), NULL, NULL");
            List<Long> shares = Flux.range(0, 2)
                    .map(i -> queue.open(queue.builder().claimBatch(50).prefetch(50)))
                    .flatMap(events -> events.subscribe("orders")
                            .concatMap(EventMessage::ack)
                            .takeUntilOther(allAreAcked())
                            .count())
                    .collectList()
                    .block(LIMIT);
            assertThat(shares).hasSize(2).allSatisfy(share -> assertThat(share).isGreaterThan(250));
        }

        private Mono<Boolean> allAreAcked() {
            return Mono.fromRunnable(() ->
                            database.await("SELECT count(*) FROM " + MySqlQueue.TABLE + " WHERE status <> 'acked'", 0))
                    .subscribeOn(reactor.core.scheduler.Schedulers.boundedElastic())
                    .thenReturn(true);
        }
    }
}
