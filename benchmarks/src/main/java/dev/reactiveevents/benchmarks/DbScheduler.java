package dev.reactiveevents.benchmarks;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.serializer.Serializer;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.zaxxer.hikari.HikariDataSource;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * db-scheduler with lock-and-fetch, 20 threads and the limits 4 and 20, as its page on performance has it for small servers.
 */
final class DbScheduler implements Contestant {

    private static final int EVENTS = 80_000;

    private final Lab lab;
    private final HikariDataSource dataSource;

    DbScheduler(Lab lab) {
        this.lab = lab;
        this.dataSource = lab.dataSource();
        lab.execute("DROP TABLE IF EXISTS scheduled_tasks");
        lab.execute(
                "CREATE TABLE scheduled_tasks (task_name text NOT NULL, task_instance text NOT NULL, task_data bytea,"
                        + " execution_time timestamptz, picked boolean NOT NULL, picked_by text, last_success timestamptz,"
                        + " last_failure timestamptz, consecutive_failures int, last_heartbeat timestamptz,"
                        + " version bigint NOT NULL, priority smallint, state text, PRIMARY KEY (task_name, task_instance))");
        lab.execute("CREATE INDEX execution_time_idx ON scheduled_tasks (execution_time)");
        lab.execute("CREATE INDEX last_heartbeat_idx ON scheduled_tasks (last_heartbeat)");
    }

    @Override
    public void prepare() {
        lab.execute("TRUNCATE scheduled_tasks");
        lab.execute("INSERT INTO scheduled_tasks (task_name, task_instance, task_data, execution_time, picked, version)"
                + " SELECT 'orders', gen_random_uuid()::text, convert_to(jsonb_build_object('order', n, 'customer', 'anna',"
                + " 'note', repeat('x', 60))::text, 'UTF8'), now(), false, 1 FROM generate_series(1, " + EVENTS
                + ") n");
        lab.tidy("scheduled_tasks");
    }

    @Override
    public double measure(Duration window) {
        AtomicLong done = new AtomicLong();
        CountDownLatch all = new CountDownLatch(EVENTS);
        OneTimeTask<String> task = Tasks.oneTime("orders", String.class).execute((instance, context) -> {
            instance.getData();
            done.incrementAndGet();
            all.countDown();
        });
        Scheduler scheduler = Scheduler.create(dataSource, task)
                .threads(20)
                .pollUsingLockAndFetch(4.0, 20.0)
                .pollingInterval(Duration.ofSeconds(1))
                .serializer(new Text())
                .build();
        long start = System.nanoTime();
        scheduler.start();
        await(all, window);
        double rate = done.get() * 1e9 / (System.nanoTime() - start);
        scheduler.stop();
        return rate;
    }

    static void await(CountDownLatch latch, Duration window) {
        try {
            boolean ignored = latch.await(window.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        dataSource.close();
        lab.execute("DROP TABLE scheduled_tasks");
    }

    /** The payload is JSON text on all sides. */
    private static final class Text implements Serializer {
        @Override
        public byte[] serialize(Object data) {
            return data.toString().getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public <T> T deserialize(Class<T> type, byte[] data) {
            return type.cast(new String(data, StandardCharsets.UTF_8));
        }
    }
}
