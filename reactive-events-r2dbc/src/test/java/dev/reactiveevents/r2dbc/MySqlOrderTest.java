package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.Event;
import dev.reactiveevents.SubscribeOptions;
import dev.reactiveevents.r2dbc.dialect.MySqlDialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * A walk of an index with locks sees each row as it is when it comes by. A batch that is committed while a claim walks over it must
 * be taken from its first event, or not at all.
 */
class MySqlOrderTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int BATCHES = Boolean.getBoolean("reactiveevents.soak") ? 2_000 : 100;
    private static final int SIZE = 300;
    private static final Pattern NUMBERS = Pattern.compile("FIELD\\(e\\.seq, ([0-9,]+)\\)");

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

    abstract static class OnEither {

        private final MySqlQueue queue;

        OnEither(String url) {
            queue = new MySqlQueue(url);
        }

        @AfterEach
        void close() {
            queue.close();
        }

        @Test
        void batchesComeInTheirOrderWhileTheyArePublished() {
            R2dbcEventChannel events = queue.open(queue.builder().lease(Duration.ofSeconds(30)));
            Sinks.Empty<Void> ready = Sinks.empty();
            CompletableFuture<List<Integer>> arrived = events.subscribe(
                            "orders", SubscribeOptions.defaults().withOnReady(ready::tryEmitEmpty))
                    .take(BATCHES * SIZE)
                    .flatMapSequential(message -> message.ack().thenReturn(message.payloadAs(Integer.class)), 1_024)
                    .collectList()
                    .toFuture();
            ready.asMono().block(LIMIT);
            Flux.range(0, BATCHES)
                    .concatMap(batch -> events.publishAll(IntStream.range(0, SIZE)
                            .mapToObj(i -> Event.of("orders", batch * SIZE + i))
                            .toList()))
                    .blockLast(LIMIT.multipliedBy(5));

            assertThat(Mono.fromFuture(arrived).block(LIMIT))
                    .isEqualTo(IntStream.range(0, BATCHES * SIZE).boxed().toList());
        }

        // == Committed between the first looks of a claim ==

        private static final int ROOM = 10;

        private static String older(int rows) {
            return "INSERT INTO " + MySqlQueue.TABLE
                    + " (event_id, channel, payload, deliver_at, created_at, status, available_at)"
                    + " WITH RECURSIVE tens AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM tens WHERE i < 9)"
                    + " SELECT UNHEX(REPLACE(UUID(), '-', '')), 'orders', '1', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), 'ready',"
                    + " UTC_TIMESTAMP(6) - INTERVAL 1 HOUR FROM tens a, tens b, tens c, tens d LIMIT " + rows;
        }

        /** Claims, and answers how many rows it tried to lock by their numbers, each time that it did. */
        private List<Integer> claimed(Mono<Void> afterItsFirstLook) {
            List<Integer> named = new CopyOnWriteArrayList<>();
            Connection connection = Mono.from(queue.pool().create()).block(LIMIT);
            Connection changed = Intercepted.of(Connection.class, connection, (method, values, answer) -> {
                String sql = method.equals("createStatement") ? (String) values[0] : "";
                Matcher numbers = NUMBERS.matcher(sql);
                if (numbers.find()) {
                    named.add(numbers.group(1).split(",").length);
                }
                return sql.contains("NOT IN (") ? later((Statement) answer, afterItsFirstLook) : answer;
            });
            MySqlDialect dialect = new MySqlDialect();
            Claim claim = new Claim(UUID.randomUUID(), LIMIT, false, List.of(new Claim.Request("orders", ROOM, 10)));
            QueueStatements statements = dialect.statements(QueueTable.of(MySqlQueue.TABLE), Duration.ofHours(1));
            dialect.begin(connection)
                    .then(statements.claim(changed, claim, "test", () -> {}))
                    .then(dialect.commit(connection))
                    .then(Mono.from(connection.close()))
                    .block(LIMIT);
            return named;
        }

        private static Statement later(Statement statement, Mono<Void> before) {
            return Intercepted.of(
                    Statement.class,
                    statement,
                    (method, values, answer) ->
                            method.equals("execute") ? before.thenMany((Publisher<?>) answer) : answer);
        }

        private static Mono<Void> committed(TestDatabase.Transaction transaction) {
            AtomicBoolean open = new AtomicBoolean(true);
            return Mono.defer(() ->
                    open.getAndSet(false) ? Mono.from(transaction.connection().commitTransaction()) : Mono.empty());
        }

        private void assertThatTheFirstAreLeased(int after) {
            String seq = "(SELECT %s(seq) FROM " + MySqlQueue.TABLE + " WHERE status = 'leased')";
            String count = "SELECT COUNT(*) FROM " + MySqlQueue.TABLE;
            assertThat(queue.database().number(count + " WHERE status = 'leased'"))
                    .isEqualTo(ROOM);
            assertThat(queue.database().number(count + " WHERE seq < " + seq.formatted("MIN")))
                    .isEqualTo(after);
            assertThat(queue.database().number(count + " WHERE seq <= " + seq.formatted("MAX")))
                    .isEqualTo(after + ROOM);
        }

        @Test
        void ofManyThatAreCommittedTogetherAClaimLocksNoMoreThanItTakes() {
            try (TestDatabase.Transaction large = queue.database().transaction(older(5_000))) {
                queue.open().publish("orders", 1).block(LIMIT);
                assertThat(claimed(committed(large))).containsExactly(ROOM);
            }
            assertThatTheFirstAreLeased(0);
        }

        @Test
        void whatOthersHoldDoesNotHideWhatIsCommittedBehindIt() {
            queue.database().execute(older(5 * ROOM));
            String[] hold = IntStream.rangeClosed(1, 5 * ROOM)
                    .mapToObj(seq -> "UPDATE " + MySqlQueue.TABLE + " SET attempts = attempts WHERE seq = " + seq)
                    .toArray(String[]::new);
            try (TestDatabase.Transaction others = queue.database().transaction(hold);
                    TestDatabase.Transaction large = queue.database().transaction(older(5_000))) {
                queue.open().publish("orders", 1).block(LIMIT);
                assertThat(claimed(committed(large))).containsExactly(ROOM, 2 * ROOM, 4 * ROOM);
                others.rollback();
            }
            assertThatTheFirstAreLeased(5 * ROOM);
        }
    }
}
