package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.EventListener;
import dev.reactiveevents.EventMessage;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** What transactional handlers prepare in the sessions of PostgreSQL, which are not theirs alone. */
class PostgresTransactionsTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String OURS =
            "SELECT name FROM pg_prepared_statements WHERE name ~ '^reactive_events_(pin|lock|ack)_'";

    private final TestDatabase database = TestDatabase.postgres().migrated();
    private final List<String> told = Collections.synchronizedList(new ArrayList<>());
    private ConnectionPool pool;
    private R2dbcEventChannel events;

    @BeforeEach
    void open() {
        pool = database.pool(1); // so that each transaction is in the same session
        events = TestDatabase.builder(pool).build();
    }

    @AfterEach
    void close() {
        events.shutdown().block(LIMIT);
        pool.disposeLater().block(LIMIT);
    }

    /** Publishes one event after the other, each when the one before is acknowledged. */
    private void handle(int count, TransactionalHandler work) {
        EventListener listener = events.listen("payments", events.transactional(work));
        for (int i = 0; i < count; i++) {
            String id = events.publish("payments", i).block(LIMIT);
            database.await("SELECT COUNT(*) FROM queue WHERE status = 'acked' AND event_id = '" + id + "'", 1);
        }
        listener.stop(LIMIT).block(LIMIT);
        assertThat(database.number("SELECT CAST(max(attempts) AS BIGINT) FROM queue"))
                .as("none failed")
                .isEqualTo(1);
    }

    private static Flux<String> query(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
                .concatMap(result -> result.map((row, metadata) -> row.get(0, String.class)));
    }

    private static Mono<Void> execute(Connection connection, String sql) {
        return Flux.from(connection.createStatement(sql).execute())
                .concatMap(result -> result.getRowsUpdated())
                .then();
    }

    @Test
    void eachStatementIsPreparedOnceInASession() {
        handle(3, (payment, connection) -> query(connection, OURS).doOnNext(told::add));
        assertThat(told).hasSize(9);
        assertThat(told.stream().distinct()).hasSize(3);
    }

    /** If preparing is broken off, the session must not lack what is needed only after the work. */
    @Test
    void theAcknowledgementIsPreparedFirst() {
        List<String> statements = new CopyOnWriteArrayList<>();
        events = TestDatabase.builder(Statements.noted(pool, statements::add)).build();
        handle(1, (payment, connection) -> Mono.empty());
        assertThat(statements)
                .filteredOn(sql -> sql.contains("PREPARE reactive_events_pin_"))
                .singleElement(InstanceOfAssertFactories.STRING)
                .containsSubsequence(
                        "PREPARE reactive_events_ack_",
                        "PREPARE reactive_events_pin_",
                        "PREPARE reactive_events_lock_");
    }

    /** Behind the rollback the acknowledgement would be stored for itself. */
    @Test
    void whoCancelsAsTheAcknowledgementBeginsRollsBackBoth() {
        database.execute("CREATE TABLE ledger (payment INT)");
        Disposable.Swap handling = Disposables.swap();
        CompletableFuture<Void> cancelled = new CompletableFuture<>();
        events = TestDatabase.builder(Statements.noted(pool, sql -> {
                    if (sql.contains("EXECUTE reactive_events_ack_")) {
                        handling.dispose();
                        cancelled.complete(null);
                    }
                }))
                .build();
        events.publish("payments", 1).block(LIMIT);
        EventMessage message = events.receive("payments", LIMIT).block(LIMIT);
        CompletableFuture<Void> written = new CompletableFuture<>();
        Sinks.Empty<Void> end = Sinks.empty();
        handling.update(
                events.transactional((payment, connection) -> execute(connection, "INSERT INTO ledger VALUES (1)")
                                .doOnSuccess(done -> written.complete(null))
                                .then(end.asMono()))
                        .handle(message)
                        .subscribe());
        Mono.fromFuture(written).block(LIMIT);
        end.tryEmitEmpty(); // it may not be waited for yet

        Mono.fromFuture(cancelled).block(LIMIT);
        String sql = "SELECT status || ' with ' || (SELECT count(*) FROM ledger) FROM queue";
        assertThat(Mono.usingWhen( // behind all that was sent on the connection
                                pool.create(),
                                connection -> query(connection, sql).next(),
                                Connection::close)
                        .block(LIMIT))
                .isEqualTo("leased with 0");
    }

    @Test
    void whatASessionHasForgottenIsPreparedAgain() {
        handle(
                6,
                (payment, connection) -> query(connection, OURS + " AND name NOT LIKE '%\\_ack\\_%'")
                        .collectList()
                        .flatMapMany(names -> Flux.fromIterable(
                                payment.payloadAs(Integer.class) % 2 == 0 ? names : names.subList(0, 1)))
                        .doOnNext(told::add)
                        .concatMap(name -> execute(connection, "DEALLOCATE " + name)));
        assertThat(told).hasSize(9);
    }

    @Test
    void aPlanThatWasMadeForAnEmptyTableReadsOnlyTheRowOfItsEvent() {
        handle(1, (payment, connection) -> Mono.empty());
        database.execute("DELETE FROM queue");
        database.execute("VACUUM (ANALYZE) queue");
        handle(10, (payment, connection) -> Mono.empty());
        database.execute("INSERT INTO queue (event_id, channel, payload, deliver_at, created_at)"
                + " SELECT gen_random_uuid(), 'others', '1', now(), now() FROM generate_series(1, 20000)");

        handle(
                1,
                (payment, connection) -> query(connection, OURS + " AND name NOT LIKE '%\\_pin\\_%'")
                        .concatMap(name -> query(
                                        connection,
                                        "EXPLAIN EXECUTE " + name + "('" + payment.eventId() + "', '"
                                                + payment.eventId() + "')")
                                .collectList())
                        .doOnNext(plan -> told.add(plan.toString())));
        assertThat(told)
                .hasSize(2)
                .allSatisfy(plan -> assertThat(plan)
                        .contains("Index Scan using queue_pkey")
                        .contains("event_id = $1")
                        .doesNotContain("Seq Scan"));
    }

    @Test
    void theHandlersStatementsArePlannedAsTheSessionWas() {
        handle(1, (payment, connection) -> Mono.empty());
        Mono.usingWhen(pool.create(), connection -> execute(connection, "SET enable_seqscan = off"), Connection::close)
                .block(LIMIT);
        handle(
                1,
                (payment, connection) ->
                        query(connection, "SHOW enable_seqscan").doOnNext(told::add));
        Mono.usingWhen(
                        pool.create(),
                        connection -> query(connection, "SHOW enable_seqscan")
                                .doOnNext(told::add)
                                .then(),
                        Connection::close)
                .block(LIMIT);
        Mono.usingWhen(pool.create(), connection -> execute(connection, "SET enable_seqscan = on"), Connection::close)
                .block(LIMIT);
        handle(
                1,
                (payment, connection) ->
                        query(connection, "SHOW enable_seqscan").doOnNext(told::add));
        assertThat(told).containsExactly("off", "off", "on");
    }

    @Test
    void whatRunsAtTheCommitIsPlannedAsTheSessionWas() {
        database.execute(
                "CREATE TABLE ledger (payment INTEGER)",
                "CREATE TABLE at_commit (planned TEXT)",
                "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
                        + " 'BEGIN INSERT INTO at_commit VALUES (current_setting(''enable_seqscan'')); RETURN NULL; END'",
                "CREATE CONSTRAINT TRIGGER note AFTER INSERT ON ledger DEFERRABLE INITIALLY DEFERRED"
                        + " FOR EACH ROW EXECUTE FUNCTION note()");
        handle(1, (payment, connection) -> execute(connection, "INSERT INTO ledger VALUES (1)"));
        assertThat(database.query("SELECT planned FROM at_commit", String.class))
                .containsExactly("on");
    }

    @Test
    void aHandlerMayResetTheSettingsOfItsSession() {
        database.execute("CREATE TABLE ledger (payment INTEGER)");
        handle(
                2,
                (payment, connection) ->
                        execute(connection, "RESET ALL").then(execute(connection, "INSERT INTO ledger VALUES (1)")));
        assertThat(database.number("SELECT COUNT(*) FROM ledger")).isEqualTo(2);
    }
}
