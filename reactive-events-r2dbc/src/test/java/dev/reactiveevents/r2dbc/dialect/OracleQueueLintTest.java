package dev.reactiveevents.r2dbc.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Each text for Advanced Queuing passes the lint, among all others, and broken ones do not. */
class OracleQueueLintTest {

    private static final AdvancedQueueStatements QUEUES = new OracleDialect().advancedQueue(QueueTable.of("queue"));
    private static final String ENQUEUE = OracleQueueSql.ENQUEUE.strip();
    private static final String DEQUEUE = OracleQueueSql.DEQUEUE_OF.strip();
    private static final String REMOVE = OracleQueueSql.REMOVE.strip();
    private static final String CREATE = QUEUES.create(AdvancedQueue.of("app.shop"), 4);
    private static final String DROP = QUEUES.drop(AdvancedQueue.of("shop"));

    private record Broken(String what, String text, String from, String to) {}

    @TestFactory
    List<DynamicTest> textsThatAreWholePass() {
        return List.of(
                        ENQUEUE,
                        DEQUEUE,
                        OracleQueueSql.DEQUEUE_ANY.strip(),
                        REMOVE,
                        OracleQueueSql.STARTED.strip(),
                        CREATE,
                        DROP)
                .stream()
                .map(text -> DynamicTest.dynamicTest(
                        text.lines().skip(1).findFirst().orElse(text),
                        () -> assertThat(OracleLint.findings(text)).as(text).isEmpty()))
                .toList();
    }

    @TestFactory
    List<DynamicTest> textsThatAreBrokenAreFound() {
        return List.of(
                        new Broken("an unknown constant", ENQUEUE, "DBMS_AQ.ON_COMMIT", "DBMS_AQ.AT_COMMIT"),
                        new Broken("an unknown mode", REMOVE, "DBMS_AQ.REMOVE", "DBMS_AQ.DELETE"),
                        new Broken("a function that is not there", REMOVE, "HEXTORAW", "HEX_TO_RAW"),
                        new Broken("an unknown type", DEQUEUE, "DEQUEUE_OPTIONS_T", "DEQUE_OPTIONS_T"),
                        new Broken("an unknown package", DEQUEUE, "DBMS_LOB.SUBSTR", "DBMS_CLOB.SUBSTR"),
                        new Broken(
                                "an unknown procedure", CREATE, "DBMS_AQADM.CREATE_QUEUE(", "DBMS_AQADM.MAKE_QUEUE("),
                        new Broken("another package's", CREATE, "DBMS_AQADM.START_QUEUE", "DBMS_AQ.START_QUEUE"),
                        new Broken("a parameter too few", ENQUEUE, ",\n    msgid              => l_id", ""),
                        new Broken("a misspelt parameter", DEQUEUE, "dequeue_options    =>", "dequeue_option =>"),
                        new Broken("a parameter twice", DROP, "force =>", "queue_table => 'A', force =>"),
                        new Broken("a misspelt field", DEQUEUE, "l_options.navigation", "l_options.navigate"),
                        new Broken("a field of another record", ENQUEUE, "l_properties.delay", "l_options.delay"),
                        new Broken("a misspelt method", DEQUEUE, "l_message.get_text", "l_message.getText"),
                        new Broken("a record that is not declared", DEQUEUE, "l_options.wait", "l_option.wait"),
                        new Broken("a bind used twice", DEQUEUE, ":wait_seconds", ":queue_name"),
                        new Broken("an arrow in two", DROP, "force =>", "force = >"),
                        new Broken("a missing semicolon", ENQUEUE, "msgid              => l_id);", "msgid => l_id)"),
                        new Broken(
                                "a missing END",
                                DEQUEUE,
                                "WHEN e_no_message THEN l_found := 0;\n  END;",
                                "WHEN e_no_message THEN l_found := 0;"),
                        new Broken("an exception that is not declared", DEQUEUE, "WHEN e_no_message", "WHEN e_nothing"),
                        new Broken("an assignment by =", DEQUEUE, "l_found := 0", "l_found = 0"))
                .stream()
                .map(broken -> DynamicTest.dynamicTest(broken.what(), () -> {
                    String text = broken.text().replace(broken.from(), broken.to());
                    assertThat(text).isNotEqualTo(broken.text());
                    assertThat(OracleLint.findings(text)).as(text).isNotEmpty();
                }))
                .toList();
    }
}
