package dev.reactiveevents.r2dbc;

import dev.reactiveevents.EventException;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Statement;
import io.r2dbc.spi.Wrapped;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.context.Context;

/** One connection that listens: what can be done with it while it lasts. One statement at a time. */
final class PostgresSession {

    private final PostgresqlConnection connection;
    private final int pid;
    private final long openedAt = System.nanoTime();
    private final Disposable.Swap probing = Disposables.swap();
    private final Disposable.Composite ending = Disposables.composite(probing);

    /** Listened to besides, to hear oneself being told something by another connection. */
    final String probeTopic;

    /** What is listened to; changed by the notifier's loop only. */
    final Set<String> listened = ConcurrentHashMap.newKeySet();

    private volatile Sinks.Empty<Void> echo = Sinks.empty();

    private PostgresSession(PostgresqlConnection connection, int pid) {
        this.connection = connection;
        this.pid = pid;
        this.probeTopic = "reactive_events.probe." + pid;
    }

    /**
     * Takes no place in a pool: a listener would keep it for good.
     *
     * @param patience how long a connection may take for its first answers; then it is closed
     */
    static Mono<PostgresSession> open(ConnectionFactory factory, Duration patience) {
        return Mono.defer(() -> Mono.<Connection>from(innermost(factory).create()))
                .flatMap(connection -> begin(connection)
                        .timeout(patience)
                        .onErrorResume(failure ->
                                Mono.from(connection.close()).onErrorComplete().then(Mono.error(failure))))
                .contextWrite(context -> Context.empty());
    }

    private static ConnectionFactory innermost(ConnectionFactory factory) {
        ConnectionFactory inner = factory;
        while (inner instanceof Wrapped<?> wrapped && wrapped.unwrap() instanceof ConnectionFactory next) {
            inner = next;
        }
        return inner;
    }

    private static PostgresqlConnection postgres(Connection connection) {
        Object inner = connection;
        while (!(inner instanceof PostgresqlConnection) && inner instanceof Wrapped<?> wrapped) {
            inner = wrapped.unwrap();
        }
        if (inner instanceof PostgresqlConnection found) {
            return found;
        }
        throw new EventException.Misconfigured(
                "Notifications were to be heard on a connection of "
                        + connection.getClass().getName()
                        + ", which is none of org.postgresql:r2dbc-postgresql and hides it; give a factory of that driver"
                        + " by R2dbcEventChannel.builder(…).listenerConnections(…).",
                null);
    }

    /** A notification that is lost in a crash of the server is a hint that is lost: its commit need not wait for the disk. */
    private static Mono<PostgresSession> begin(Connection connection) {
        return Mono.defer(() -> {
            PostgresqlConnection postgres = postgres(connection);
            return execute(postgres.createStatement("SET synchronous_commit = off"))
                    .then(Flux.from(postgres.createStatement("SELECT pg_backend_pid()")
                                    .execute())
                            .concatMap(result ->
                                    result.map((row, metadata) -> Objects.requireNonNull(row.get(0, Integer.class))))
                            .single())
                    .map(pid -> new PostgresSession(postgres, pid));
        });
    }

    private static Mono<Void> execute(Statement statement) {
        return Flux.from(statement.execute()).concatMap(Result::getRowsUpdated).then();
    }

    // == While it lasts ==

    /** Calls {@code onLost} once, when the connection is lost without having been closed here. */
    void start(Consumer<Notification> onNotification, Consumer<@Nullable Throwable> onLost) {
        ending.add(connection.getNotifications().subscribe(onNotification, onLost, () -> onLost.accept(null)));
    }

    boolean sent(Notification notification) {
        return notification.getProcessId() == pid;
    }

    Mono<Void> listen(Collection<String> topics) {
        return execute(connection.createStatement(each("LISTEN ", topics)))
                .doOnSuccess(done -> listened.addAll(topics));
    }

    /** From when it is asked for they count as not listened to: who wants one of them again must not be told that it is heard. */
    Mono<Void> unlisten(Collection<String> topics) {
        return Mono.defer(() -> {
            listened.removeAll(topics);
            return execute(connection.createStatement(each("UNLISTEN ", topics)));
        });
    }

    private static String each(String command, Collection<String> topics) {
        return topics.stream().map(topic -> command + quoted(topic)).collect(Collectors.joining("; "));
    }

    /** LISTEN takes no parameters. */
    private static String quoted(String topic) {
        return '"' + topic.replace("\"", "\"\"") + '"';
    }

    Mono<Void> notify(List<PostgresNotifier.Word> words) {
        return execute(connection
                .createStatement(
                        "SELECT count(pg_notify(topic, payload)) FROM unnest($1::text[], $2::text[]) AS w (topic, payload)")
                .bind(0, words.stream().map(PostgresNotifier.Word::topic).toArray(String[]::new))
                .bind(1, words.stream().map(PostgresNotifier.Word::payload).toArray(String[]::new)));
    }

    /** Completes when the probe has been heard. */
    Sinks.Empty<Void> echo() {
        return echo;
    }

    void forgetEcho() {
        echo = Sinks.empty();
    }

    boolean isOlderThan(Duration age) {
        return System.nanoTime() - openedAt > age.toNanos();
    }

    /** The timer of the next probe ends with the session. */
    void probesBy(Disposable timer) {
        probing.replace(timer); // the one before has gone off
    }

    void close() {
        ending.dispose();
        connection.close().subscribe(null, failure -> {});
    }

    @Override
    public String toString() {
        return "listening connection " + pid;
    }
}
