package dev.reactiveevents.r2dbc.dialect;

import dev.reactiveevents.spi.ClaimedEvent;
import dev.reactiveevents.spi.DeadEvent;
import io.r2dbc.spi.Clob;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Parameters;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.R2dbcType;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Advanced Queuing: classic queues with one consumer, whose messages are the texts of JMS. */
final class OracleQueue implements AdvancedQueueStatements {

    private final OracleText enqueue;
    private final OracleText dequeueAny;
    private final OracleText dequeueOf;
    private final OracleText remove;
    private final OracleText storeDead;
    private final OracleText started;

    OracleQueue(QueueTable table) {
        this.enqueue = new OracleText(table, OracleQueueSql.ENQUEUE);
        this.dequeueAny = new OracleText(table, OracleQueueSql.DEQUEUE_ANY);
        this.dequeueOf = new OracleText(table, OracleQueueSql.DEQUEUE_OF);
        this.remove = new OracleText(table, OracleQueueSql.REMOVE);
        this.storeDead = new OracleText(table, OracleQueueSql.STORE_DEAD);
        this.started = new OracleText(table, OracleQueueSql.STARTED);
    }

    // == Putting ==

    /** As batches, which large objects are no part of: the values of one have the same types. */
    @Override
    public Mono<Void> enqueue(Connection connection, List<Outgoing> messages, boolean immediately) {
        return Flux.fromIterable(batches(messages))
                .concatMap(batch -> OracleRow.counts(statement(connection, batch, immediately)))
                .then();
    }

    private static List<List<Outgoing>> batches(List<Outgoing> messages) {
        List<List<Outgoing>> batches = new ArrayList<>();
        int from = 0;
        for (int i = 1; i <= messages.size(); i++) {
            boolean ends = i == messages.size()
                    || OracleInsert.isLarge(messages.get(i - 1).text())
                    || OracleInsert.isLarge(messages.get(i).text());
            if (ends) {
                batches.add(messages.subList(from, i));
                from = i;
            }
        }
        return batches;
    }

    private Statement statement(Connection connection, List<Outgoing> batch, boolean immediately) {
        Statement statement = enqueue.on(connection);
        for (int i = 0; i < batch.size(); i++) {
            bind(i == 0 ? statement : statement.add(), batch.get(i), immediately);
        }
        return statement;
    }

    private static void bind(Statement statement, Outgoing message, boolean immediately) {
        Instant time = message.deliverAt();
        statement.bind("queue_name", message.queue().toString());
        OracleInsert.bind(statement, "correlation", message.correlation());
        statement
                .bind("message_priority", message.priority())
                .bind("delay_seconds", seconds(message.delay()))
                .bind("due_at", OracleText.time(time == null || time.isBefore(Instant.EPOCH) ? Instant.EPOCH : time))
                .bind("immediately", immediately ? 1 : 0);
        OracleInsert.bind(statement, "message_text", message.text());
    }

    private static long seconds(Duration delay) {
        return delay.getNano() == 0 ? delay.toSeconds() : delay.toSeconds() + 1;
    }

    // == Taking ==

    @Override
    public Mono<Incoming> dequeue(
            Connection connection, AdvancedQueue queue, @Nullable String correlation, Duration wait) {
        return dequeue(connection, queue.toString(), correlation, wait);
    }

    @Override
    public Mono<Incoming> dequeueExhausted(Connection connection, AdvancedQueue queue, @Nullable String correlation) {
        return dequeue(connection, queue.exceptions(), correlation, Duration.ZERO)
                .flatMap(message -> remove(connection, queue.exceptions(), message.messageId())
                        .thenReturn(message));
    }

    @Override
    public Mono<Void> remove(Connection connection, AdvancedQueue queue, UUID messageId) {
        return remove(connection, queue.toString(), messageId);
    }

    private Mono<Void> remove(Connection connection, String queue, UUID messageId) {
        return OracleRow.counts(remove.on(connection)
                        .bind("queue_name", queue)
                        .bind("message_id", messageId.toString().replace("-", "")))
                .then();
    }

