package dev.reactiveevents.benchmarks;

import dev.reactiveevents.EventMessage;
import dev.reactiveevents.kafka.KafkaProducers;
import dev.reactiveevents.kafka.KafkaRecords;
import dev.reactiveevents.kafka.KafkaTransport;
import dev.reactiveevents.r2dbc.R2dbcEventChannel;
import dev.reactiveevents.relay.OutboxRelay;
import io.r2dbc.pool.ConnectionPool;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.springframework.kafka.test.EmbeddedKafkaKraftBroker;
import reactor.core.Disposable;

/** Stored events go to a topic of a broker in this process, and are acknowledged once it has them. */
abstract class Relaying implements Contestant {

    private static final String TOPIC = "orders";
    private static final Duration LAST_ACKS = Duration.ofSeconds(5);

    private final Lab lab;
    private final String table;
    private final Draining.Fill fill;
    private final ConnectionPool pool;
    private final EmbeddedKafkaKraftBroker broker = new EmbeddedKafkaKraftBroker(1, 3, TOPIC);
    final R2dbcEventChannel events;
    final KafkaProducer<String, String> producer;

    private Relaying(Lab lab, String table, Draining.Fill fill) {
        this.lab = lab;
        this.table = table;
        this.fill = fill;
        lab.createTable(table);
        this.pool = lab.pool();
        this.events = Lab.channel(pool, table, Duration.ZERO);
        broker.afterPropertiesSet();
        this.producer = KafkaProducers.of(broker.getBrokersAsString());
    }

    @Override
    public void prepare() {
        lab.awaitNothingLeased(table);
        fill.fill(lab, table);
    }

    /** Until the window is over or nothing is left. */
    static void await(LongSupplier acked, long stored, Duration window) {
        long end = System.nanoTime() + window.toNanos();
        while (System.nanoTime() < end && acked.getAsLong() < stored) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    long stored() {
        return lab.number("SELECT count(*) FROM " + table);
    }

    @Override
    public void close() {
        producer.close();
        broker.destroy();
        events.shutdown().block();
        pool.dispose();
        lab.execute("DROP TABLE " + table);
    }

    /** By a relay. */
    static final class ByRelay extends Relaying {

        ByRelay(Lab lab, String table, Draining.Fill fill) {
            super(lab, table, fill);
        }

        @Override
        public double measure(Duration window) {
            long stored = stored();
            long start = System.nanoTime();
            OutboxRelay relay = OutboxRelay.from(events, Lab.CHANNEL)
                    .to(KafkaTransport.of(producer, TOPIC))
                    .start();
            await(() -> relay.counts().acked(), stored, window);
            relay.stop(LAST_ACKS).block();
            return relay.counts().acked() * 1e9 / (System.nanoTime() - start);
        }
    }

    /** By hand: each event is handed to the producer as it comes, and acknowledged in its callback. */
    static final class ByHand extends Relaying {

        ByHand(Lab lab, String table, Draining.Fill fill) {
            super(lab, table, fill);
        }

        @Override
        public double measure(Duration window) {
            long stored = stored();
            AtomicLong handed = new AtomicLong();
            AtomicLong acked = new AtomicLong();
            long start = System.nanoTime();
            Disposable subscription = events.subscribe(Lab.CHANNEL).subscribe(message -> {
                handed.incrementAndGet();
                send(message, acked);
            });
            await(acked::get, stored, window);
            subscription.dispose();
            await(acked::get, handed.get(), LAST_ACKS);
            return acked.get() * 1e9 / (System.nanoTime() - start);
        }

        @SuppressWarnings("FutureReturnValueIgnored")
        private void send(EventMessage message, AtomicLong acked) {
            producer.send(KafkaRecords.of(TOPIC, message), (metadata, failure) -> {
                if (failure == null) {
                    message.ack().subscribe(held -> acked.incrementAndGet());
                }
            });
        }
    }
}
