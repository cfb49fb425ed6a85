package oracle.r2dbc.impl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.r2dbc.dialect.AdvancedQueue;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Incoming;
import dev.reactiveevents.r2dbc.dialect.AdvancedQueueStatements.Outgoing;
import dev.reactiveevents.r2dbc.dialect.Failure;
import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.math.BigDecimal;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The calls of Advanced Queuing through Oracle's own R2DBC driver, down to the calls that it makes of JDBC. */
class OracleQueueDriverTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final AdvancedQueue QUEUE = AdvancedQueue.of("shop");

    private final StubbedJdbc jdbc = new StubbedJdbc();
    private final Connection connection = jdbc.connection();
    private final OracleDialect dialect = new OracleDialect();
    private final AdvancedQueueStatements queues = dialect.advancedQueue(QueueTable.of("queue"));

    private static Outgoing message(String correlation) {
        return new Outgoing(QUEUE, correlation, "{}", 1, Duration.ofMillis(1_500), null);
    }

    @Test
    void severalMessagesAreABatchOfTextsNumbersTimesAndNulls() {
        queues.enqueue(connection, List.of(message("orders"), message(null)), false)
                .block(LIMIT);
        assertThat(jdbc.calls)
                .containsSubsequence(
                        "prepareStatement DECLARE",
                        "1 = String SHOP",
                        "2 = String orders",
                        "3 = Integer 1",
                        "4 = Long 2",
                        "5 = LocalDateTime 1970-01-01T00:00",
                        "6 = Integer 0",
                        "7 = String {}",
                        "row",
                        "2 = null",
                        "row",
                        "execute");
    }

    @Test
    void aDequeueIsACallWhoseOutsAreRegistered() {
        jdbc.outs.put(4, BigDecimal.ZERO);
        assertThat(queues.dequeue(connection, QUEUE, "orders", Duration.ofSeconds(5))
                        .block(LIMIT))
                .isNull();
        assertThat(jdbc.calls)
                .containsSubsequence(
                        "prepareCall DECLARE",
                        "1 = String SHOP",
                        "2 = Integer 5",
                        "3 = String orders",
                        "4 out NUMERIC",
                        "5 out VARBINARY",
                        "6 out VARCHAR",
                        "7 out NUMERIC",
                        "8 out VARCHAR",
                        "9 out CLOB",
                        "execute");
    }

    @Test
    void aMessageHasTheIdAndTheCountThatOracleGave() {
        UUID id = new UUID(1, 2);
        jdbc.outs.put(3, BigDecimal.ONE);
        jdbc.outs.put(4, new byte[] {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2});
        jdbc.outs.put(5, "orders");
        jdbc.outs.put(6, BigDecimal.valueOf(3));
        jdbc.outs.put(7, "{}");
        Incoming message = queues.dequeueExhausted(connection, QUEUE, null).block(LIMIT);
        assertThat(message).isEqualTo(new Incoming(id, "orders", 4, "{}"));
        assertThat(jdbc.calls)
                .containsSubsequence(
                        "1 = String AQ$_SHOP_T_E",
                        "2 = Integer 0",
                        "execute",
                        "1 = String AQ$_SHOP_T_E",
                        "2 = String 00000000000000010000000000000002",
                        "execute");
    }

    @Test
    void aMessageIsRemovedByItsId() {
        queues.remove(connection, QUEUE, new UUID(1, 2)).block(LIMIT);
        assertThat(jdbc.calls)
                .containsSubsequence(
                        "prepareStatement DECLARE",
                        "1 = String SHOP",
                        "2 = String 00000000000000010000000000000002",
                        "execute");
    }

    @Test
    void errorsOfQueuesComeByTheResultAndAreKnownByTheirNumbers() {
        record Known(int code, String message, Failure meaning) {}
        for (Known known : List.of(
                new Known(24010, "", Failure.MISSING),
                new Known(25205, "", Failure.MISSING),
                new Known(25226, "", Failure.REFUSED),
                new Known(25207, "", Failure.REFUSED),
                new Known(6550, "PLS-00201: identifier 'DBMS_AQ' must be declared", Failure.FORBIDDEN),
                new Known(3113, "", Failure.DISCONNECTED))) {
            jdbc.failures.put(
                    jdbc.executions(),
                    new SQLException("ORA-" + known.code() + known.message(), "72000", known.code()));
            assertThatThrownBy(() -> queues.dequeue(connection, QUEUE, null, Duration.ZERO)
                            .block(LIMIT))
                    .isInstanceOfSatisfying(
                            R2dbcException.class,
                            told -> assertThat(dialect.classify(told))
                                    .as("%s", known)
                                    .isEqualTo(known.meaning()));
        }
    }
}
