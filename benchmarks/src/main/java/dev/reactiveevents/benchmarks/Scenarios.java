package dev.reactiveevents.benchmarks;

import dev.reactiveevents.r2dbc.BackendType;
import java.time.Duration;
import java.util.List;

/** All that is compared, and the marks. */
final class Scenarios {

    private static final String OURS = "bench_ours";
    private static final String REFERENCE = "bench_reference";

    private static final int STORED = 400_000;
    private static final int GREAT_BACKLOG = 2_000_000;
    private static final int SMALL_BACKLOG = 20_000;
    private static final int DELAYED = 1_000_000;
    private static final int PINNED = 500_000;
    private static final int SPREAD = 100_000;
    private static final int CHANNELS = 500;
    private static final int KEYED = 200_000;
    private static final int KEYS = 1_000;
    private static final int HOT = 100_000;
    private static final int CALLERS = 64;
    private static final Duration KEPT = Duration.ofDays(1);

    private Scenarios() {}

    static List<Scenario> all() {
        return List.of(
                Scenario.rate(
                        "drain_vs_bare",
                        "consume and ack stored events / claim and settle by hand",
                        0.9,
                        lab -> new Draining(lab, OURS, Duration.ZERO, stored(STORED)),
                        lab -> new BareDrain(lab, REFERENCE, false, stored(STORED))),
                Scenario.rate(
                        "drain_retained_vs_bare",
                        "the same, acked rows are kept on both sides",
                        0.9,
                        lab -> new Draining(lab, OURS, KEPT, stored(STORED)),
                        lab -> new BareDrain(lab, REFERENCE, true, stored(STORED))),
                Scenario.rate(
                        "drain_vs_dbscheduler",
                        "consume and ack stored events / db-scheduler executes one-time tasks",
                        6,
                        lab -> new Draining(lab, OURS, Duration.ZERO, stored(STORED)),
                        DbScheduler::new),
                Scenario.rate(
                        "drain_vs_txoutbox",
                        "consume and ack stored events / transaction-outbox flushes its entries",
                        6,
                        lab -> new Draining(lab, OURS, Duration.ZERO, stored(STORED)),
                        TransactionOutboxPeer::new),
                Scenario.rate(
                        "publish_calls_vs_bare",
                        CALLERS + " callers, one publish after the other each / one INSERT a call, pool of 10",
                        3,
                        lab -> Publishing.ours(lab, OURS, CALLERS),
                        lab -> Publishing.bare(lab, REFERENCE, CALLERS)),
                Scenario.rate(
                        "publish_one_caller_vs_bare",
                        "one caller, one publish after the other / one INSERT a call",
                        0.9,
                        lab -> Publishing.ours(lab, OURS, 1),
                        lab -> Publishing.bare(lab, REFERENCE, 1)),
                Scenario.rate(
                        "publish_all_vs_bare",
                        "publishAll of 1,000 / one INSERT from arrays of 1,000, same mapper and objects",
                        0.85,
                        lab -> Publishing.oursTogether(lab, OURS),
                        lab -> Publishing.bareTogether(lab, REFERENCE)),
                Scenario.time(
                        "latency_vs_bare",
                        "publish to handler in one process at 200 events/s, median / INSERT and claim by hand",
                        0.7,
                        lab -> new Latency.Ours(lab, OURS),
                        lab -> new Latency.Bare(lab, REFERENCE)),
                Scenario.rate(
                        "flat_backlog",
                        "drain with 2,000,000 events waiting / fills of 20,000, only the draining timed",
                        0.8,
                        lab -> new Draining(lab, OURS, Duration.ZERO, topUp(GREAT_BACKLOG)),
                        lab -> new DrainingFills(lab, REFERENCE, SMALL_BACKLOG)),
                Scenario.rate(
                        "flat_retained",
                        "drain beside 2,000,000 acked rows / with none but those of the drain, which are kept on both sides",
                        0.8,
                        lab -> new Draining(lab, OURS, KEPT, beside(lab, OURS, GREAT_BACKLOG, 0)),
                        lab -> new Draining(lab, REFERENCE, KEPT, stored(STORED))),
                Scenario.rate(
                        "flat_delayed",
                        "drain with 1,000,000 delayed events present / with none",
                        0.8,
                        lab -> new Draining(lab, OURS, Duration.ZERO, beside(lab, OURS, 0, DELAYED)),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(STORED))),
                Scenario.rate(
                        "pinned_xmin",
                        "drain 500,000 events while another session holds a transaction open / without it",
                        0.8,
                        lab -> new Pinned(lab, new Draining(lab, OURS, Duration.ZERO, stored(PINNED)).allOfThem()),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(PINNED)).allOfThem()),
                Scenario.rate(
                        "many_channels",
                        "100,000 events spread over 500 channels, a subscriber each / all in one channel",
                        0.5,
                        lab -> new Draining(lab, OURS, Duration.ZERO, CHANNELS, spread()),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(SPREAD))),
                Scenario.rate(
                        "listener_vs_subscribe",
                        "listen with concurrency 8 and a handler that does nothing / consume and ack by subscribe",
                        0.85,
                        lab -> new Listening(lab, OURS, 8, stored(STORED)),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(STORED))),
                Scenario.rate(
                        "observed_vs_plain",
                        "consume and ack stored events with meters and timers / without an observer",
                        0.85,
                        lab -> new Draining(lab, OURS, Duration.ZERO, 1, stored(STORED), Observers.metered()),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(STORED))),
                Scenario.rate(
                        "traced_vs_plain",
                        "the same with OpenTelemetry's tracer besides, which samples everything / without an observer",
                        0,
                        lab -> new Draining(lab, OURS, Duration.ZERO, 1, stored(STORED), Observers.traced()),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(STORED))),
                Scenario.rate(
                        "observed_listener_vs_plain",
                        "listen with concurrency 8 with meters and timers / without an observer",
                        0,
                        lab -> new Listening(lab, OURS, 8, stored(STORED), Observers.metered()),
                        lab -> new Listening(lab, REFERENCE, 8, stored(STORED))),
                Scenario.time(
                        "durable_latency_vs_bare",
                        "publish to handler in another process at 200 events/s, median / INSERT, NOTIFY and claim by hand",
                        0.6,
                        lab -> new BetweenProcesses.Latency(lab, Way.Kind.DURABLE, OURS),
                        lab -> new BetweenProcesses.Latency(lab, Way.Kind.DURABLE_BY_HAND, REFERENCE)),
                Scenario.time(
                        "native_latency_vs_bare",
                        "the same, broadcast / NOTIFY and LISTEN by hand",
                        0.7,
                        lab -> new BetweenProcesses.Latency(lab, Way.Kind.NATIVE, OURS),
                        lab -> new BetweenProcesses.Latency(lab, Way.Kind.NATIVE_BY_HAND, REFERENCE)),
                Scenario.rate(
                        "native_throughput_vs_bare",
                        "broadcast to another process, publishAll of 500 / NOTIFY by hand of 500 in a transaction",
                        0.85,
                        lab -> new BetweenProcesses.Throughput(lab, Way.Kind.NATIVE, OURS),
                        lab -> new BetweenProcesses.Throughput(lab, Way.Kind.NATIVE_BY_HAND, REFERENCE)),
                Scenario.rate(
                        "durable_publish_vs_table",
                        CALLERS + " callers, listen_notify_durable / table_queue, another process only listens to both",
                        0.9,
                        lab -> new Overheard(
                                lab,
                                OURS,
                                true,
                                Publishing.ours(lab, OURS, CALLERS, BackendType.LISTEN_NOTIFY_DURABLE)),
                        lab -> new Overheard(lab, REFERENCE, false, Publishing.ours(lab, REFERENCE, CALLERS))),
                Scenario.rate(
                        "transactional_vs_bare",
                        "an INSERT by a transactional handler / the same transaction by hand, one event each, "
                                + TransactionalWork.CONCURRENCY + " at once",
                        0.8,
                        lab -> new TransactionalWork.Handled(lab, OURS),
                        lab -> new TransactionalWork.ByHand(lab, REFERENCE)),
                Scenario.rate(
                        "outbox_publish_vs_insert",
                        "publish in the caller's transaction, wakeOnCommit(false) / the same INSERT by hand, "
                                + OutboxPublishing.CALLERS + " transactions at once",
                        0.9,
                        lab -> OutboxPublishing.ours(lab, OURS, false),
                        lab -> OutboxPublishing.byHand(lab, REFERENCE)),
                Scenario.rate(
                        "outbox_waking_vs_silent",
                        "the same with wakeOnCommit(true) / with wakeOnCommit(false): what a NOTIFY in each commit costs",
                        0,
                        lab -> OutboxPublishing.ours(lab, OURS, true),
                        lab -> OutboxPublishing.ours(lab, REFERENCE, false)),
                Scenario.rate(
                        "relay_vs_bare",
                        "relay stored events to a Kafka broker in this process / the same by producer and callback",
                        0.7,
                        lab -> new Relaying.ByRelay(lab, OURS, stored(STORED)),
                        lab -> new Relaying.ByHand(lab, REFERENCE, stored(STORED))),
                Scenario.rate(
                        "bridge_publish_vs_reactive",
                        CALLERS + " threads publish by the blocking bridge / as many callers, reactive",
                        0.7,
                        lab -> new BridgePublishing(lab, OURS, CALLERS),
                        lab -> Publishing.ours(lab, REFERENCE, CALLERS)),
                Scenario.rate(
                        "bridge_listen_vs_reactive",
                        "a listener of concurrency " + BridgeListening.CONCURRENCY
                                + " on threads of the bridge / reactive",
                        0.7,
                        lab -> BridgeListening.blocking(lab, OURS, stored(STORED)),
                        lab -> BridgeListening.reactive(lab, REFERENCE, stored(STORED))),
                Scenario.rate(
                        "bridge_drain_vs_jdbc",
                        "take and ackAll by the blocking bridge / SELECT SKIP LOCKED, UPDATE, DELETE over JDBC",
                        0.8,
                        lab -> new BridgeDraining(lab, OURS, stored(STORED)),
                        lab -> new JdbcDraining(lab, REFERENCE, stored(STORED))),
                Scenario.rate(
                        "keyed_vs_unkeyed",
                        "drain 200,000 events over 1,000 interleaved keys / 200,000 events without keys",
                        0.5,
                        lab -> new Draining(lab, OURS, Duration.ZERO, withKeys()).allOfThem(),
                        lab -> new Draining(lab, REFERENCE, Duration.ZERO, stored(KEYED)).allOfThem()),
                Scenario.rate(
                        "cold_keys_beside_hot",
                        "drain 100,000 events over 10,000 keys behind 100,000 events of one key / without those",
                        0.5,
                        lab -> new ColdKeys(lab, OURS, HOT),
                        lab -> new ColdKeys(lab, REFERENCE, 0)));
    }

    private static Draining.Fill stored(int events) {
        return (lab, table) -> lab.refill(table, events);
    }

    private static Draining.Fill withKeys() {
        return (lab, table) -> {
            lab.execute("TRUNCATE " + table);
            lab.addWithKeys(table, KEYED, "key", KEYS);
            lab.tidy(table);
        };
    }

    private static Draining.Fill topUp(int events) {
        return (lab, table) -> {
            int missing = events - (int) lab.number("SELECT count(*) FROM " + table);
            if (missing > 0) {
                lab.add(table, missing, 1);
            }
            lab.tidy(table);
        };
    }

    private static Draining.Fill spread() {
        return (lab, table) -> {
            lab.execute("TRUNCATE " + table);
            lab.add(table, SPREAD, CHANNELS);
            lab.tidy(table);
        };
    }

    /** Events that are due beside others that are not to be touched. */
    private static Draining.Fill beside(Lab lab, String table, int acked, int delayed) {
        return (ignored, ignoredToo) -> {
            if (lab.number("SELECT count(*) FROM (SELECT FROM " + table + " LIMIT 1) AS any_row") == 0) {
                lab.addAcked(table, acked);
                lab.addDelayed(table, delayed);
            }
            lab.execute("DELETE FROM " + table + " WHERE status <> 'acked' AND available_at <= statement_timestamp()");
            lab.add(table, STORED, 1);
            lab.tidy(table);
        };
    }
}
