package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.stream.IntStream;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/** How many transactions a process with 500 idle subscriptions makes each second; the poll interval is the default, 1 s. */
final class IdleSubscriptions {

    private static final String TABLE = "bench_idle";
    private static final int SUBSCRIPTIONS = 500;
    private static final int SECONDS = 10;

    private IdleSubscriptions() {}

    static void check(Lab lab) {
        lab.createTable(TABLE);
        ConnectionPool pool = lab.pool();
        R2dbcEventChannel events = Lab.channel(pool, TABLE, Duration.ZERO);
        Disposable.Composite all = Disposables.composite();
        IntStream.range(0, SUBSCRIPTIONS)
                .mapToObj(i -> events.subscribe(Lab.CHANNEL + i))
                .forEach(channel -> all.add(channel.subscribe(EventMessage::payloadText)));
        pause(3);
        long before = transactions(lab);
        pause(SECONDS);
        long made = transactions(lab) - before;
        System.out.printf(
                "CHECK idle_subscriptions %.1f transactions/s of %d idle subscriptions%n",
                made / (double) SECONDS, SUBSCRIPTIONS);
        all.dispose();
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + TABLE);
    }

    /** The server writes its statistics with a delay of about a second, the same before and after. */
    private static long transactions(Lab lab) {
        return lab.number("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()");
    }

    private static void pause(int seconds) {
        Mono.delay(Duration.ofSeconds(seconds)).block();
    }
}
