package dev.reactiveevents.benchmarks;

import com.gruelbox.transactionoutbox.Dialect;
import com.gruelbox.transactionoutbox.ExecutorSubmitter;
import com.gruelbox.transactionoutbox.Instantiator;
import com.gruelbox.transactionoutbox.Persistor;
import com.gruelbox.transactionoutbox.Submitter;
import com.gruelbox.transactionoutbox.TransactionManager;
import com.gruelbox.transactionoutbox.TransactionOutbox;
import com.zaxxer.hikari.HikariDataSource;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** transaction-outbox, its background flush in a loop as its README has it, with its default batch and one thread a connection. */
final class TransactionOutboxPeer implements Contestant {

    /** What its entries call. */
    public static class Orders {

        private static final AtomicLong DONE = new AtomicLong();

        /**
         * Takes an order.
         *
         * @param payload the order as JSON
         */
        public void handle(String payload) {
            DONE.incrementAndGet();
        }
    }

    private static final int EVENTS = 50_000;

    private final Lab lab;
    private final HikariDataSource dataSource;
    private final ThreadPoolExecutor executor;
    private final TransactionOutbox outbox;

    TransactionOutboxPeer(Lab lab) {
        this.lab = lab;
        this.dataSource = lab.dataSource();
        this.executor = new ThreadPoolExecutor(
                Lab.CONNECTIONS, Lab.CONNECTIONS, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(16_384));
        lab.execute("DROP TABLE IF EXISTS txno_outbox, txno_version");
        TransactionManager transactions = TransactionManager.fromDataSource(dataSource);
        this.outbox = outbox(
                transactions, ExecutorSubmitter.builder().executor(executor).build());
        scheduleOne(transactions);
    }

    private static TransactionOutbox outbox(TransactionManager transactions, Submitter submitter) {
        return TransactionOutbox.builder()
                .transactionManager(transactions)
                .persistor(Persistor.forDialect(Dialect.POSTGRESQL_9))
                .instantiator(Instantiator.usingReflection())
                .submitter(submitter)
                .build();
    }

    /** One entry in its own format, from which the others are copied. Nobody takes it. */
    private void scheduleOne(TransactionManager transactions) {
        TransactionOutbox scheduling = outbox(transactions, (entry, work) -> {});
        transactions.inTransaction(() -> scheduling
                .schedule(Orders.class)
                .handle("{\"order\": 12345, \"customer\": \"anna\", \"note\": \"" + "x".repeat(60) + "\"}"));
        lab.execute("CREATE TABLE txno_template AS SELECT * FROM txno_outbox");
    }

    @Override
    public void prepare() {
        lab.execute("TRUNCATE txno_outbox");
        lab.execute("INSERT INTO txno_outbox (id, invocation, nextattempttime, attempts, blocked, processed, version)"
                + " SELECT gen_random_uuid()::text, invocation, now() AT TIME ZONE 'UTC' - interval '1 day', 0, false, false, 0"
                + " FROM txno_template, generate_series(1, " + EVENTS + ")");
        lab.tidy("txno_outbox");
    }

    @Override
    public double measure(Duration window) {
        long before = Orders.DONE.get();
        long start = System.nanoTime();
        long end = start + window.toNanos();
        while (System.nanoTime() < end && Orders.DONE.get() - before < EVENTS) {
            if (!outbox.flush()) {
                DbScheduler.await(new CountDownLatch(1), Duration.ofMillis(5));
            }
        }
        double rate = (Orders.DONE.get() - before) * 1e9 / (System.nanoTime() - start);
        executor.getQueue().clear();
        while (executor.getActiveCount() > 0) {
            Thread.onSpinWait();
        }
        return rate;
    }

    @Override
    public void close() {
        executor.shutdown();
        dataSource.close();
        lab.execute("DROP TABLE txno_outbox, txno_version, txno_template");
    }
}
