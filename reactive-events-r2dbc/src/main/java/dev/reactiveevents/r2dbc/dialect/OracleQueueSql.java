package dev.reactiveevents.r2dbc.dialect;

/** The texts for Advanced Queuing. Each bind is copied to a variable, because a block can have it once only. */
final class OracleQueueSql {

    /** Whatever the session's zone is, a time is compared in UTC. A number of seconds has 31 bits there. */
    static final String ENQUEUE = """
            DECLARE
              l_queue       VARCHAR2(261)                 := :queue_name;
              l_correlation VARCHAR2(128)                 := :correlation;
              l_priority    PLS_INTEGER                   := :message_priority;
              l_seconds     NUMBER                        := :delay_seconds;
              l_due         TIMESTAMP(6)                  := :due_at;
              l_immediately PLS_INTEGER                   := :immediately;
              l_text        CLOB                          := :message_text;
              l_until       INTERVAL DAY(9) TO SECOND(6)  := l_due - SYS_EXTRACT_UTC(SYSTIMESTAMP);
              l_options     DBMS_AQ.ENQUEUE_OPTIONS_T;
              l_properties  DBMS_AQ.MESSAGE_PROPERTIES_T;
              l_message     SYS.AQ$_JMS_TEXT_MESSAGE      := SYS.AQ$_JMS_TEXT_MESSAGE.CONSTRUCT;
              l_id          RAW(16);
            BEGIN
              IF l_immediately = 1 THEN
                l_options.visibility := DBMS_AQ.IMMEDIATE;
              ELSE
                l_options.visibility := DBMS_AQ.ON_COMMIT;
              END IF;
              l_seconds := GREATEST(l_seconds, CEIL(EXTRACT(DAY FROM l_until) * 86400 + EXTRACT(HOUR FROM l_until) * 3600
                + EXTRACT(MINUTE FROM l_until) * 60 + EXTRACT(SECOND FROM l_until)));
              l_properties.correlation := l_correlation;
              l_properties.priority    := l_priority;
              l_properties.delay       := LEAST(l_seconds, 2147483647);
              l_message.set_text(l_text);
              DBMS_AQ.ENQUEUE(
                queue_name         => l_queue,
                enqueue_options    => l_options,
                message_properties => l_properties,
                payload            => l_message,
                msgid              => l_id);
            END;
            """;

    /**
     * It locks the message and leaves it where it is: of a rollback Oracle counts what was removed, and what nobody was given is
     * not to be counted. That no message came is no error here. The first one each time: the next one would be of those that were there at the first
     * dequeue. A short text comes as such, because a large object is one more trip.
     */
    private static final String DEQUEUE = """
            DECLARE
              l_queue       VARCHAR2(261)                 := :queue_name;
              l_wait        PLS_INTEGER                   := :wait_seconds;${declare-correlation}
              l_options     DBMS_AQ.DEQUEUE_OPTIONS_T;
              l_properties  DBMS_AQ.MESSAGE_PROPERTIES_T;
              l_message     SYS.AQ$_JMS_TEXT_MESSAGE;
              l_id          RAW(16);
              l_text        CLOB;
              l_short       VARCHAR2(32767);
              l_found       PLS_INTEGER                   := 1;
              e_no_message  EXCEPTION;
              PRAGMA EXCEPTION_INIT(e_no_message, -25228);
            BEGIN
              l_options.dequeue_mode := DBMS_AQ.LOCKED;
              l_options.navigation   := DBMS_AQ.FIRST_MESSAGE;
              l_options.visibility   := DBMS_AQ.ON_COMMIT;
              l_options.wait         := l_wait;${use-correlation}
              BEGIN
                DBMS_AQ.DEQUEUE(
                  queue_name         => l_queue,
                  dequeue_options    => l_options,
                  message_properties => l_properties,
                  payload            => l_message,
                  msgid              => l_id);
                l_message.get_text(l_text);
                IF DBMS_LOB.GETLENGTH(l_text) <= 8000 THEN
                  l_short := DBMS_LOB.SUBSTR(l_text, 8000, 1);
                  l_text  := NULL;
                END IF;
              EXCEPTION
                WHEN e_no_message THEN l_found := 0;
              END;
              :found_count         := l_found;
              :message_id          := l_id;
              :message_correlation := l_properties.correlation;
              :retry_count         := l_properties.attempts;
              :text_short          := l_short;
              :text_long           := l_text;
            END;
            """;

