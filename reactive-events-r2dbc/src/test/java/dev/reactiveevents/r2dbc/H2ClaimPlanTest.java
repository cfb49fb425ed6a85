package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.reactiveevents.r2dbc.dialect.H2Dialect;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.Claimed;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Statement;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A claim reads what it takes and little more, however many rows wait, are kept or are delayed: by H2's own count. */
class H2ClaimPlanTest {

    private static final int MANY = 100_000;
    private static final int BATCH = 300;
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern SCANNED = Pattern.compile("scanCount: (\\d+)");

    private final TestDatabase database = TestDatabase.h2().migrated();
    private final Queue<String> plans = new ConcurrentLinkedQueue<>();
    private final H2Dialect dialect = new H2Dialect();
    private final QueueTable table = QueueTable.of("queue");
    private final QueueStatements statements = dialect.statements(table, Duration.ofHours(1));
    private final Database connections =
            new Database(database.changed(connection -> connection.map(this::explaining)), dialect, table);

    @BeforeEach
    void someAreDue() {
        insert(10 * BATCH, "'ready', CURRENT_TIMESTAMP, NULL");
    }

    @Test
    void aBacklogIsNotWalked() {
        insert(MANY, "'ready', CURRENT_TIMESTAMP, NULL");
        assertThatAClaimIsCheap();
    }

    @Test
    void acknowledgedEventsThatAreKeptAreNotWalked() {
        insert(MANY, "'acked', NULL, CURRENT_TIMESTAMP");
        assertThatAClaimIsCheap();
    }

    @Test
    void delayedEventsAreNotWalked() {
        insert(MANY, "'ready', CURRENT_TIMESTAMP + INTERVAL '1' HOUR, NULL");
        assertThatAClaimIsCheap();
    }

    private void insert(int rows, String statusAvailableSettled) {
        database.execute("INSERT INTO \"queue\""
                + " (event_id, channel, payload, deliver_at, created_at, status, available_at, settled_at)"
                + " SELECT random_uuid(), 'orders', '1', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, "
                + statusAvailableSettled
                + " FROM system_range(1, " + rows + ")");
    }

    private void assertThatAClaimIsCheap() {
        Claimed claimed = claim();
        assertThat(claimed.events()).hasSize(BATCH);
        assertThat(plans)
                .hasSizeGreaterThan(1)
                .allSatisfy(plan ->
                        assertThat(scanned(plan)).as("rows read by %s", plan).isLessThan(5 * BATCH));
    }

    private Claimed claim() {
        Claim claim = new Claim(UUID.randomUUID(), LIMIT, false, List.of(new Claim.Request("orders", BATCH, 10)));
        return connections
                .claim("Claiming", connection -> statements.claim(connection, claim, "test", () -> {}))
                .block(LIMIT)
                .get(0);
    }

    private static int scanned(String plan) {
        return SCANNED.matcher(plan)
                .results()
                .mapToInt(count -> Integer.parseInt(count.group(1)))
                .sum();
    }

    // == Connections that explain each SELECT from the queue before they run it ==

    private Connection explaining(Connection connection) {
        return (Connection) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, values) -> {
                    Object answer = method.invoke(connection, values);
                    boolean select = method.getName().equals("createStatement")
                            && ((String) values[0]).stripLeading().startsWith("SELECT")
                            && ((String) values[0]).contains("\"queue\"");
                    return select ? explained(connection, (String) values[0], (Statement) answer) : answer;
                });
    }

    private Statement explained(Connection connection, String sql, Statement statement) {
        Statement explanation = connection.createStatement("EXPLAIN ANALYZE " + sql);
        return (Statement) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Statement.class}, (proxy, method, values) -> {
                    if (method.getName().equals("execute")) {
                        return explain(explanation).thenMany(Flux.from(statement.execute()));
                    }
                    method.invoke(explanation, values);
                    method.invoke(statement, values);
                    return proxy;
                });
    }

    private Mono<Void> explain(Statement explanation) {
        return Flux.from(explanation.execute())
                .concatMap(result -> result.map(row -> row.get(0, String.class)))
                .doOnNext(plans::add)
                .then();
    }
}
