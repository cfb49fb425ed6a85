package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.ChannelCounts;
import dev.reactiveevents.ChannelCounts.Count;
import dev.reactiveevents.DeadLetter;
import dev.reactiveevents.DeadLetterQuery;
import dev.reactiveevents.DeadLetters;
import dev.reactiveevents.ProcessingTimes;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.ConnectionFactories;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** On these too dead letters and inspection read what they are asked for and little more, as {@link PostgresUpkeepTest} says. */
class UpkeepPlanTest {

    private static final int MANY = 20_000;
    private static final int STEP = 100;

    /** What is read by a statement is read again where it is counted, sorted or joined. */
    private static final int MOST = 30 * STEP;

    private static final Duration LIMIT = Duration.ofMinutes(2);

    /** By the plans that H2 makes. Of what requeues or purges they tell how it finds its rows, not how many it reads. */
    @Nested
    class OnH2 extends OnEveryDatabase {

        private static final H2Plans PLANS = new H2Plans("\"queue\"");

        private long read;

        OnH2() {
            super(TestDatabase.h2(), database -> database.changed(connection -> connection.map(PLANS::explaining)));
        }

        @Override
        String rows() {
            return "SELECT random_uuid() AS id, x AS i FROM system_range(1, " + MANY + ")";
        }

        @Override
        String now(String seconds) {
            return "DATEADD(SECOND, " + seconds + ", CURRENT_TIMESTAMP)";
        }

        @Override
        long rowsRead() {
            read += PLANS.taken().stream().mapToLong(H2Plans::scanned).sum();
            return read;
        }

        @BeforeEach
        void forgetChanges() {
            PLANS.takenOfChanges();
        }

        /** Only what is said of dead letters: the janitor may remove others meanwhile. */
        @Override
        @Test
        void someAreRequeuedOrPurgedByThemselves() {
            super.someAreRequeuedOrPurgedByThemselves();
            assertThat(PLANS.takenOfChanges().stream().filter(plan -> plan.contains("'dead'")))
                    .anyMatch(plan -> plan.startsWith("UPDATE"))
                    .anyMatch(plan -> plan.startsWith("DELETE"))
                    .allSatisfy(plan -> assertThat(plan)
                            .contains("/* PUBLIC.PRIMARY_KEY")
                            .contains(": EVENT_ID IN(")
                            .doesNotContain("tableScan"));
        }
    }

    @Nested
    class OnMariaDb extends OnEither {
        OnMariaDb() {
            super(TestDatabase.mariaDb());
        }
    }

    @Nested
    class OnMySql extends OnEither {
        OnMySql() {
            super(new TestDatabase(ConnectionFactories.get(MySqlServer.freshDatabase())));
        }
    }

    /** By the server's own count of rows that were read, in the one session that does it all. */
    abstract static class OnEither extends OnEveryDatabase {

        private final ConnectionPool pool;

        OnEither(TestDatabase database) {
            this(database, database.pool(1));
        }

        private OnEither(TestDatabase database, ConnectionPool pool) {
            super(database, migrated -> pool);
            this.pool = pool;
        }

        @Override
        String rows() {
            return "WITH RECURSIVE tens AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM tens WHERE i < 9)"
                    + " SELECT UNHEX(REPLACE(UUID(), '-', '')) AS id,"
                    + " 1 + a.i + 10 * b.i + 100 * c.i + 1000 * d.i + 10000 * e.i AS i"
                    + " FROM tens a, tens b, tens c, tens d, tens e WHERE e.i < " + MANY / 10_000;
        }

        @Override
        String now(String seconds) {
            return "UTC_TIMESTAMP(6) + INTERVAL (" + seconds + ") SECOND";
        }

        @Override
        long rowsRead() {
            return Flux.usingWhen(
                            pool.create(),
                            connection -> Flux.from(connection
                                            .createStatement("SHOW SESSION STATUS LIKE 'Handler_read%'")
                                            .execute())
                                    .concatMap(result -> result.map(row -> Long.parseLong(row.get(1, String.class)))),
                            connection -> connection.close())
                    .reduce(0L, Long::sum)
                    .block(LIMIT);
        }

        @AfterAll
        void dispose() {
            pool.disposeLater().block(LIMIT);
        }
    }

    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    abstract static class OnEveryDatabase {

        private final TestDatabase database;
        private final R2dbcEventChannel events;
        private final DeadLetters dead;

        OnEveryDatabase(TestDatabase database, Function<TestDatabase, ConnectionFactory> counted) {
            this.database = database.migrated();
            this.events = TestDatabase.builder(counted.apply(database)).build();
            this.dead = events.deadLetters("orders");
        }

        /** So many rows of random ids, named {@code id}, and of the numbers from one, named {@code i}. */
        abstract String rows();

        /** The time, with so many seconds more. */
        abstract String now(String seconds);

        /** How many rows were read so far. */
        abstract long rowsRead();

        @BeforeAll
        void manyOfEachKind() {
            insert("dead", "NULL", now("-i"));
            insert("acked", "NULL", now("-i"));
            insert("ready", now("-i"), "NULL");
            insert("ready", now("3600 + i"), "NULL");
        }

        private void insert(String status, String available, String settled) {
            database.execute("INSERT INTO \"queue\""
                    + " (event_id, channel, payload, deliver_at, created_at, status, available_at, settled_at)"
                    + " SELECT id, 'orders', '1', " + now("-i - 1") + ", " + now("-i - 1") + ", '" + status + "', "
                    + available + ", " + settled + " FROM (" + rows() + ") AS many");
        }

        @AfterAll
        void shutDown() {
            events.shutdown().block(LIMIT);
        }

        private <T> T reading(Mono<T> asked) {
            long before = rowsRead();
            T answer = asked.block(LIMIT);
            assertThat(rowsRead() - before).as("rows read").isBetween(1L, (long) MOST);
            return answer;
        }

        @Test
        void aPageIsReadAndNoMore() {
            List<DeadLetter> page =
                    reading(dead.browse(DeadLetterQuery.latest(STEP)).collectList());
            String last = page.get(STEP - 1).cursor();
            assertThat(reading(dead.browse(DeadLetterQuery.latest(STEP).after(last))
                            .collectList()))
                    .hasSize(STEP)
                    .doesNotContainAnyElementsOf(page);
            assertThat(reading(dead.browse(DeadLetterQuery.oldest(STEP)
                                    .withDiedFrom(page.get(0).diedAt().minusSeconds(MANY / 2)))
                            .collectList()))
                    .hasSize(STEP);
        }

        @Test
        void someAreRequeuedOrPurgedByThemselves() {
            assertThat(reading(dead.requeue(DeadLetterQuery.latest(STEP)))).isEqualTo(STEP);
            assertThat(reading(dead.purge(DeadLetterQuery.oldest(STEP)))).isEqualTo(STEP);
        }

        @Test
        void onlyAsManyAreCountedAsTheBoundSays() {
            ChannelCounts counts = reading(events.inspect().counts("orders", STEP));
            assertThat(List.of(counts.ready(), counts.delayed(), counts.acked(), counts.dead()))
                    .containsOnly(new Count(STEP, false));
            assertThat(reading(events.inspect().leases("orders", STEP).collectList()))
                    .isEmpty();
        }

        @Test
        void onlySoManyAreTimed() {
            ProcessingTimes times = reading(events.inspect().processingTimes("orders", STEP));
            assertThat(times.events()).isEqualTo(STEP);
            assertThat(times.median()).isEqualTo(Duration.ofSeconds(1));
        }
    }
}
