package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every text for Oracle passes a grammar of PL/SQL and some rules, and texts that are broken do not. */
class OracleLintTest {

    private static final QueueTable TABLE = QueueTable.of("app.queue");

    @Test
    void allTextsAreLookedAt() {
        assertThat(OracleTexts.of(TABLE))
                .hasSizeGreaterThan(50)
                .anyMatch(text -> text.contains("BULK COLLECT"))
                .anyMatch(text -> text.contains("l_found"))
                .anyMatch(text -> text.contains("EXECUTE IMMEDIATE"))
                .anyMatch(text -> text.startsWith("MERGE") || text.contains("MERGE INTO"))
                .anyMatch(text -> text.contains("nls_session_parameters"))
                .anyMatch(text -> text.startsWith("DROP TABLE"))
                .anyMatch(text -> text.contains("last_error = :last_reason"))
                .noneMatch(text -> text.contains("${"));
    }

    @TestFactory
    List<DynamicTest> eachTextIsFound() {
        return OracleTexts.of(TABLE).stream()
                .map(text -> DynamicTest.dynamicTest(
                        text.lines().limit(2).reduce("", String::concat).strip(),
                        () -> assertThat(OracleLint.findings(text)).as(text).isEmpty()))
                .toList();
    }

    private static final String CLAIM = text("BULK COLLECT");
    private static final String FOUND = text("l_found");

    private static String text(String part) {
        return OracleTexts.of(TABLE).stream()
                .filter(text -> text.contains(part))
                .findFirst()
                .orElseThrow();
    }

    private record Broken(String what, String text, String from, String to) {}

    private static List<Broken> broken() {
        String settle = text("last_error = :last_reason");
        String insert = text("INSERT INTO \"app\".\"queue\"");
        String remains = text("AS passed_over");
        String keys = text("WITH walk (event_key");
        String many = text("UNION ALL SELECT CAST(:v1");
        String ddl = text("CREATE TABLE \"app\".\"queue\"");
        String merge = text("MERGE");
        return List.of(
                new Broken("a missing semicolon", CLAIM, "CLOSE c_due;", "CLOSE c_due"),
                new Broken("a missing END IF", CLAIM, "END IF;", ""),
                new Broken("a missing last semicolon", CLAIM, "END;", "END"),
                new Broken("a slash behind it", CLAIM, "END;", "END;\n/"),
                new Broken("a missing END LOOP", FOUND, "END LOOP;\n", ""),
                new Broken("an assignment by =", CLAIM, "l_buried := SQL", "l_buried = SQL"),
                new Broken("a misspelt keyword", CLAIM, "BULK COLLECT", "BULK COLECT"),
                new Broken(
                        "a limit of another database",
                        CLAIM,
                        "FOR UPDATE SKIP LOCKED",
                        "FETCH FIRST 5 ROWS ONLY FOR UPDATE SKIP LOCKED"),
                new Broken("ROWNUM", CLAIM, "e.lane = 0", "e.lane = 0 AND ROWNUM <= 5"),
                new Broken("a variable that is not declared", CLAIM, "LIMIT l_max;", "LIMIT l_most;"),
                new Broken("an assignment to what is not declared", CLAIM, "l_buried := SQL", "l_burried := SQL"),
                new Broken("a cursor that is not declared", CLAIM, "OPEN c_due", "OPEN c_dew"),
                new Broken("an exception that is not declared", ddl, "WHEN e_exists", "WHEN e_there"),
                new Broken("an attribute that there is not", FOUND, "%FOUND", "%FOUNDS"),
                new Broken("a bind used twice in a block", CLAIM, ":max_attempts", ":max_events"),
                new Broken("an unknown column", CLAIM, "e.lane_at", "e.lane_time"),
                new Broken("an unknown column in plain SQL", settle, "last_error", "last_reason"),
                new Broken("an unknown column of an insertion", insert, "event_key,", "key,"),
                new Broken("an unknown alias", remains, "FROM (SELECT MIN", "FROM (SELECT q.lane, MIN"),
                new Broken(
                        "an unknown function",
                        text("+ NUMTODSINTERVAL(:delay_seconds"),
                        "NUMTODSINTERVAL",
                        "NUMTODSINTERVALL"),
                new Broken(
                        "a package that is not ours to call", CLAIM, "OPEN c_due;", "DBMS_LOCK.SLEEP(1); OPEN c_due;"),
                new Broken("a reserved word as a bind", settle, ":event_id", ":date"),
                new Broken(
                        "an empty text that is compared",
                        keys,
                        "f.key_lane = 1",
                        "f.key_lane = 1 AND f.event_key > ''"),
                new Broken("a truth as a column", remains, "CASE WHEN EXISTS", "EXISTS"),
                new Broken("TRUE", remains, ":suspected = 1", ":suspected = TRUE"),
                new Broken("AS before the alias of a table", remains, "\"queue\" e", "\"queue\" AS e"),
                new Broken("a semicolon in plain SQL", settle, "'leased'", "'leased';"),
                new Broken("a parenthesis that is not closed", many, ") k", " k"),
                new Broken("a missing comma", insert, "channel, type", "channel type"),
                new Broken("a text that does not end", settle, "'leased'", "'leased"),
                new Broken(
                        "broken DDL in a text",
                        ddl,
                        "NUMBER(19) GENERATED ALWAYS AS IDENTITY",
                        "NUMBER(19 GENERATED ALWAYS AS IDENTITY"),
                new Broken("an unknown type in a text", ddl, "VARCHAR2(36 BYTE)", "VARCHARS2(36 BYTE)"),
                new Broken("MERGE without ON", merge, "ON (m.task = n.task)", ""),
                new Broken("RECURSIVE", keys, "WITH walk", "WITH RECURSIVE walk"));
    }

    @TestFactory
    List<DynamicTest> whatIsBrokenIsFound() {
        return broken().stream()
                .map(broken -> DynamicTest.dynamicTest(broken.what(), () -> {
                    assertThat(broken.text()).contains(broken.from());
                    String text = broken.text().replace(broken.from(), broken.to());
                    assertThat(OracleLint.findings(text)).as(text).isNotEmpty();
                }))
                .toList();
    }
}
