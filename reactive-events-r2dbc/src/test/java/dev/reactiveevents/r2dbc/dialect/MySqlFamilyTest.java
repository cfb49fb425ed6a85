package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MySqlFamilyTest {

    private final Dialect dialect = new MySqlDialect();

    static final class Told extends R2dbcException {
        private static final long serialVersionUID = 1L;

        Told(String state, int code) {
            super("told", state, code);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "40001, 1213, CONFLICT", // deadlock
        "HY000, 1205, CONFLICT", // waited for a lock for too long
        "42S02, 1146, MISSING",
        "42000, 1049, MISSING", // no such database
        "42S22, 1054, MISSING",
        "42000, 1142, FORBIDDEN",
        "42000, 1044, FORBIDDEN",
        "28000, 1045, ACCESS",
        "08004, 1040, DISCONNECTED", // no room for connections
        "70100, 1927, DISCONNECTED", // killed
        "22001, 1406, DATA",
        "23000, 1062, DATA",
        "42000, 1064, REFUSED",
        "HY000, 1290, REFUSED"
    })
    void errorsAreToldByTheirNumbers(String state, int code, Failure meaning) {
        assertThat(dialect.classify(new Told(state, code))).isEqualTo(meaning);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "8.0.4",
                "8.0.15",
                "8.4.3",
                "9.1.0",
                "10.6.0-MariaDB",
                "11.4.5-MariaDB-log",
                "5.5.5-10.11.6-MariaDB",
                "something else"
            })
    void theseVersionsWillDo(String version) {
        assertThat(MySqlFamily.isNewEnough(version)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"5.7.44", "8.0.3", "10.5.29-MariaDB", "5.5.5-10.3.39-MariaDB"})
    void theseAreTooOld(String version) {
        assertThat(MySqlFamily.isNewEnough(version)).isFalse();
    }

    @Test
    void theDefaultsAreThoseOfTheFamily() {
        for (Dialect either : new Dialect[] {dialect, new MariaDbDialect()}) {
            assertThat(either.pollInterval()).isEqualTo(Duration.ofMillis(250));
            assertThat(either.pollAfterActivity()).isEqualTo(Duration.ofMillis(10));
            assertThat(either.lease()).isEqualTo(Duration.ofSeconds(5));
            assertThat(either.backends()).containsExactly("table_queue");
        }
    }
}