    static final String DEQUEUE_ANY =
            DEQUEUE.replace("${declare-correlation}", "").replace("${use-correlation}", "");

    static final String DEQUEUE_OF = DEQUEUE.replace(
                    "${declare-correlation}", "\n  l_correlation VARCHAR2(128)                 := :correlation;")
            .replace("${use-correlation}", "\n  l_options.correlation  := l_correlation;");

    /** Of what the transaction has locked. */
    static final String REMOVE = """
            DECLARE
              l_queue       VARCHAR2(261)                 := :queue_name;
              l_id          RAW(16)                       := HEXTORAW(:message_id);
              l_options     DBMS_AQ.DEQUEUE_OPTIONS_T;
              l_properties  DBMS_AQ.MESSAGE_PROPERTIES_T;
              l_message     SYS.AQ$_JMS_TEXT_MESSAGE;
              l_removed     RAW(16);
            BEGIN
              l_options.dequeue_mode := DBMS_AQ.REMOVE;
              l_options.navigation   := DBMS_AQ.FIRST_MESSAGE;
              l_options.visibility   := DBMS_AQ.ON_COMMIT;
              l_options.wait         := DBMS_AQ.NO_WAIT;
              l_options.msgid        := l_id;
              DBMS_AQ.DEQUEUE(
                queue_name         => l_queue,
                dequeue_options    => l_options,
                message_properties => l_properties,
                payload            => l_message,
                msgid              => l_removed);
            END;
            """;

    static final String STORE_DEAD = """
            INSERT INTO ${table}
                   (event_id, channel, type, status, attempts, created_at, deliver_at, settled_at, payload, metadata, last_error)
            VALUES (:event_id, :channel, :event_type, 'dead', :attempts, :created_at, :created_at, ${now}, :payload, :metadata,
                   :last_reason)
            """;

    static final String STARTED = """
            SELECT CASE WHEN TRIM(q.enqueue_enabled) = 'YES' AND TRIM(q.dequeue_enabled) = 'YES' THEN 1 ELSE 0 END AS started
              FROM all_queues q
             WHERE q.owner = COALESCE(:queue_owner, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')) AND q.name = :queue_name
            """;

    /** Repeatable, and repaired if it was stopped half-way: what is there is left as it is, and started. */
    static final String CREATE = """
            DECLARE
              e_table_exists EXCEPTION;
              e_queue_exists EXCEPTION;
              e_name_in_use  EXCEPTION;
              PRAGMA EXCEPTION_INIT(e_table_exists, -24001);
              PRAGMA EXCEPTION_INIT(e_queue_exists, -24006);
              PRAGMA EXCEPTION_INIT(e_name_in_use, -955);
            BEGIN
              BEGIN
                DBMS_AQADM.CREATE_QUEUE_TABLE(
                  queue_table        => '${queue-table}',
                  queue_payload_type => 'SYS.AQ$_JMS_TEXT_MESSAGE',
                  sort_list          => 'PRIORITY,ENQ_TIME',
                  multiple_consumers => FALSE);
              EXCEPTION
                WHEN e_table_exists OR e_name_in_use THEN NULL;
              END;
              BEGIN
                DBMS_AQADM.CREATE_QUEUE(
                  queue_name  => '${queue}',
                  queue_table => '${queue-table}',
                  max_retries => ${max-retries},
                  retry_delay => 1);
              EXCEPTION
                WHEN e_queue_exists THEN NULL;
              END;
              DBMS_AQADM.START_QUEUE(queue_name => '${queue}', enqueue => TRUE, dequeue => TRUE);
              DBMS_AQADM.START_QUEUE(queue_name => '${exceptions}', enqueue => FALSE, dequeue => TRUE);
            END;
            """;

    static final String DROP = """
            DECLARE
              e_no_table EXCEPTION;
              PRAGMA EXCEPTION_INIT(e_no_table, -24002);
            BEGIN
              DBMS_AQADM.DROP_QUEUE_TABLE(queue_table => '${queue-table}', force => TRUE);
            EXCEPTION
              WHEN e_no_table THEN NULL;
            END;
            """;

    private OracleQueueSql() {}
}