    private Mono<Incoming> dequeue(Connection connection, String queue, @Nullable String correlation, Duration wait) {
        Statement statement = correlation == null
                ? dequeueAny.on(connection)
                : dequeueOf.on(connection).bind("correlation", correlation);
        statement
                .bind("queue_name", queue)
                .bind("wait_seconds", Math.toIntExact(wait.toSeconds()))
                .bind("found_count", Parameters.out(R2dbcType.NUMERIC))
                .bind("message_id", Parameters.out(R2dbcType.VARBINARY))
                .bind("message_correlation", Parameters.out(R2dbcType.VARCHAR))
                .bind("retry_count", Parameters.out(R2dbcType.NUMERIC))
                .bind("text_short", Parameters.out(R2dbcType.VARCHAR))
                .bind("text_long", Parameters.out(R2dbcType.CLOB));
        return Sql.query(statement, OracleQueue::taken).single().flatMap(Taken::incoming);
    }

    private record Taken(
            boolean found,
            @Nullable Incoming incomplete,
            @Nullable Clob rest) {

        /** A large text is read while its message is still there, which it is until the commit. */
        Mono<Incoming> incoming() {
            Incoming message = incomplete;
            if (message == null) {
                return Mono.empty();
            }
            Clob large = rest;
            return large == null
                    ? Mono.just(message)
                    : Flux.from(large.stream())
                            .collect(Collectors.joining())
                            .flatMap(text -> Mono.from(large.discard())
                                    .thenReturn(new Incoming(
                                            message.messageId(), message.correlation(), message.deliveries(), text)));
        }
    }

    /** Nothing in a row may be used after this but a large object. How often it was rolled back is zero at first. */
    private static Taken taken(Readable out) {
        OracleRow row = new OracleRow(out);
        if (!Sql.required(row, "found_count", Boolean.class)) {
            return new Taken(false, null, null);
        }
        UUID id = Sql.requiredUuid(out, "message_id");
        Integer retries = row.get("retry_count", Integer.class);
        String text = out.get("text_short", String.class);
        Clob large = text == null ? out.get("text_long", Clob.class) : null;
        return new Taken(
                true,
                new Incoming(
                        id,
                        out.get("message_correlation", String.class),
                        (retries == null ? 0 : retries) + 1,
                        text == null ? "" : text),
                large);
    }

    // == Dead letters ==

    /** An event whose publishing was repeated may be in a queue twice, and die twice: it is one dead letter. */
    @Override
    public Mono<Void> storeDead(Connection connection, DeadEvent dead) {
        ClaimedEvent event = dead.event();
        Statement statement = storeDead
                .on(connection)
                .bind("event_id", event.eventId().toString())
                .bind("channel", event.channel())
                .bind("attempts", event.attempts())
                .bind("created_at", OracleText.time(event.publishedAt()));
        OracleInsert.bind(statement, "event_type", event.type());
        OracleInsert.bind(statement, "payload", event.payload());
        OracleInsert.bind(statement, "metadata", event.metadata());
        OracleInsert.bind(statement, "last_reason", dead.reason());
        return Sql.update(statement)
                .onErrorResume(
                        R2dbcException.class,
                        failure -> OracleErrors.isDuplicate(failure) ? Mono.just(0L) : Mono.error(failure))
                .then();
    }

    // == Schema ==

    @Override
    public Mono<Boolean> isStarted(Connection connection, AdvancedQueue queue) {
        Statement statement = started.on(connection).bind("queue_name", queue.name());
        OracleInsert.bind(statement, "queue_owner", queue.owner());
        return OracleRow.query(statement, row -> Sql.required(row, "started", Boolean.class))
                .next();
    }

    @Override
    public String create(AdvancedQueue queue, int maxRetries) {
        return filled(OracleQueueSql.CREATE, queue).replace("${max-retries}", String.valueOf(maxRetries));
    }

    @Override
    public String drop(AdvancedQueue queue) {
        return filled(OracleQueueSql.DROP, queue);
    }

    private static String filled(String template, AdvancedQueue queue) {
        return template.replace("${queue-table}", queue.table())
                .replace("${queue}", queue.toString())
                .replace("${exceptions}", queue.exceptions())
                .strip();
    }

    @Override
    public String grant(String queue) {
        return "GRANT EXECUTE ON DBMS_AQ TO that user, and for a queue of another user BEGIN"
                + " DBMS_AQADM.GRANT_QUEUE_PRIVILEGE('ALL', '" + queue
                + "', 'that user'); END;, and for a user who is to make"
                + " queues GRANT EXECUTE ON DBMS_AQADM TO that user";
    }
}
