package dev.reactiveevents.r2dbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.reactiveevents.Event;
import dev.reactiveevents.EventException;
import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.dialect.Failure;
import dev.reactiveevents.r2dbc.dialect.OracleDialect;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.R2dbcNonTransientException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the Oracle dialect says and does, on H2 in its mode for Oracle. */
class OracleDialectTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final OracleOnH2 database = OracleOnH2.fresh();

    private R2dbcEventChannelBuilder builder() {
        return Channels.tableQueue(database).shutdownTimeout(Duration.ofMillis(200));
    }

    private static EventSchema schema(R2dbcEventChannelBuilder builder) {
        return EventSchema.of(builder.build());
    }

    @Test
    void theTablesAreMadeOnceHoweverOftenTheyAreAskedFor() {
        EventSchema schema = schema(builder());
        assertThatThrownBy(() -> schema.validate().block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("migrate()");
        schema.migrate().block(LIMIT);
        schema.migrate().block(LIMIT);
        schema.validate().block(LIMIT);
        schema.drop().block(LIMIT);
        schema.drop().block(LIMIT);
        assertThatThrownBy(() -> schema.validate().block(LIMIT)).isInstanceOf(EventException.Misconfigured.class);
    }

    @Test
    void whatUsesTablesThatAreNotThereSaysSo() {
        assertThatThrownBy(() -> builder().build().publish("orders", 42).block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContaining("migrate()");
    }

    @Test
    void theScriptIsBlocksThatEndWithASlashAndMakesNoSchema() {
        String script = schema(builder().queueTable("app.queue")).script();
        assertThat(script)
                .contains("\"app\".\"queue\"", "\nEND;\n/\n", "l_settings   VARCHAR2(100) := '';")
                .doesNotContain("CREATE SCHEMA");
        assertThat(schema(builder().options(Map.of("in_memory", true))).script())
                .contains("'in_memory = 1'", "INMEMORY PRIORITY HIGH", "-439");
        assertThat(schema(builder().inMemory(true).inMemory(false)).script()).contains(":= '';");
    }

    @Test
    void aServerThatIsTooOldOrComparesByLanguageIsRefused() {
        schema(builder()).migrate().block(LIMIT);
        PostgresServer.execute(database.h2(), "UPDATE nls_session_parameters SET \"VALUE\" = 'LINGUISTIC'");
        assertThatThrownBy(() -> builder().build().publish("orders", 42).block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("LINGUISTIC", "ALTER SESSION SET NLS_COMP = BINARY");
        PostgresServer.execute(
                database.h2(),
                "UPDATE nls_session_parameters SET \"VALUE\" = 'BINARY'",
                "UPDATE product_component_version SET version = '12.2.0.1.0'");
        assertThatThrownBy(() -> builder().build().publish("orders", 42).block(LIMIT))
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll("12.2.0.1.0", "19c");
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 10_667, 40_000})
    void largePayloadsAreStoredWhole(int length) {
        schema(builder()).migrate().block(LIMIT);
        R2dbcEventChannel channel = builder().build();
        String text = "ü€\uD83D\uDE00".repeat(length / 4);
        channel.publishAll(List.of(Event.of("orders", "small"), Event.of("orders", text), Event.of("orders", "last")))
                .block(LIMIT);
        List<String> payloads = channel.subscribe("orders")
                .take(3)
                .concatMap(message -> message.ack().thenReturn(message.payloadAs(String.class)))
                .collectList()
                .block(LIMIT);
        assertThat(payloads).containsExactly("small", text, "last");
        channel.shutdown().block(LIMIT);
    }

    @Test
    void moreThanAListOfOneStatementAreFoundAndStored() {
        schema(builder()).migrate().block(LIMIT);
        R2dbcEventChannel channel = builder().build();
        List<Event> events = IntStream.range(0, 700)
                .mapToObj(i -> Event.of("orders", i).withDeduplicationKey("k" + i))
                .toList();
        List<String> first = channel.publishAll(events.subList(0, 600)).block(LIMIT);
        List<String> all = channel.publishAll(events).block(LIMIT);
        assertThat(all).startsWith(first.toArray(String[]::new)).hasSize(700);
        List<String> received = channel.subscribe("orders")
                .take(700)
                .concatMap(message -> message.ack().thenReturn(message))
                .map(EventMessage::eventId)
                .collectList()
                .block(LIMIT);
        assertThat(received).isEqualTo(all);
        channel.shutdown().block(LIMIT);
    }

    @ParameterizedTest
    @CsvSource({
        "1, CONFLICT",
        "54, CONFLICT",
        "60, CONFLICT",
        "8177, CONFLICT",
        "942, MISSING",
        "904, MISSING",
        "1031, FORBIDDEN",
        "1017, ACCESS",
        "28000, ACCESS",
        "12541, DISCONNECTED",
        "12514, DISCONNECTED",
        "17002, DISCONNECTED",
        "17800, DISCONNECTED",
        "3113, DISCONNECTED",
        "28, DISCONNECTED",
        "12899, DATA",
        "1400, DATA",
        "1653, REFUSED",
        "6550, REFUSED",
        "1013, REFUSED"
    })
    void errorsAreToldByTheirNumbers(int code, Failure meaning) {
        assertThat(classify(code, "ORA-%05d".formatted(code))).isEqualTo(meaning);
    }

    @Test
    void aBlockThatDoesNotCompileSaysWhy() {
        assertThat(classify(6550, "ORA-06550: line 3:\nPL/SQL: ORA-00942: table or view does not exist"))
                .isEqualTo(Failure.MISSING);
        assertThat(classify(6550, "ORA-06550: line 3:\nPLS-00201: identifier 'DBMS_AQ' must be declared"))
                .isEqualTo(Failure.FORBIDDEN);
    }

    private static Failure classify(int code, String message) {
        return new OracleDialect().classify(new R2dbcNonTransientException(message, "72000", code) {});
    }

    @Test
    void aMissingPermissionIsToldWithTheGrantForEachTable() {
        Throwable told = new Failures(new OracleDialect(), dev.reactiveevents.r2dbc.dialect.QueueTable.of("app.queue"))
                .ofUndone("Storing", new R2dbcNonTransientException("ORA-01031", "42000", 1031) {});
        assertThat(told)
                .isInstanceOf(EventException.Misconfigured.class)
                .hasMessageContainingAll(
                        "GRANT SELECT, INSERT, UPDATE, DELETE ON \"app\".\"queue\" TO",
                        "GRANT SELECT, INSERT, UPDATE, DELETE ON \"app\".\"queue_maintenance\" TO");
    }

    @Test
    void aFactoryThatNamesItselfAsOraclesDriverDoesIsServed() {
        assertThat(Dialects.serving((ConnectionFactory) database)).isInstanceOf(OracleDialect.class);
    }
}
