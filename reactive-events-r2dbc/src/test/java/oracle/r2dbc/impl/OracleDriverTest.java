package oracle.r2dbc.impl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.r2dbc.dialect.Failure;
import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import dev.reactiveevents.r2dbc.dialect.OracleTexts;
import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.spi.Claim;
import dev.reactiveevents.spi.NewEvent;
import dev.reactiveevents.spi.Settlement;
import dev.reactiveevents.spi.Settlement.Outcome;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Mono;

/** The statements of the dialect through Oracle's own R2DBC driver, down to the calls that it makes of JDBC. */
class OracleDriverTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final QueueTable TABLE = QueueTable.of("queue");
    private static final UUID ONE = new UUID(0, 1);
    private static final UUID TWO = new UUID(0, 2);

    private final StubbedJdbc jdbc = new StubbedJdbc();
    private final Connection connection = jdbc.connection();
    private final OracleDialect dialect = new OracleDialect();
    private final QueueStatements statements = dialect.statements(TABLE, Duration.ofDays(1));

    static List<String> texts() {
        return OracleTexts.of(TABLE);
    }

    /** Nothing that the driver takes for a bind is in a comment, in a literal or without a name, and nothing is missed. */
    @ParameterizedTest
    @MethodSource("texts")
    void theDriverFindsTheBindsThatAreMeant(String text) {
        List<String> found = SqlParameterParser.parse(text);
        Set<String> meant = new LinkedHashSet<>(java.util.regex.Pattern.compile("(?<![a-zA-Z0-9']):([a-z_][a-z0-9_]*)")
                .matcher(text.replaceAll("(?s)q'\\[.*?]'", ""))
                .results()
                .map(bind -> bind.group(1))
                .toList());
        assertThat(found).doesNotContainNull().containsAll(meant);
        assertThat(meant).containsAll(found);
        if (text.contains("BEGIN")) {
            assertThat(found).doesNotHaveDuplicates();
        }
    }

    private static NewEvent event(UUID id, String type, Duration delay) {
        return new NewEvent(id, false, "orders", type, null, "{\"a\":1}", null, delay, null);
    }

    @Test
    void aBatchIsOneStatementWithTextsNumbersTimesAndNulls() {
        dialect.begin(connection).block(LIMIT);
        statements
                .insert(connection, List.of(event(ONE, "t", Duration.ZERO), event(TWO, null, Duration.ZERO)))
                .block(LIMIT);
        assertThat(jdbc.calls)
                .containsSubsequence(
                        "autocommit false",
                        "prepareStatement SAVEPOINT",
                        "execute",
                        "prepareStatement INSERT",
                        "1 = String " + ONE,
                        "2 = String orders",
                        "3 = String t",
                        "4 = null",
                        "5 = String {\"a\":1}",
                        "6 = null",
                        "row",
                        "1 = String " + TWO,
                        "3 = null",
                        "row",
                        "execute");
    }

    @Test
    void whatComesLaterHasItsDelayInExactSecondsAndATime() {
        statements
                .insert(connection, List.of(event(ONE, "t", Duration.ofNanos(1_500_000_000))))
                .block(LIMIT);
        assertThat(jdbc.calls).contains("5 = BigDecimal 1.500000", "6 = LocalDateTime 1970-01-01T00:00");
    }

    @Test
    void aClaimIsACallWhoseOutsAreRegistered() {
        jdbc.outs.put(9, null);
        jdbc.outs.put(10, 0L);
        Claim claim = new Claim(ONE, Duration.ofSeconds(30), false, List.of(new Claim.Request("orders", 5, 10)));
        assertThatThrownBy(() ->
                        statements.claim(connection, claim, "me", () -> {}).block(LIMIT))
                .isInstanceOf(RuntimeException.class);
        assertThat(jdbc.calls)
                .containsSubsequence(
                        "prepareCall DECLARE",
                        "1 = Integer 5",
                        "2 = Integer 10",
                        "3 = Integer 2",
                        "4 = Integer 0",
                        "5 = String " + ONE,
                        "6 = String me",
                        "7 = BigDecimal 30.000000",
                        "8 = String orders",
                        "9 out VARCHAR",
                        "10 out NUMERIC",
                        "11 out TIMESTAMP",
                        "12 out TIMESTAMP",
                        "execute");
    }

    @Test
    void eachRowOfABatchHasItsCount() {
        List<Boolean> applied = statements
                .settle(connection, Outcome.ACK, List.of(ack(ONE), ack(TWO)))
                .block(LIMIT);
        assertThat(applied).containsExactly(true, false);
    }

    private static Settlement ack(UUID id) {
        return new Settlement(Outcome.ACK, "orders", id, UUID.randomUUID(), Duration.ZERO, null);
    }

    @Test
    void anErrorThatComesByTheResultIsNotPassedOver() {
        for (SQLException failure : List.of(
                new SQLException("ORA-00060", "61000", 60),
                new BatchUpdateException("ORA-00060", "61000", 60, new int[] {1}))) {
            jdbc.failures.put(jdbc.executions(), failure);
            assertThatThrownBy(() -> statements
                            .settle(connection, Outcome.ACK, List.of(ack(ONE), ack(TWO)))
                            .block(LIMIT))
                    .isInstanceOfSatisfying(
                            R2dbcException.class,
                            told -> assertThat(dialect.classify(told)).isEqualTo(Failure.CONFLICT));
        }
    }

    @Test
    void anIdThatIsThereIsUndoneToTheSavepointAndLookedFor() {
        dialect.begin(connection).block(LIMIT);
        jdbc.calls.clear();
        Mono<Long> inserted =
                statements.insert(connection, List.of(event(ONE, "t", Duration.ZERO), event(TWO, "t", Duration.ZERO)));
        jdbc.failures.put(1, new BatchUpdateException("ORA-00001", "23000", 1, new int[] {1}));
        assertThat(inserted.block(LIMIT)).isEqualTo(2);
        assertThat(jdbc.calls.stream()
                        .filter(call -> call.startsWith("prepare"))
                        .collect(Collectors.toList()))
                .startsWith(
                        "prepareStatement SAVEPOINT",
                        "prepareStatement INSERT",
                        "prepareStatement ROLLBACK",
                        "prepareStatement SELECT");
    }

    @Test
    void aTransactionIsNotBegunButCommittedOnce() {
        dialect.begin(connection).block(LIMIT);
        dialect.commit(connection).block(LIMIT);
        dialect.begin(connection).block(LIMIT);
        dialect.rollback(connection).block(LIMIT);
        assertThat(jdbc.calls)
                .startsWith("autocommit false", "commit", "autocommit true", "autocommit false", "rollback")
                .endsWith("autocommit true");
    }
}
