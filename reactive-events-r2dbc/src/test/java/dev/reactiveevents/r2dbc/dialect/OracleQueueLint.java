package dev.reactiveevents.r2dbc.dialect;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What is wrong with the calls of packages in a text: members, parameters and the fields of records are held against a list that
 * was written by hand from Oracle's documents.
 */
final class OracleQueueLint {

    private record Call(Set<String> required, Set<String> optional) {}

    private static final Map<String, Call> CALLS = Map.of(
            "DBMS_AQ.ENQUEUE",
            new Call(Set.of("queue_name", "enqueue_options", "message_properties", "payload", "msgid"), Set.of()),
            "DBMS_AQ.DEQUEUE",
            new Call(Set.of("queue_name", "dequeue_options", "message_properties", "payload", "msgid"), Set.of()),
            "DBMS_AQADM.CREATE_QUEUE_TABLE",
            new Call(
                    Set.of("queue_table", "queue_payload_type"),
                    Set.of(
                            "storage_clause",
                            "sort_list",
                            "multiple_consumers",
                            "message_grouping",
                            "comment",
                            "auto_commit",
                            "primary_instance",
                            "secondary_instance",
                            "compatible",
                            "secure")),
            "DBMS_AQADM.CREATE_QUEUE",
            new Call(
                    Set.of("queue_name", "queue_table"),
                    Set.of(
                            "queue_type",
                            "max_retries",
                            "retry_delay",
                            "retention_time",
                            "dependency_tracking",
                            "comment",
                            "auto_commit")),
            "DBMS_AQADM.START_QUEUE",
            new Call(Set.of("queue_name"), Set.of("enqueue", "dequeue")),
            "DBMS_AQADM.DROP_QUEUE_TABLE",
            new Call(Set.of("queue_table"), Set.of("force", "auto_commit")));

    private static final Set<String> MEMBERS = Set.of(
            "DBMS_AQ.IMMEDIATE",
            "DBMS_AQ.ON_COMMIT",
            "DBMS_AQ.REMOVE",
            "DBMS_AQ.LOCKED",
            "DBMS_AQ.NO_WAIT",
            "DBMS_AQ.FIRST_MESSAGE",
            "DBMS_AQ.ENQUEUE_OPTIONS_T",
            "DBMS_AQ.DEQUEUE_OPTIONS_T",
            "DBMS_AQ.MESSAGE_PROPERTIES_T",
            "DBMS_LOB.GETLENGTH",
            "DBMS_LOB.SUBSTR",
            "SYS.AQ$_JMS_TEXT_MESSAGE",
            "SYS.AQ$_JMS_TEXT_MESSAGE.CONSTRUCT");

    private static final Map<String, Set<String>> FIELDS = Map.of(
            "DBMS_AQ.ENQUEUE_OPTIONS_T",
            Set.of("visibility", "relative_msgid", "sequence_deviation", "transformation", "delivery_mode"),
            "DBMS_AQ.DEQUEUE_OPTIONS_T",
            Set.of(
                    "consumer_name",
                    "dequeue_mode",
                    "navigation",
                    "visibility",
                    "wait",
                    "msgid",
                    "correlation",
                    "deq_condition",
                    "signature",
                    "transformation",
                    "delivery_mode"),
            "DBMS_AQ.MESSAGE_PROPERTIES_T",
            Set.of(
                    "priority",
                    "delay",
                    "expiration",
                    "correlation",
                    "attempts",
                    "recipient_list",
                    "exception_queue",
                    "enqueue_time",
                    "state",
                    "sender_id",
                    "original_msgid",
                    "transaction_group",
                    "user_property",
                    "delivery_mode"),
            "SYS.AQ$_JMS_TEXT_MESSAGE",
            Set.of("set_text", "get_text"));

    private static final Pattern CALL = Pattern.compile("(DBMS_AQ(?:ADM)?\\.[A-Z_]+)\\s*\\(([^()]*)\\)");
    private static final Pattern MEMBER = Pattern.compile("\\b(?:DBMS_[A-Z]+|SYS)\\.[A-Z0-9_$]+(?:\\.[A-Z_]+)?");
    private static final Pattern NAMED = Pattern.compile("([a-z_]+)\\s*=>");
    private static final Pattern DECLARED = Pattern.compile("(?m)^\\s*(l_[a-z_]+)\\s+((?:DBMS_AQ|SYS)\\.[A-Z0-9_$]+)");
    private static final Pattern FIELD = Pattern.compile("\\b(l_[a-z_]+)\\.([a-z_]+)");

    private OracleQueueLint() {}

    static List<String> findings(String code) {
        List<String> findings = new ArrayList<>();
        MEMBER.matcher(code)
                .results()
                .map(found -> found.group())
                .filter(member -> !MEMBERS.contains(member) && !CALLS.containsKey(member))
                .forEach(member -> findings.add("Nothing is named " + member + "."));
        CALL.matcher(code).results().forEach(found -> call(found.group(1), found.group(2), findings));
        Map<String, String> types = new HashMap<>();
        DECLARED.matcher(code).results().forEach(found -> types.put(found.group(1), found.group(2)));
        FIELD.matcher(code)
                .results()
                .filter(found -> !FIELDS.getOrDefault(types.getOrDefault(found.group(1), ""), Set.of())
                        .contains(found.group(2)))
                .forEach(found -> findings.add("Nothing is named " + found.group() + "."));
        return findings;
    }

    private static void call(String procedure, String arguments, List<String> findings) {
        Call known = CALLS.get(procedure);
        if (known == null) {
            return;
        }
        Map<String, Long> given = NAMED.matcher(arguments)
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
        known.required().stream()
                .filter(name -> !given.containsKey(name))
                .forEach(name -> findings.add(procedure + " needs " + name + "."));
        given.forEach((name, count) -> {
            if (count > 1
                    || !known.required().contains(name) && !known.optional().contains(name)) {
                findings.add(procedure + " has no such " + name + ".");
            }
        });
    }

    /** Without what is looked at here. */
    static String without(String code) {
        return MEMBER.matcher(
                        FIELD.matcher(NAMED.matcher(code).replaceAll("=>")).replaceAll("$1"))
                .replaceAll("MEMBER");
    }
}
