package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.Dialect;
import dev.reactiveevents.r2dbc.dialect.MySqlDialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import dev.reactiveevents.spi.SettleResult;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Of an event that a batch settles under two tokens, a late one and its consumer's, only that of its consumer counts. */
class MySqlSettleTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final TestDatabase database = TestDatabase.mariaDb().migrated();
    private final List<TableQueueBackend> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(backend -> backend.shutdown().block(LIMIT));
    }

    private TableQueueBackend backend(Duration retention) {
        Dialect dialect = new MySqlDialect();
        QueueTable table = QueueTable.of("queue");
        Database connections = new Database(database.connections(), dialect, table);
        QueueStatements statements = dialect.statements(table, retention);
        TableQueueBackend backend = new TableQueueBackend(
                connections, dialect, table, statements, "test", Janitor.of(connections, statements, table, LIMIT));
        opened.add(backend);
        return backend;
    }

    private UUID claimed(TableQueueBackend backend, UUID token) {
        List<Claimed> claimed = backend.claim(
                        new Claim(token, LIMIT, false, List.of(new Claim.Request("orders", 10, 10))))
                .block(LIMIT);
        assertThat(claimed.get(0).events()).hasSize(1);
        UUID event = claimed.get(0).events().get(0).eventId();
        database.execute("UPDATE \"queue\" SET available_at = UTC_TIMESTAMP(6) - INTERVAL '1' SECOND");
        return event;
    }

    /** The late one comes first, with another delay. */
    private List<SettleResult> settledTwice(Outcome outcome, Duration retention) {
        TestDatabase.builder(database.connections())
                .build()
                .publish("orders", 1)
                .block(LIMIT);
        TableQueueBackend backend = backend(retention);
        UUID late = UUID.randomUUID();
        UUID current = UUID.randomUUID();
        UUID event = claimed(backend, late);
        assertThat(claimed(backend, current)).isEqualTo(event);
        return backend.settle(List.of(
                        new Settlement(outcome, "orders", event, late, Duration.ofHours(1), "late"),
                        new Settlement(outcome, "orders", event, current, Duration.ZERO, "current")))
                .block(LIMIT);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 24})
    void acknowledgements(int retentionHours) {
        SettleResult late = retentionHours == 0 ? SettleResult.GONE : SettleResult.LOST;
        assertThat(settledTwice(Outcome.ACK, Duration.ofHours(retentionHours)))
                .containsExactly(late, SettleResult.APPLIED);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 24})
    void retries(int retentionHours) {
        assertThat(settledTwice(Outcome.RETRY, Duration.ofHours(retentionHours)))
                .containsExactly(SettleResult.LOST, SettleResult.APPLIED);
        assertThat(database.query("SELECT last_error FROM \"queue\"", String.class))
                .containsExactly("current");
        assertThat(database.number("SELECT COUNT(*) FROM \"queue\" WHERE available_at <= UTC_TIMESTAMP(6)"))
                .isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 24})
    void extensions(int retentionHours) {
        assertThat(settledTwice(Outcome.EXTEND, Duration.ofHours(retentionHours)))
                .containsExactly(SettleResult.LOST, SettleResult.APPLIED);
        assertThat(database.number(
                        "SELECT COUNT(*) FROM \"queue\" WHERE available_at < UTC_TIMESTAMP(6) + INTERVAL '1' MINUTE"))
                .isEqualTo(1);
    }
}
