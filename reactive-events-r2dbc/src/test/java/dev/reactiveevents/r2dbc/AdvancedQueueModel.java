package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.OracleQueueTexts;
import io.r2dbc.spi.Clob;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.ConnectionFactoryMetadata;
import io.r2dbc.spi.Parameter;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.regex.MatchResult;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * A model of Oracle with Advanced Queuing, behind the SPI of R2DBC: it answers the statements that the library sends, text by text,
 * and no others. What is known of queues from documents is in {@link ModelQueue}; tables are {@link OracleOnH2}. It shows that the
 * library is right if Oracle is as it was described, and not that it is.
 */
final class AdvancedQueueModel implements ConnectionFactory {

    private static final Scheduler SERVER = Schedulers.fromExecutorService(Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "model of Oracle");
        thread.setDaemon(true);
        return thread;
    }));

    private final OracleOnH2 tables = OracleOnH2.fresh();
    private final Map<String, ModelQueue> queues = new ConcurrentHashMap<>();
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
    final AtomicInteger dequeuesThatWait = new AtomicInteger();
    final Set<Session> sessionsThatDequeue = ConcurrentHashMap.newKeySet();
    volatile boolean withoutPrivileges;

    /** Commits are done, and their answers get lost. */
    volatile boolean cutsOffCommits;

    /** One connection, and what is open on it. One call at a time runs on it, and others wait for that. */
    final class Session {

        private final Connection table;
        private final ReentrantLock call = new ReentrantLock();
        private volatile boolean autoCommit = true;
        private volatile boolean broken;
        private volatile boolean closed;

        /** Otherwise there is no transaction of tables to be ended. */
        private volatile boolean usesTables;

        Session(Connection table) {
            this.table = table;
        }

        void end(boolean commits) {
            queues.values().forEach(queue -> queue.end(this, commits));
        }

        /** On the thread that asks, unless that would wait for another call. */
        <T> Mono<T> call(Callable<T> work) {
            return Mono.defer(() -> {
                if (!call.tryLock()) {
                    return waiting(work);
                }
                try {
                    return Mono.justOrEmpty(work.call());
                } catch (Exception failure) {
                    return Mono.error(failure);
                } finally {
                    call.unlock();
                }
            });
        }

        /** What is called off before its turn does nothing. */
        <T> Mono<T> waiting(Callable<T> work) {
            return Mono.fromCallable(() -> {
                        call.lockInterruptibly();
                        try {
                            return work.call();
                        } finally {
                            call.unlock();
                        }
                    })
                    .subscribeOn(SERVER);
        }
    }

    OracleOnH2 tables() {
        return tables;
    }

    ModelQueue queue(String name) {
        return queues.get(name);
    }

    /** Each session ends as one whose process was killed: what it holds is there again, and not counted. */
    void kill() {
        sessions.forEach(session -> {
            session.broken = true;
            queues.values().forEach(queue -> queue.abandon(session));
            Mono.from(session.table.rollbackTransaction()).subscribe(done -> {}, failure -> {});
        });
        sessions.clear();
    }

    @Override
    public ConnectionFactoryMetadata getMetadata() {
        return tables.getMetadata();
    }

    @Override
    public Publisher<? extends Connection> create() {
        return Mono.defer(() -> Mono.<Connection>from(tables.create())).map(table -> {
            Session session = new Session(table);
            sessions.add(session);
            return connection(session);
        });
    }

    private Connection connection(Session session) {
        return (Connection) Proxy.newProxyInstance(
                AdvancedQueueModel.class.getClassLoader(),
                new Class<?>[] {Connection.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("createStatement")) {
                        return statement(session, (String) arguments[0]);
                    }
                    boolean ends = method.getName().equals("commitTransaction")
                            || method.getName().equals("rollbackTransaction");
                    Mono<Void> also = session.call(() -> {
                        if (session.closed && method.getName().equals("close")) {
                            return null;
                        }
                        requireAlive(session);
                        also(session, method.getName(), arguments);
                        return null;
                    });
                    if (ends && !session.usesTables) {
                        return also;
                    }
                    try {
                        Object answer = method.invoke(session.table, arguments);
                        return answer instanceof Publisher<?> work
                                ? Flux.from(work).thenMany(also)
                                : answer;
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                });
    }

    private static void requireAlive(Session session) {
        if (session.broken) {
            throw OracleOnH2Error.numbered(17_410, "No more data to read from socket");
        }
        if (session.closed) {
            throw OracleOnH2Error.numbered(17_008, "Closed Connection");
        }
    }

    /** To close a connection is to commit what is open on it: so it is with Oracle. */
    private void also(Session session, String method, Object[] arguments) {
        switch (method) {
            case "setAutoCommit" -> {
                session.autoCommit = (Boolean) arguments[0];
                if (session.autoCommit) {
                    session.end(true);
                }
            }
            case "beginTransaction" -> session.autoCommit = false;
            case "commitTransaction" -> {
                session.end(true);
                session.broken = cutsOffCommits;
                requireAlive(session);
            }
            case "rollbackTransaction" -> session.end(false);
            case "close" -> {
                session.end(true);
                session.closed = true;
                sessions.remove(session);
            }
            default -> {}
        }
    }

    private Statement statement(Session session, String sql) {
        MatchResult created = OracleQueueTexts.created(sql);
        MatchResult dropped = OracleQueueTexts.dropped(sql);
        if (OracleQueueTexts.isEnqueue(sql)) {
            return special(session, sql, rows -> enqueue(session, rows));
        } else if (OracleQueueTexts.isDequeue(sql)) {
            return special(session, sql, rows -> dequeue(session, rows.get(0)));
        } else if (OracleQueueTexts.isRemove(sql)) {
            return special(session, sql, rows -> remove(session, rows.get(0)));
        } else if (OracleQueueTexts.isStarted(sql)) {
            return special(session, sql, rows -> started(rows.get(0)));
        } else if (created != null) {
            return special(session, sql, rows -> create(created.group(1), OracleQueueTexts.maxRetries(sql)));
        } else if (dropped != null) {
            return special(session, sql, rows -> {
                queues.remove(dropped.group(1));
                return OracleOnH2Result.nothing();
            });
        } else if (sql.contains("DBMS_AQ")) {
            throw new AssertionError("The model does not know:\n" + sql);
        }
        session.usesTables = true;
        return session.table.createStatement(sql);
    }

    private Statement special(Session session, String sql, Function<List<Map<String, Parameter>>, Result> answer) {
        return OracleOnH2Statement.of(
                sql,
                rows -> session.waiting(() -> {
                            requireAlive(session);
                            if (withoutPrivileges && sql.contains("DBMS_AQ")) {
                                throw OracleOnH2Error.numbered(
                                        6_550, "line 1, column 1:\nPLS-00201: identifier 'DBMS_AQ' must be declared");
                            }
                            Result result = answer.apply(rows);
                            requireAlive(session);
                            return result;
                        })
                        .flux());
    }

    private Result create(String name, int maxRetries) {
        queues.computeIfAbsent(name, made -> new ModelQueue(maxRetries, Duration.ofSeconds(1)))
                .start(true);
        return OracleOnH2Result.nothing();
    }

    private Result started(Map<String, Parameter> row) {
        ModelQueue queue = queues.get((String) row.get("queue_name").getValue());
        return queue == null
                ? OracleOnH2Result.nothing()
                : OracleOnH2Result.outs(Map.of("started", queue.isStarted() ? BigDecimal.ONE : BigDecimal.ZERO));
    }

    private ModelQueue usable(String name) {
        ModelQueue queue = queues.get(name);
        if (queue == null) {
            throw OracleOnH2Error.numbered(24_010, "QUEUE " + name + " does not exist");
        }
        if (!queue.isStarted()) {
            throw OracleOnH2Error.numbered(25_226, "dequeue failed, queue " + name + " is not enabled for dequeue");
        }
        return queue;
    }

    private Result enqueue(Session session, List<Map<String, Parameter>> rows) {
        for (Map<String, Parameter> row : rows) {
            Duration delay = Duration.ofSeconds(((Number) value(row, "delay_seconds")).longValue());
            Duration until = Duration.between(LocalDateTime.now(ZoneOffset.UTC), (LocalDateTime) value(row, "due_at"));
            Duration whole = until.isNegative() ? Duration.ZERO : Duration.ofSeconds(until.toSeconds() + 1);
            boolean immediately = value(row, "immediately").equals(1);
            usable((String) value(row, "queue_name"))
                    .enqueue(
                            immediately || session.autoCommit ? null : session,
                            (String) row.get("correlation").getValue(),
                            (Integer) value(row, "message_priority"),
                            delay.compareTo(whole) > 0 ? delay : whole,
                            text(value(row, "message_text")));
        }
        return OracleOnH2Result.nothing();
    }

    private static Object value(Map<String, Parameter> row, String name) {
        return Objects.requireNonNull(row.get(name).getValue(), name);
    }

    private static String text(Object bound) {
        return bound instanceof Clob large
                ? String.join("", Flux.from(large.stream()).collectList().block())
                : bound.toString();
    }

    private static boolean isOfExceptions(String name) {
        return name.startsWith("AQ$_");
    }

    private ModelQueue ofMessages(String name) {
        return usable(isOfExceptions(name) ? name.substring(4, name.length() - 4) : name);
    }

    private Result remove(Session session, Map<String, Parameter> row) {
        String name = (String) value(row, "queue_name");
        byte[] id = HexFormat.of().parseHex((String) value(row, "message_id"));
        if (!ofMessages(name).remove(session, id)) {
            throw OracleOnH2Error.numbered(25_263, "no message in queue " + name + " with message ID");
        }
        if (session.autoCommit) {
            session.end(true);
        }
        return OracleOnH2Result.nothing();
    }

    private Result dequeue(Session session, Map<String, Parameter> row) {
        sessionsThatDequeue.add(session);
        String name = (String) value(row, "queue_name");
        boolean exceptions = isOfExceptions(name);
        ModelQueue queue = ofMessages(name);
        Parameter correlation = row.get("correlation");
        Duration wait = Duration.ofSeconds(((Number) value(row, "wait_seconds")).longValue());
        dequeuesThatWait.addAndGet(wait.isZero() ? 0 : 1);
        ModelQueue.Message found;
        try {
            found = queue.dequeue(
                    session,
                    exceptions,
                    correlation == null ? "%" : (String) correlation.getValue(),
                    wait,
                    () -> session.broken);
        } finally {
            dequeuesThatWait.addAndGet(wait.isZero() ? 0 : -1);
        }
        Map<String, Object> outs = new HashMap<>();
        outs.put("found_count", found == null ? BigDecimal.ZERO : BigDecimal.ONE);
        if (found != null) {
            outs.put("message_id", ByteBuffer.wrap(found.id));
            outs.put("message_correlation", found.correlation);
            outs.put("retry_count", BigDecimal.valueOf(found.retries));
            boolean isShort = found.text.length() <= 8_000;
            outs.put("text_short", isShort ? found.text : null);
            outs.put("text_long", isShort ? null : Clob.from(Mono.just(found.text)));
            if (session.autoCommit) {
                session.end(true);
            }
        }
        return OracleOnH2Result.outs(outs);
    }
}
