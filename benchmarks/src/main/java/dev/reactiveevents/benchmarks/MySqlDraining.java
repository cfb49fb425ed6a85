package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.function.Consumer;

/** Ours on MySQL and MariaDB: a subscriber consumes and acknowledges what is stored. */
final class MySqlDraining implements Contestant {

    private final MySqlLab lab;
    private final String table;
    private final Consumer<String> fill;
    private final ConnectionPool pool;
    private final R2dbcEventChannel events;
    private boolean again;

    MySqlDraining(MySqlLab lab, String table, Duration retention, Consumer<String> fill) {
        this.lab = lab;
        this.table = table;
        this.fill = fill;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = MySqlLab.channel(pool, table, retention);
    }

    /** Fills and drains again and again; only the draining counts. */
    MySqlDraining againAndAgain() {
        again = true;
        return this;
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        fill.accept(table);
    }

    @Override
    public double measure(Duration window) {
        double seconds = 0;
        long acked = 0;
        do {
            if (seconds > 0) {
                prepare();
            }
            long due = lab.number("SELECT count(*) FROM " + table + " WHERE available_at <= UTC_TIMESTAMP(6)");
            long start = System.nanoTime();
            acked += Draining.acks(events.subscribe(Lab.CHANNEL))
                    .take(due)
                    .take(window)
                    .count()
                    .block();
            seconds += (System.nanoTime() - start) / 1e9;
        } while (again && seconds < window.toNanos() / 1e9);
        return acked / seconds;
    }

    @Override
    public void close() {
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }
}
