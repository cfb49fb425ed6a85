package dev.reactiveevents.r2dbc;

import dev.reactiveevents.r2dbc.dialect.QueueStatements;
import dev.reactiveevents.r2dbc.dialect.QueueTable;
import dev.reactiveevents.r2dbc.dialect.UpkeepStatements;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Removes acknowledged events and dead letters whose retention is over: in small batches, each a transaction of its own, and only where no
 * other process does so at the moment. A failure is told and the next round tries again.
 */
final class Janitor {

    private static final Logger LOG = Loggers.getLogger(Janitor.class);
    private static final int BATCH = 1_000;
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofMinutes(1);

    private final Database database;
    private final QueueStatements statements;
    private final String attempted;
    private final AtomicBoolean started = new AtomicBoolean();
    private final Sinks.Empty<Void> stop = Sinks.empty();
    private final Mono<Void> rounds;
    private volatile @Nullable Dead dead;
    private volatile boolean stopping;

    /** How dead letters are removed. */
    private record Dead(UpkeepStatements statements, Duration retention, String attempted) {}

    /** Looks often enough that nothing is kept for much longer than its retention, and not more. */
    static Janitor of(Database database, QueueStatements statements, QueueTable table, Duration retention) {
        Duration interval = retention.compareTo(SHORTEST) < 0 ? SHORTEST : retention;
        return new Janitor(database, statements, table, interval.compareTo(LONGEST) > 0 ? LONGEST : interval);
    }

    /** Removes dead letters as well, which are kept otherwise. To be called before it starts. */
    Janitor removingDead(UpkeepStatements statements, QueueTable table, Duration retention) {
        dead = new Dead(statements, retention, "Removing dead letters from " + table);
        return this;
    }

    Janitor(Database database, QueueStatements statements, QueueTable table, Duration interval) {
        this.database = database;
        this.statements = statements;
        this.attempted = "Removing acknowledged events from " + table;
        this.rounds = Mono.delay(
                        interval) // not Flux.interval: its end takes a lock for which BlockHound stops the thread
                .takeUntilOther(stop.asMono())
                .flatMap(tick -> round())
                .repeat(() -> !stopping)
                .then()
                .cache();
    }

    void start() {
        if (!started.get() && started.compareAndSet(false, true)) {
            rounds.subscribe();
        }
    }

    /** Awaits the batch in hand. */
    Mono<Void> stop() {
        return Mono.defer(() -> {
            stopping = true;
            stop.tryEmitEmpty();
            return started.get() ? rounds : Mono.empty();
        });
    }

    /** One round; public to none but tests. */
    Mono<Void> round() {
        return allOf(Mono.defer(this::batch))
                .then(Mono.defer(() -> dead == null ? Mono.empty() : allOf(deadBatch(dead))))
                .onErrorResume(failure -> {
                    LOG.warn("{} It is tried again later.", failure.getMessage());
                    return Mono.empty();
                });
    }

    private Mono<Void> allOf(Mono<Long> batch) {
        return batch.repeat(() -> !stopping)
                .takeUntil(deleted -> deleted < BATCH)
                .then();
    }

    private Mono<Long> deadBatch(Dead dead) {
        return database.transaction(
                dead.attempted(),
                connection -> dead.statements().deleteExpiredDead(connection, dead.retention(), BATCH));
    }

    private Mono<Long> batch() {
        return database.transaction(attempted, connection -> statements.deleteExpired(connection, BATCH));
    }
}
