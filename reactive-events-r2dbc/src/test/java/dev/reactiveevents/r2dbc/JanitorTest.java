package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.DeadLetterKeys;
import dev.reactiveevents.Event;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.H2Dialect;
import dev.reactiveevents.r2dbc.dialect.MySqlDialect;
import dev.reactiveevents.r2dbc.dialect.PostgresDialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class JanitorTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration RETENTION = Duration.ofHours(1);
    private static final int MANY_BATCHES = 40_345;

    @Nested
    class OnPostgres extends OnEveryDatabase {
        OnPostgres() {
            super(TestDatabase.postgres(), new PostgresDialect());
        }

        @Override
        String series(int count) {
            return "SELECT gen_random_uuid() AS id FROM generate_series(1, " + count + ") AS s (i)";
        }
    }

    @Nested
    class OnPostgresWithNotifications extends OnPostgres {
        @Override
        R2dbcEventChannelBuilder builder() {
            return super.builder().backend(BackendType.LISTEN_NOTIFY_DURABLE);
        }
    }

    @Nested
    class OnH2 extends OnEveryDatabase {
        OnH2() {
            super(TestDatabase.h2(), new H2Dialect());
        }

        @Override
        String series(int count) {
            return "SELECT random_uuid() AS id FROM system_range(1, " + count + ")";
        }
    }

    @Nested
    class OnMariaDb extends OnEveryDatabase {
        OnMariaDb() {
            super(TestDatabase.mariaDb(), new MySqlDialect());
        }

        @Override
        String series(int count) {
            return "SELECT UNHEX(REPLACE(UUID(), '-', '')) AS id FROM seq_1_to_" + count;
        }

        @Override
        String now() {
            return "UTC_TIMESTAMP(6)";
        }
    }

    abstract static class OnEveryDatabase {

        private final TestDatabase database;
        private final Dialect dialect;

        OnEveryDatabase(TestDatabase database, Dialect dialect) {
            this.database = database.migrated();
            this.dialect = dialect;
        }

        /** So many rows of random ids, named {@code id}. */
        abstract String series(int count);

        String now() {
            return "CURRENT_TIMESTAMP";
        }

        R2dbcEventChannelBuilder builder() {
            return database.builder();
        }

        private Janitor janitor(String table, Duration interval) {
            return janitor(table, interval, dialect);
        }

        private Janitor janitor(String table, Duration interval, Dialect dialect) {
            QueueTable queue = QueueTable.of(table);
            return new Janitor(
                    new Database(database.connections(), dialect, queue),
                    dialect.statements(queue, RETENTION),
                    queue,
                    interval);
        }

        private void insert(String table, int count, String status, String settledAgo) {
            String now = now();
            database.execute("INSERT INTO \"" + table
                    + "\" (event_id, channel, payload, status, deliver_at, created_at, settled_at) SELECT id, 'orders', '1', '"
                    + status + "', " + now + ", " + now + ", " + now + " - INTERVAL '" + settledAgo + "' MINUTE FROM ("
                    + series(count) + ") AS ids");
        }

        private long rows(String table) {
            return database.number("SELECT count(*) FROM \"" + table + "\"");
        }

        @Test
        void onlyAckedEventsWhoseRetentionIsOverGoHoweverManyTheyAre() {
            insert("queue", MANY_BATCHES, "acked", "61");
            insert("queue", 3, "acked", "59");
            insert("queue", 5, "dead", "61");
            insert("queue", 7, "ready", "61");
            insert("queue", 11, "leased", "61");
            janitor("queue", LIMIT).round().block(LIMIT);

            assertThat(database.query("SELECT status FROM \"queue\" GROUP BY status ORDER BY status", String.class))
                    .containsExactly("acked", "dead", "leased", "ready");
            assertThat(rows("queue")).isEqualTo(3 + 5 + 7 + 11);
        }

        @Test
        void deadLettersGoWhenTheirOwnRetentionIsOverHoweverManyTheyAre() {
            insert("queue", MANY_BATCHES, "dead", "61");
            database.execute("UPDATE \"queue\" SET channel = 'invoices' WHERE MOD(seq, 3) = 0");
            insert("queue", 3, "dead", "59");
            insert("queue", 5, "ready", "61");
            insert("queue", 7, "acked", "59");
            QueueTable table = QueueTable.of("queue");
            janitor("queue", LIMIT)
                    .removingDead(dialect.upkeep(table), table, RETENTION)
                    .round()
                    .block(LIMIT);
            assertThat(rows("queue")).isEqualTo(3 + 5 + 7);
        }

        /** How many rows others see whenever a transaction begins. */
        private Dialect watched(List<Long> rows) {
            return (Dialect) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {Dialect.class}, (proxy, method, arguments) -> {
                        Object answer = method.invoke(dialect, arguments);
                        return method.getName().equals("begin")
                                ? committedRows().doOnNext(rows::add).then((Mono<?>) answer)
                                : answer;
                    });
        }

        private Mono<Long> committedRows() {
            return Mono.usingWhen(
                            Mono.from(database.connections().create()),
                            connection -> Mono.from(connection
                                            .createStatement(database.inItsWords("SELECT count(*) FROM \"queue\""))
                                            .execute())
                                    .flatMap(result -> Mono.from(result.map(row -> row.get(0, Long.class)))),
                            Connection::close)
                    .map(Objects::requireNonNull);
        }

        private static void assertSmallSteps(List<Long> rows, int from, int to) {
            assertThat(rows).startsWith((long) from).endsWith((long) to);
            for (int i = 1; i < rows.size(); i++) {
                assertThat(rows.get(i - 1) - rows.get(i)).isBetween(0L, 1_000L);
            }
        }

        @Test
        void noTransactionRemovesMoreThanASmallBatch() {
            insert("queue", 3_500, "acked", "61");
            insert("queue", 2_500, "dead", "61");
            insert("queue", 7, "ready", "61");
            List<Long> rows = new CopyOnWriteArrayList<>();
            QueueTable table = QueueTable.of("queue");
            Janitor janitor =
                    janitor("queue", LIMIT, watched(rows)).removingDead(dialect.upkeep(table), table, RETENTION);
            janitor.round().block(LIMIT);
            rows.add(rows("queue"));
            assertSmallSteps(rows, 6_007, 7);
        }

        @Test
        void aParkedKeyIsLetGoWhenTheRetentionOfItsDeadLetterIsOver() {
            R2dbcEventChannel events = builder()
                    .deadLetterKeys(DeadLetterKeys.PARK)
                    .deadRetention(Duration.ofSeconds(1))
                    .build();
            for (String payload : List.of("first", "second")) {
                events.publish(Event.of("orders", payload).withKey("a")).block(LIMIT);
            }
            EventMessage first = events.receive("orders", LIMIT).block(LIMIT);
            assertThat(first.payloadAs(String.class)).isEqualTo("first");
            assertThat(first.reject("bad").block(LIMIT)).isTrue();

            EventMessage second = events.receive("orders", LIMIT).block(LIMIT);
            assertThat(second.payloadAs(String.class)).isEqualTo("second");
            assertThat(events.deadLetters("orders").count().block(LIMIT)).isZero();
            events.shutdown().block(LIMIT);
        }

        @Test
        void noDeadLettersGoWhileAnotherProcessRemoves() {
            insert("queue", 10, "dead", "61");
            QueueTable table = QueueTable.of("queue");
            Janitor janitor = janitor("queue", LIMIT).removingDead(dialect.upkeep(table), table, RETENTION);
            try (TestDatabase.Transaction other =
                    database.transaction("SELECT task FROM \"queue_maintenance\" WHERE task = 'janitor' FOR UPDATE")) {
                janitor.round().block(LIMIT);
                assertThat(rows("queue")).isEqualTo(10);
                other.rollback();
            }
            janitor.round().block(LIMIT);
            assertThat(rows("queue")).isZero();
        }

        @Test
        void aChannelWithARetentionOfDeadLettersRemovesThemAndKeepsAckedOnes() {
            R2dbcEventChannel events =
                    builder().deadRetention(Duration.ofSeconds(1)).build();
            insert("queue", 10, "dead", "1");
            insert("queue", 3, "acked", "1");
            assertThat(events.receive("orders", Duration.ZERO).block(LIMIT)).isNull();
            database.await("SELECT count(*) FROM \"queue\"", 3);
            events.shutdown().block(LIMIT);
        }

        @Test
        void nothingGoesWhileAnotherProcessRemoves() {
            insert("queue", 10, "acked", "61");
            Janitor janitor = janitor("queue", LIMIT);
            try (TestDatabase.Transaction other =
                    database.transaction("SELECT task FROM \"queue_maintenance\" WHERE task = 'janitor' FOR UPDATE")) {
                janitor.round().block(LIMIT);
                assertThat(rows("queue")).isEqualTo(10);
                other.rollback();
            }

            janitor.round().block(LIMIT);
            assertThat(rows("queue")).isZero();
        }

        @Test
        void aJanitorThatWasStoppedRemovesNothingMore() {
            Janitor janitor = janitor("queue", Duration.ofMillis(10));
            insert("queue", 10, "acked", "61");
            janitor.start();
            database.await("SELECT count(*) FROM \"queue\"", 0);
            janitor.stop().block(LIMIT);
            insert("queue", 10, "acked", "61");
            janitor.start();
            awaitARoundOfAnother(Duration.ofMillis(30));

            assertThat(rows("queue")).isEqualTo(10);
        }

        @Test
        void aChannelStartsItsJanitorWhenItIsUsedAndStopsItWhenItIsShutDown() {
            R2dbcEventChannel events =
                    builder().retention(Duration.ofSeconds(1)).build();
            insert("queue", 10, "acked", "1");
            assertThat(events.receive("orders", Duration.ZERO).block(LIMIT)).isNull();
            database.await("SELECT count(*) FROM \"queue\"", 0);
            events.shutdown().block(LIMIT);
            insert("queue", 10, "acked", "1");
            awaitARoundOfAnother(Duration.ofMillis(1_300));

            assertThat(rows("queue")).isEqualTo(10);
        }

        @Test
        void whatWasPublishedReceivedAndAcknowledgedIsGoneWhenItsRetentionIsOver() {
            R2dbcEventChannel events =
                    builder().retention(Duration.ofSeconds(1)).build();
            events.publish("orders", 1).block(LIMIT);
            EventMessage message = events.receive("orders", LIMIT).block(LIMIT);
            assertThat(rows("queue")).isEqualTo(1);
            assertThat(message.ack().block(LIMIT)).isTrue();
            database.await("SELECT count(*) FROM \"queue\"", 0);
            events.shutdown().block(LIMIT);
        }

        /** Shows that there has been time for a round: that of a janitor that begins now, of another queue. */
        private void awaitARoundOfAnother(Duration interval) {
            EventSchema.of(Channels.tableQueue(database.connections())
                            .queueTable("other")
                            .build())
                    .migrate()
                    .block(LIMIT);
            insert("other", 10, "acked", "61");
            Janitor other = janitor("other", interval);
            other.start();
            database.await("SELECT count(*) FROM \"other\"", 0);
            other.stop().block(LIMIT);
        }
    }
}
